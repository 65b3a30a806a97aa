"""A key that stands twice is refused in every YAML file that people write."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from benchmark.methods.declaration import read_declaration
from leaderboard.settings import read_settings as read_board_settings
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import load_recipe
from nvfair_tools.releases.settings import load_settings as load_release_settings
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.unique_yaml import load_unique_yaml

RECIPE = """\
name: test
output: out
sources:
  - csv: clips.csv
    defaults:
      permitted_use: viewing only
      permitted_use: research
rights: {render_if: [research]}
generators: [{name: warp-dense}]
"""


@pytest.mark.parametrize(
    ("read", "text", "key"),
    [
        (load_recipe, RECIPE, "permitted_use"),
        (load_release_settings, "consent: asked\nconsent: not asked\n", "consent"),
        (CohortSettings.read, "seed: 1\nclips: 2\nseed: 3\n", "seed"),
        (read_declaration, "training: {people: [a:1]}\ntraining: {people: []}\n", "training"),
        (read_board_settings, "title: a\ntitle: b\n", "title"),
    ],
)
def test_a_key_that_is_given_twice_is_refused_by_name(tmp_path: Path, read: Callable[[Path], Any], text, key) -> None:
    (tmp_path / "file.yaml").write_text(text)
    with pytest.raises(NvfairError, match=f"the key '{key}' is given twice"):
        read(tmp_path / "file.yaml")


def test_the_same_key_in_two_mappings_is_two_keys():
    assert load_unique_yaml("a: {x: 1}\nb: {x: 2}\n") == {"a": {"x": 1}, "b": {"x": 2}}
