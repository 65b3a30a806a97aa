"""The table of a plan: one row a video, with ids that stay where a recipe grows."""

import pyarrow.parquet as pq
import pytest

from nvfair_tools.curate.pairs import Driver, Target, plan_pairs
from nvfair_tools.curate.plans import table as plan_table
from nvfair_tools.curate.plans.table import compare_plans, write_plan
from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.id_template import pack_ids
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.recipe.recipe import GeneratorChoice

PEOPLE = ["x:ann", "x:bob", "x:cid"]
WARP, TPS = GeneratorChoice(name="warp-dense"), GeneratorChoice(name="warp-tps", splits=("test",))


def pairs(k=None, people=PEOPLE):
    split = {"x:ann": "test", "x:bob": "test", "x:cid": "train"}
    drivers = [Driver(f"{person}.mp4", person, "x", split.get(person, "test"), f"{person}.mp4") for person in people]
    targets = [Target(person, "x", split.get(person, "test")) for person in people]
    return plan_pairs(drivers, targets, cross_per_clip=lambda _: k)


@pytest.mark.parametrize("rows_per_group", [2, 500_000])
def test_a_plan_has_a_row_for_each_video_of_each_generator(tmp_path, monkeypatch, rows_per_group):
    monkeypatch.setattr(plan_table, "_ROWS_PER_GROUP", rows_per_group)
    videos = [item_id("video", number=number) for number in range(9)]
    assert write_plan(tmp_path / "plan.parquet", pairs(), [WARP, TPS], pack_ids(videos)) == 9
    rows = pq.read_table(tmp_path / "plan.parquet").to_pylist()
    assert [row["video"] for row in rows] == videos
    assert [row["generator"] for row in rows] == ["warp-dense"] * 5 + ["warp-tps"] * 4
    assert rows[1] | {"id": "", "video": ""} == {
        "id": "",
        "video": "",
        "generator": "warp-dense",
        "kind": "cross",
        "source": "x",
        "split": "test",
        "target": "x:bob",
        "driver": "x:ann",
        "clip": "x:ann.mp4",
    }
    assert len({row["id"] for row in rows}) == 9
    assert rows[4]["kind"] == "self"


def test_a_plan_that_grows_keeps_what_it_had(tmp_path):
    write_plan(tmp_path / "old.parquet", pairs(k=0), [WARP])
    write_plan(tmp_path / "new.parquet", pairs(people=[*PEOPLE, "x:dan"]), [WARP, TPS])
    difference = compare_plans(tmp_path / "new.parquet", tmp_path / "old.parquet")
    assert not difference.by_content
    # Three of the four people are in the test split: nine pairs there, one in training.
    assert difference.counts.to_numpy().tolist() == [
        ["warp-dense", "cross", 6, 0, 0],
        ["warp-dense", "self", 1, 0, 3],
        ["warp-tps", "cross", 6, 0, 0],
        ["warp-tps", "self", 3, 0, 0],
    ]
    back = compare_plans(tmp_path / "old.parquet", tmp_path / "new.parquet").counts
    assert back["removed"].sum() == 16
    assert back["same"].sum() == 3


def test_videos_are_compared_by_content_where_both_plans_know_it(tmp_path):
    for name, shift in (("old", 0), ("new", 1)):
        videos = pack_ids(item_id("video", number=number + shift) for number in range(5))
        write_plan(tmp_path / f"{name}.parquet", pairs(), [WARP], videos)
    difference = compare_plans(tmp_path / "new.parquet", tmp_path / "old.parquet")
    assert difference.by_content
    assert difference.counts[["added", "removed", "same"]].sum().tolist() == [1, 1, 4]


def test_other_settings_of_a_generator_are_other_videos_and_other_splits_are_not(tmp_path):
    changed = [
        GeneratorChoice(name="warp-dense", mode="absolute"),
        GeneratorChoice(name="warp-dense", splits=("test",)),
    ]
    write_plan(tmp_path / "old.parquet", pairs(), [WARP])
    same = []
    for choice in changed:
        write_plan(tmp_path / "new.parquet", pairs(), [choice])
        same.append(int(compare_plans(tmp_path / "new.parquet", tmp_path / "old.parquet").counts["same"].sum()))
    assert same == [0, 4]


def test_a_file_that_is_no_plan_is_refused(tmp_path):
    (tmp_path / "plan.parquet").write_text("no table")
    with pytest.raises(NvfairError, match="no table of a plan"):
        compare_plans(tmp_path / "plan.parquet", tmp_path / "plan.parquet")
