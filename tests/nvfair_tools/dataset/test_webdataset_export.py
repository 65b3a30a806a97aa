"""The shards of an export are read by the `webdataset` library, and equal sets give equal bytes."""

from __future__ import annotations

import gc
import hashlib
import json
import tarfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.exports import export_dataset
from nvfair_tools.dataset.exports.permitted import permitted_videos
from nvfair_tools.dataset.exports.webdataset_shards import _key, plan_shards
from tests.nvfair_tools.dataset.exportable_set import ONLY_TRACKED, contents


def test_webdataset_reads_every_video_with_its_track_and_its_terms(free: Dataset, tmp_path: Path) -> None:
    webdataset = pytest.importorskip("webdataset")
    report = export_dataset(free, tmp_path / "out", "webdataset", options={"shard_bytes": 60_000})
    shards = sorted(str(path) for path in (tmp_path / "out").glob("test-*.tar"))
    assert len(shards) > 2
    assert all(Path(path).stat().st_size <= 60_000 for path in shards)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the library leaves the shards open
        samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode())
        gc.collect()
    assert [sample["json"]["video"] for sample in samples] == sorted(free.usable()["video"])
    assert (report.videos, report.left_out) == (11, {})
    rows = free.videos.set_index("video")
    for sample in samples:
        described, row = sample["json"], rows.loc[sample["__key__"]]
        frames = free.frames(sample["__key__"])
        np.testing.assert_array_equal(sample["landmarks.npy"], frames.landmarks)
        np.testing.assert_array_equal(sample["time.npy"], frames.time)
        np.testing.assert_array_equal(sample["valid.npy"], frames.valid)
        assert (described["licence"], described["permitted_use"]) == ("CC0-1.0", "any")
        assert described["consent"] == "given"
        assert described["synthetic"] == (row["kind"] != "real")
        marks = "trainedAlgorithmicMedia" if row["kind"] != "real" else None
        assert described["digital_source_type"] == marks
        assert [described[name] for name in ("driver", "target", "frames")] == [
            row["driver"], row["target"], row["frames"]]  # fmt: skip
        if row["target"] == ONLY_TRACKED:
            assert "mp4" not in sample
        else:
            assert hashlib.sha256(sample["mp4"]).hexdigest() == row["sha256"]


def test_the_planned_sizes_of_shards_are_their_sizes(free: Dataset, tmp_path: Path) -> None:
    plan = plan_shards(free, permitted_videos(free), shard_bytes=40_000, landmarks=True)
    for file in plan.files:
        file.write(tmp_path / file.path)
        assert (tmp_path / file.path).stat().st_size == file.size, file.path


def test_equal_sets_give_equal_bytes_and_members_name_no_time_and_no_owner(free: Dataset, tmp_path: Path) -> None:
    for name in ("one", "two"):
        export_dataset(free, tmp_path / name, "webdataset")
    assert contents(tmp_path / "one") == contents(tmp_path / "two")
    with tarfile.open(tmp_path / "one" / "test-000000.tar") as archive:
        members = archive.getmembers()
    assert len(members) == 10 * 5 + 4
    assert {(member.mtime, member.uid, member.gid, member.uname, member.gname, member.mode) for member in members} == {
        (0, 0, 0, "", "", 0o644)
    }


def test_the_manifest_has_the_hash_of_every_other_file(free: Dataset, tmp_path: Path) -> None:
    export_dataset(free, tmp_path / "out", "webdataset")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    files = contents(tmp_path / "out")
    del files["manifest.json"]
    assert {file["path"]: file["sha256"] for file in manifest["files"]} == files
    assert sum(file["videos"] for file in manifest["files"]) == manifest["passed_on"]["videos"] == 11
    text = (tmp_path / "out" / "README.md").read_text()
    assert "**Synthetic: 8 of these 11 videos**" in text
    assert "| CC0-1.0 | given | any | 11 |" in text


def test_videos_alone_leave_out_what_has_no_video(free: Dataset, tmp_path: Path) -> None:
    report = export_dataset(free, tmp_path / "out", "webdataset", options={"landmarks": False})
    assert (report.videos, report.left_out) == (10, {"no .mp4 in the data set": 1})
    with tarfile.open(tmp_path / "out" / "test-000000.tar") as archive:
        assert Counter(name.split(".")[1] for name in archive.getnames()) == {"json": 10, "mp4": 10}


def test_ids_that_cannot_stand_in_a_path_are_replaced(free: Dataset, tmp_path: Path) -> None:
    assert _key("0123abcd") == "0123abcd"
    names = {_key(id) for id in ("a:b", "a.b", "../b", "", "x" * 200)}
    assert len(names) == 5
    assert all(name.isalnum() and len(name) == 32 for name in names)
