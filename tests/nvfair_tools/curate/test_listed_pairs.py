"""Pairs from a list: AVAPrintDB's published plans, and lists that do not fit."""

from collections import Counter
from pathlib import Path

import pytest

from nvfair_tools.curate.pairs import Driver
from nvfair_tools.curate.plans.rule import plan_listed_clips, plan_recipe
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.clip_list import ClipRow
from nvfair_tools.recipe.csv_table import read_csv_table
from nvfair_tools.recipe.recipe import Recipe

HEADER = "driver_id,driver_video_path,driver_video_randomname,target_id,target_image_path,split\n"


def recipe(path: Path, **pairs) -> Recipe:
    return Recipe.model_validate(
        {
            "name": "Plan",
            "output": "unused",
            "sources": [{"csv": "clips.csv"}],
            "rights": {"render_if": ["research"]},
            "generators": [{"name": "warp-dense"}],
            "pairs": pairs or {"file": str(path)},
        }
    )


def row(identity: str, name: str, source: str = "x") -> ClipRow:
    return ClipRow(Path(name), name, identity, source, "CC0", "yes", "research", name)


def published_rows(path: Path, namespace: str, digits: int) -> list[ClipRow]:
    """The clips of a published plan as a user lists them: in another folder and format."""
    names = {(record["driver_id"], record["driver_video_path"]) for _, record in read_csv_table(path).rows}
    return [
        row(f"{namespace}:{person[-digits:]}", f"downloads/{Path(name).stem}.flv", namespace)
        for person, name in sorted(names)
    ]


@pytest.mark.parametrize(
    ("name", "namespace", "digits", "cross", "own"),
    [("cremad", "cremad", 4, 17_838 - 6_120, 6_120), ("ravdess", "ravdess", 2, 4_185 - 1_440, 1_440)],
)
def test_avaprintdbs_published_plans_give_their_pairs(shared, name, namespace, digits, cross, own):
    path = shared / "protocols" / f"avaprintdb_{name}_plan.csv"
    rows = published_rows(path, namespace, digits)
    pairs = plan_listed_clips(recipe(path), rows, {row.identity: "test" for row in rows}).pairs
    assert pairs.count_kinds() == {"cross": cross, "self": own}


def test_a_list_in_the_published_form_needs_no_published_file(tmp_path):
    path = tmp_path / "plan.csv"
    lines = [
        f"C100{n},CREMA-D/mp4/100{n}_DFA_ANG_XX.mp4,uuid,C100{m},faces/C100{m}.png,DEV\n"
        for n, m in ((1, 1), (1, 2), (2, 1))
    ]
    path.write_text(HEADER + "".join(lines))
    rows = published_rows(path, "cremad", 4)
    planned = plan_listed_clips(recipe(path), rows, {row.identity: "train" for row in rows})
    assert [(pair.driver, pair.target) for pair in planned.pairs] == [
        ("cremad:1001", "cremad:1001"),
        ("cremad:1001", "cremad:1002"),
        ("cremad:1002", "cremad:1001"),
    ]
    assert planned.left_out == ()


def test_all_rows_that_do_not_fit_are_counted_with_an_example_of_each_kind(tmp_path):
    rows = [
        row("x:a", "one/c.mp4"),
        row("x:a", "two/c.mp4"),
        row("x:b", "b.mp4"),
        row("y:z", "z.mp4", "y"),
        row("x:t", "t.mp4"),
    ]
    splits = {"x:a": "train", "x:b": "train", "y:z": "train", "x:t": "test"}
    lines = [
        "x:a,c.avi,x:b",
        "x:nobody,c,x:a",
        "x:b,gone.mp4,x:a",
        "x:b,lost.mp4,x:a",
        "x:b,b.mp4,y:z",
        "x:b,b.mp4,x:t",
    ]
    path = tmp_path / "plan.csv"
    path.write_text("driver,clip,target\n" + "\n".join(lines) + "\n")
    with pytest.raises(NvfairError) as caught:
        plan_listed_clips(recipe(path), rows, splits)
    message = str(caught.value)
    assert "a file that the driver has several of (write the whole listed path): 1 row, such as" in message
    assert "people who are not in the list of clips: 1 row, such as row 3" in message
    assert "clips that are not in the list of clips: 2 rows, such as row 4 (gone.mp4 of x:b on x:a)" in message
    assert "different sources" in message
    assert "different splits" in message


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a,b\n1,2\n", "driver, clip and target"),
        ("driver,clip,target\nJohn,a.mp4,x:b\n", "row 2: driver 'John' is neither"),
        ("driver,clip,target\nx:a,a.mp4,x:b\nx:a,a.mp4,x:b\n", "row 3: says the same as row 2"),
        ("driver,clip,target\nx:a,,x:b\n", "row 2: clip is empty"),
        ("driver,clip,target\n", "it lists no pair"),
    ],
)
def test_a_list_that_cannot_be_read_says_where(tmp_path, text, message):
    path = tmp_path / "plan.csv"
    path.write_text(text)
    with pytest.raises(NvfairError, match=message):
        plan_listed_clips(recipe(path), [row("x:a", "a.mp4")], {"x:a": "train"})


def test_pairs_whose_clip_cannot_drive_are_left_out_and_said(tmp_path):
    path = tmp_path / "plan.csv"
    path.write_text("driver,clip,target\nx:a,a1.mp4,x:a\nx:a,a2.mp4,x:a\n")
    rows = [row("x:a", "a1.mp4"), row("x:a", "a2.mp4")]
    drivers = [Driver("id", "x:a", "x", "train", "a2.mp4")]
    everyone = plan_listed_clips(recipe(path), rows, {"x:a": "train"})
    planned = plan_recipe(recipe(path), drivers, everyone.pairs.targets, rows, {"x:a": "train"})
    assert Counter(pair.clip_id for pair in planned.pairs) == {"id": 1}
    assert "1 of 2 pairs" in planned.left_out[0]
    assert "row 2 (a1.mp4 of x:a on x:a)" in planned.left_out[0]


def test_a_list_and_other_rules_exclude_each_other_and_old_recipes_keep_their_hash(tmp_path):
    with pytest.raises(ValueError, match="leave out seed"):
        recipe(tmp_path, file="plan.csv", seed=3)
    with pytest.raises(ValueError, match="needs `faces_per_driver`"):
        recipe(tmp_path, balance=["gender"])
    # Computed by the version before these rules.
    assert (
        recipe(tmp_path, cross_per_clip=2).digest()
        == "e513b86ed35978b47de1c595b81de72a09af1d1ec5027614ddf37cb3d0066eb5"
    )
    assert (
        recipe(tmp_path, cross_per_clip=2, faces_per_driver=4).digest()
        != "e513b86ed35978b47de1c595b81de72a09af1d1ec5027614ddf37cb3d0066eb5"
    )
