"""A set of the first format becomes one of the present format: whole, in one go or in many."""

import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.curate.card import write_card
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.checking import check_dataset
from nvfair_tools.dataset.writer import content_digest, finish_dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.folder_texts import folder_state
from tests.nvfair_tools.curate.upgrading.first_format import to_first_format
from tests.nvfair_tools.dataset.landmark_videos import IDENTITIES, videos_table, write_dataset
from tests.nvfair_tools.small_build import file_hashes

upgrade = pytest.importorskip("nvfair_tools.curate.upgrading").upgrade
plan_upgrade = pytest.importorskip("nvfair_tools.curate.upgrading.upgrade").plan_upgrade

ROOT = Path(__file__).resolve().parents[4]
META = {
    "name": "toy",
    "features": {"distances": "float16", "mesh": True, "scale": "overall"},
    "landmarks": {"scheme": "nvfair-126", "points": 126},
    "generators": [{"label": "warp", "family": "warp", "version": "1", "motion_mode": "relative", "licence": "any"}],
    "simulated": False,
}
# Paths that no build gives, of a folder that an importer named after somebody else's label.
RENAMED = {
    "frames/test/warp/part-00000.parquet": "frames/test/lab:warp?/part-00000.parquet",
    "portraits/toy_a.png": "portraits/toy:a.png",
}


@pytest.fixture(scope="module")
def present(tmp_path_factory) -> Path:
    """A set of the present format, in four parts, with distances, mesh, portrait and card."""
    folder = tmp_path_factory.mktemp("present") / "set"
    table = videos_table().assign(fps_num=25, fps_den=1, split="train")
    table.loc[table["video"] == "v3", ["split", "target", "driver"]] = "test", "toy:b", "toy:b"
    write_dataset(folder, table, distances=True, mesh=True)
    (folder / "portraits").mkdir()
    (folder / "portraits/toy_a.png").write_bytes(b"a portrait")
    return finish(folder)


def finish(folder: Path) -> Path:
    videos = Dataset.open(folder).videos
    people = pd.concat([IDENTITIES.assign(portrait="portraits/toy_a.png"), IDENTITIES], ignore_index=True)
    people["identity"], people["split"] = ["toy:a", "toy:b"], ["train", "test"]
    finish_dataset(folder, people, videos, META)
    files = json.loads((folder / "dataset.json").read_text())["files"]
    card = write_card(folder, META, Dataset.open(folder).identities, videos, content=content_digest(files))
    finish_dataset(folder, people, videos, META, extra_files=[*card, folder / "portraits/toy_a.png"])
    return folder


@pytest.fixture(scope="module")
def first(present, tmp_path_factory) -> Path:
    """The same set, in the first format."""
    return to_first_format(shutil.copytree(present, tmp_path_factory.mktemp("first") / "set"))


@pytest.fixture
def folder(first, tmp_path) -> Path:
    return Path(shutil.copytree(first, tmp_path / "set"))


def bits(folder: Path) -> dict[tuple[str, int], tuple]:
    """Each row of frames in bits, without labels, by video and index."""
    rows = {}
    for part in (folder / "frames").rglob("*.parquet"):
        table = pq.read_table(part, partitioning=None)
        flat = {
            name: table.column(name).combine_chunks().flatten().to_numpy().reshape(table.num_rows, -1)
            for name in ("landmarks", "distances", "mesh")
        }
        for n, row in enumerate(table.select(["video", "index", "time", "valid", "reason"]).to_pylist()):
            values = tuple(array[n].tobytes() for array in flat.values())
            rows[row["video"], row["index"]] = (np.float64(row["time"]).tobytes(), row["valid"], row["reason"], *values)
    return rows


def test_a_set_of_the_first_format_names_the_command_and_is_otherwise_whole(folder):
    with pytest.raises(NvfairError, match=f"nvfair dataset upgrade {folder}"):
        Dataset.open(folder)
    faults = check_dataset(folder, full=True).faults
    assert [fault.file for fault in faults] == ["dataset.json"]
    assert f"nvfair dataset upgrade {folder}" in faults[0].what


def test_the_command_gives_rows_their_labels_and_copies_all_else_bit_for_bit(folder, present):
    before = bits(folder)
    was = (folder / "dataset.json").read_bytes()
    result = CliRunner().invoke(command, ["upgrade", str(folder)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    assert "4 parts with 28 rows written, 0 files renamed" in result.output
    assert bits(folder) == before
    assert len(before) == 28
    report = check_dataset(folder, full=True)
    assert report.faults == ()
    # Row for row the set that the present release would have written.
    for part in (present / "frames").rglob("*.parquet"):
        twin = folder / part.relative_to(present)
        assert pq.read_schema(twin).equals(pq.read_schema(part))
        labels = ["video", "driver", "target", "generator", "split"]
        assert pq.read_table(twin, columns=labels, partitioning=None).equals(
            pq.read_table(part, columns=labels, partitioning=None)
        )
    meta = Dataset.open(folder).meta
    assert meta["format_version"] == "1.0"
    assert meta["upgraded_from"]["format_version"] == 1
    assert meta["upgraded_from"]["sha256"] == hashlib.sha256(was).hexdigest()
    assert [path.name for path in folder.glob(".*")] == [".zenodo.json"]


def test_a_dry_run_says_what_the_upgrade_then_does(folder):
    before = folder_state(folder)
    result = CliRunner().invoke(command, ["upgrade", str(folder), "--dry-run"], catch_exceptions=False)
    assert "4 parts with 28 rows written anew" in result.output
    plan = plan_upgrade(folder)
    assert folder_state(folder) == before
    assert upgrade(folder) == plan


def test_a_dry_run_after_an_interruption_says_what_is_left(folder):
    (folder / "dataset.json").rename(folder / ".upgrading-dataset.json")
    assert plan_upgrade(folder) == upgrade(folder)


def test_a_set_of_the_present_format_is_left_alone(present, tmp_path):
    folder = Path(shutil.copytree(present, tmp_path / "set"))
    before = file_hashes(folder)
    assert upgrade(folder).renamed is None
    assert file_hashes(folder) == before


def test_names_that_not_every_file_system_takes_become_others(present, tmp_path):
    folder = Path(shutil.copytree(present, tmp_path / "set"))
    to_first_format(folder, RENAMED)
    people = pq.read_table(folder / "identities.parquet")
    place = people.schema.get_field_index("portrait")
    people = people.set_column(place, people.schema.field(place), [["portraits/toy:a.png", None]])
    pq.write_table(people, folder / "identities.parquet")
    to_first_format(folder)  # with the hash of that table
    before = bits(folder)
    outcome = upgrade(folder)
    assert sorted(outcome.renamed) == sorted(RENAMED.values())
    names = [path.relative_to(folder).as_posix() for path in folder.rglob("*")]
    assert not [name for name in names if set(name) & set(':?*<>|"\\')]
    assert (folder / outcome.renamed["portraits/toy:a.png"]).read_bytes() == b"a portrait"
    assert bits(folder) == before
    assert check_dataset(folder, full=True).faults == ()
    assert check_dataset(folder, full=True).remarks == (
        "the data set holds landmarks alone: there are no videos to check",
    )


@pytest.mark.parametrize("damage", ["a part", "a table", "a portrait that is gone"])
def test_a_damaged_set_is_left_as_it_is(folder, damage):
    path = {
        "a part": folder / "frames/test/warp/part-00000.parquet",
        "a table": folder / "videos.parquet",
        "a portrait that is gone": folder / "portraits/toy_a.png",
    }[damage]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.unlink()
    if "gone" not in damage:
        path.write_bytes(content)
    before = file_hashes(folder)
    with pytest.raises(Problems, match=f"nvfair dataset check {folder} --full") as caught:
        upgrade(folder)
    assert path.relative_to(folder).as_posix() in str(caught.value)
    assert file_hashes(folder) == before


MOMENTS = (1, 2, 4, 6, 8)  # of the replacements of files: the first sets dataset.json aside, then come parts and card
KILLED = """
import os, signal, sys
from nvfair_tools.curate.upgrading import upgrade

*folders, = sys.argv[1:]
replace = os.replace
for moment, folder in zip({moments}, folders):
    if os.fork():
        print(os.waitstatus_to_exitcode(os.wait()[1]))
        continue
    made = 0

    def counted(*arguments, **options):
        global made
        made += 1
        if made == moment:
            os.kill(os.getpid(), signal.SIGKILL)
        return replace(*arguments, **options)

    os.replace = counted
    upgrade(folder)
    os._exit(0)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
def test_an_upgrade_that_is_killed_goes_on_to_the_same_set(first, tmp_path):
    whole = Path(shutil.copytree(first, tmp_path / "whole"))
    upgrade(whole)
    folders = [Path(shutil.copytree(first, tmp_path / f"killed-{moment}")) for moment in MOMENTS]
    code = KILLED.format(moments=MOMENTS)
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, folders)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.stdout.split() == [str(-signal.SIGKILL)] * len(MOMENTS), done.stderr
    for moment, folder in zip(MOMENTS, folders, strict=True):
        with pytest.raises(NvfairError, match=f"nvfair dataset upgrade {folder}"):
            Dataset.open(folder)
        outcome = upgrade(folder)
        assert outcome.parts + outcome.earlier_parts == 4
        assert (outcome.earlier_parts > 0) == (moment > 2)
        assert file_hashes(folder) == file_hashes(whole), moment
        assert [path.name for path in folder.rglob(".*") if path.is_file()] == [".zenodo.json"]
