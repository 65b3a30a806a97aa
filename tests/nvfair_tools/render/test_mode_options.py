"""Options of a generator's mode are checked with the recipe, before any work is done."""

import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.render.choice import resolve_generators
from tests.nvfair_tools.render.test_source_types import recipe


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"jaw": 1}, r"generators\.0 \(warp-dense\): warp-dense has no option jaw: it knows expression"),
        ({"expression": -1}, "option 'expression' must be a number >= 0; got -1"),
    ],
)
def test_an_option_that_no_video_could_be_rendered_with_is_refused(options, words):
    with pytest.raises(NvfairError, match=words):
        resolve_generators(recipe({"name": "warp-dense", "options": options}))


def test_an_option_that_is_known_reaches_the_mode():
    (generator,) = resolve_generators(recipe({"name": "warp-dense", "options": {"expression": 0.5}}))
    assert generator.mode.options == {"expression": 0.5}
