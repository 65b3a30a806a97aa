"""AVAPrintDB's generation plans come out again, row by row, from trees of the published names and from its videos."""

from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path, PurePosixPath

import pyarrow.parquet as pq
import pytest
import yaml

from nvfair_tools.curate.plans.listing import write_listed_plan
from nvfair_tools.recipe.recipe import load_recipe
from nvfair_tools.releases.avaprintdb import list_avaprintdb
from nvfair_tools.releases.settings import ReleaseSettings
from tests.nvfair_tools.recipe.test_public_collections import cremad_names, ravdess_names, write

PLANS = [
    # name, our collection, published files, rows, self-reenactments: AVAPrintDB's paper and files
    ("cremad", "crema-d", cremad_names, 17_838, 6_120),
    ("ravdess", "ravdess", ravdess_names, 4_185, 1_440),
]
SPLITS = {"DEV": "train", "TEST": "test"}


def identity(name: str) -> str:
    """Our identity of a person of a plan: C1001 or Actor_01."""
    return f"cremad:{name[1:]}" if name.startswith("C") else f"ravdess:{name.removeprefix('Actor_')}"


def published_rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize(("name", "collection", "published_names", "count", "own"), PLANS)
def test_a_recipe_over_the_published_tree_plans_the_published_rows(
    shared, tmp_path, name, collection, published_names, count, own
):
    plan = shared / "protocols" / f"avaprintdb_{name}_plan.csv"
    rows = published_rows(plan)
    names = published_names()
    if name == "cremad":  # which 20 of the possible names were never published is not known: none that a plan uses
        names += [f"VideoFlash/{PurePosixPath(row['driver_video_path']).stem}.flv" for row in rows]
    write(tmp_path / collection, sorted(set(names)))
    with open(tmp_path / "splits.csv", "w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["identity", "split"])
        people = {f"cremad:{number}": "train" for number in range(1001, 1092)}  # six of them are in no row
        people |= {identity(row[key]): SPLITS[row["split"]] for row in rows for key in ("driver_id", "target_id")}
        writer.writerows(people.items())
    recipe = {
        "name": "Published plan",
        "output": "unused",
        "sources": [{"collection": collection, "folder": collection}],
        "splits": {"by": "file", "file": "splits.csv"},
        "rights": {"render_if": ["research"]},
        "generators": [{"name": "warp-dense"}],
        "pairs": {"file": str(plan)},
    }
    (tmp_path / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    assert write_listed_plan(load_recipe(tmp_path / "recipe.yaml"), tmp_path / "plan.parquet") == count
    table = pq.read_table(tmp_path / "plan.parquet").to_pylist()
    planned = [
        (row["split"], row["driver"], PurePosixPath(row["clip"]).stem, row["target"], row["kind"]) for row in table
    ]
    expected = [
        (
            SPLITS[row["split"]],
            identity(row["driver_id"]),
            PurePosixPath(row["driver_video_path"]).stem,
            identity(row["target_id"]),
            "self" if row["driver_id"] == row["target_id"] else "cross",
        )
        for row in rows
    ]
    assert sorted(planned) == sorted(expected)
    assert Counter(kind for *_, kind in planned) == {"self": own, "cross": count - own}


def test_the_videos_of_a_plan_are_all_listed_and_the_others_named(shared, tmp_path):
    plan = shared / "protocols" / "avaprintdb_ravdess_plan.csv"
    rows = published_rows(plan)
    videos = [
        f"GAGA/{row['target_id']}/{row['target_id']}--{row['driver_id']}--{row['driver_video_randomname']}--GAGA.mp4"
        for row in rows
    ]
    missing, wrong = videos[7], f"GAGA/{Path(videos[8]).stem.replace('GAGA', 'OTHER')}.mp4"
    write(tmp_path, [*(video for video in videos if video != missing), wrong])
    release = list_avaprintdb(tmp_path, ReleaseSettings(), [plan])
    usable = {file.name: file for file in release.files if file.result.state == "ok"}
    assert set(usable) == set(videos) - {missing}
    assert [(file.name, file.result.reason) for file in release.files if file.name not in usable] == [
        (wrong, "unknown_generator")
    ]
    assert [reason for _, reason, _ in release.absent] == ["in_plan_only"]
    for row, video in zip(rows, videos, strict=True):
        if video != missing:
            file = usable[video]
            assert (file.driver, file.target) == (identity(row["driver_id"]), identity(row["target_id"]))
            assert (file.split, file.clip) == (SPLITS[row["split"]], PurePosixPath(row["driver_video_path"]).stem)
    assert len(usable) == 4_185 - 1
