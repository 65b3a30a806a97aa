"""An item's id depends on everything that determines it, and its result says whether to run it again."""

from pathlib import Path

import pytest

from nvfair_tools.pipeline.items import failed, item_id, ok, rejected


def test_an_id_depends_on_every_determinant_and_not_on_their_order():
    id = item_id("clip", content="a", size=[1, 2])
    assert id == item_id("clip", size=[1, 2], content="a")
    others = [
        item_id("video", content="a", size=[1, 2]),
        item_id("clip", content="b", size=[1, 2]),
        item_id("clip", content="a", size=[2, 1]),
        item_id("clip", content="a", size=["1", 2]),
        item_id("clip", content="a"),
    ]
    assert len({id, *others}) == 6


def test_an_id_is_the_same_on_every_machine():
    # printf '%s' '["clip",{"content":"a"}]' | sha256sum
    assert item_id("clip", content="a") == "1f327a686f165629be3d"


@pytest.mark.parametrize("value", [float("nan"), Path("clip.mp4"), {1}])
def test_values_without_one_json_form_are_refused(value):
    with pytest.raises((TypeError, ValueError)):
        item_id("clip", value=value)


def test_only_retryable_failures_are_worth_another_run():
    assert [r.settled for r in (ok(), rejected("a"), failed("b", retryable=False), failed("c", retryable=True))] == [
        True,
        True,
        True,
        False,
    ]
