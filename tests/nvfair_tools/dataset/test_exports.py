"""Exports hold what may be passed on, as copies that other tools read, and nothing of anything else."""

from __future__ import annotations

import json
import shutil
import tarfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.export import _TARGETS
from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.consents import write_consents
from nvfair_tools.dataset.exports import TARGETS, export_dataset
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.governance.uses import Answer, Consent
from tests.nvfair_tools.dataset.exportable_set import ONLY_TRACKED, PEOPLE, contents, write_exportable

DAY = date(2026, 7, 1)
YES = Answer("yes", scope=frozenset({"research"}), since=date(2026, 1, 1))


def test_the_command_offers_the_layouts_that_there_are() -> None:
    assert tuple(TARGETS) == _TARGETS


def test_nothing_is_exported_where_a_video_may_not_be_passed_on(partly: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NvfairError) as error:
        export_dataset(partly, tmp_path / "out", "webdataset", day=DAY)
    # Of the eleven, the second person's recording and the four videos of that face.
    assert "5 of 11 videos may not be passed on, as of 2026-07-01 for research: 5 consent_unknown" in str(error.value)
    assert "only_permitted" in str(error.value)
    assert not (tmp_path / "out").exists()


def test_the_permitted_part_holds_nothing_of_the_refused_videos(partly: Dataset, tmp_path: Path) -> None:
    report = export_dataset(partly, tmp_path / "out", "webdataset", only_permitted=True)
    assert (report.videos, report.left_out) == (6, {"may not be passed on: consent_unknown": 5})
    refused = partly.usable()[partly.usable()["target"] == PEOPLE[1]]
    on_disk = b"".join(path.read_bytes() for path in (tmp_path / "out").rglob("*") if path.is_file())
    for row in refused.itertuples():
        assert (partly.folder / str(row.path)).read_bytes() not in on_disk
        assert str(row.sha256).encode() not in on_disk
        assert f'"video": "{row.video}"'.encode() not in on_disk
        assert partly.frames(str(row.video)).landmarks.tobytes() not in on_disk
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["left_out"] == {"may not be passed on: consent_unknown": 5}


def test_the_answers_of_people_decide_for_the_day(tmp_path: Path, free: Dataset) -> None:
    folder = Path(shutil.copytree(free.folder, tmp_path / "set"))
    ends = Answer("yes", scope=frozenset({"research"}), since=date(2026, 1, 1), expires=date(2026, 12, 31))
    agreed = {person: Consent.of({}, YES) for person in (*PEOPLE, ONLY_TRACKED)}
    write_consents(folder, agreed | {PEOPLE[0]: Consent.of({}, ends)})
    assert export_dataset(folder, tmp_path / "summer", "webdataset", day=DAY).videos == 11
    with pytest.raises(NvfairError, match=r"7 of 11 .* 7 consent_expired"):
        export_dataset(folder, tmp_path / "later", "webdataset", day=date(2027, 1, 1))


def test_simulated_people_may_be_passed_on(tmp_path: Path) -> None:
    dataset = write_exportable(tmp_path / "set", {"simulated": True}, permitted_use=dict.fromkeys(PEOPLE, "research"))
    assert export_dataset(dataset, tmp_path / "out", "webdataset").left_out == {}
    with tarfile.open(tmp_path / "out" / "test-000000.tar") as archive:
        member = archive.extractfile("real-1001-1001.json")
        assert member is not None
        described = json.loads(member.read())
    assert (described["synthetic"], described["simulated"]) == (True, True)


class Killed(BaseException):
    """Ends an export as a signal would."""


@pytest.mark.parametrize("target", ["webdataset", "nvfair"])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_an_interrupted_export_goes_on_and_ends_as_another(
    free: Dataset, tmp_path: Path, target: str, after: int
) -> None:
    pytest.importorskip("openpyxl")
    options = {"shard_bytes": 60_000} if target == "webdataset" else {}
    whole, out = tmp_path / "whole", tmp_path / "out"
    files = export_dataset(free, whole, target, options=options).files

    def stop(done: int, total: int) -> None:
        if done == after:
            raise Killed

    with pytest.raises(Killed):
        export_dataset(free, out, target, options=options, progress=stop)
    assert not (out / "manifest.json").exists()
    with open(out / ".export.jsonl", "a") as record:
        record.write('{"path": "half a li')
    report = export_dataset(free, out, target, options=options)
    assert report.written == files - after
    assert contents(out) == contents(whole)
    assert export_dataset(free, out, target, options=options).written == 0


def test_another_export_is_never_mixed_with_files_that_are_there(
    free: Dataset, partly: Dataset, tmp_path: Path
) -> None:
    export_dataset(free, tmp_path / "out", "webdataset")
    before = contents(tmp_path / "out")
    for data, options in ((free, {"landmarks": False}), (partly, {})):
        with pytest.raises(NvfairError, match="holds an export of something else"):
            export_dataset(data, tmp_path / "out", "webdataset", options=options, only_permitted=True)
    (tmp_path / "own").mkdir()
    (tmp_path / "own" / "notes.txt").write_text("mine")
    with pytest.raises(NvfairError, match=r"it holds 1 other file or folder, such as notes.txt"):
        export_dataset(free, tmp_path / "own", "webdataset")
    for place in (free.folder / "out", free.folder.parent, free.folder):
        with pytest.raises(NvfairError, match=r"the export would be in .*, or around it"):
            export_dataset(free, place, "webdataset")
    assert contents(tmp_path / "out") == before


def test_a_damaged_or_missing_video_is_named_and_not_exported(free: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    folder = Path(shutil.copytree(free.folder, tmp_path / "set"))
    paths = free.usable()["path"].dropna().tolist()
    damaged = folder / paths[3]
    content = bytearray(damaged.read_bytes())
    content[len(content) // 2] ^= 1
    damaged.write_bytes(bytes(content))
    for target in TARGETS:
        with pytest.raises(NvfairError, match=r"is not the file that videos.parquet names") as error:
            export_dataset(folder, tmp_path / target, target)
        assert str(damaged) in str(error.value)
        assert not any(path.suffix == ".tar" for path in (tmp_path / target).iterdir())
        assert bytes(content) not in [path.read_bytes() for path in (tmp_path / target).rglob("*.mp4")]
    for path in paths[:2]:
        (folder / path).unlink()
    with pytest.raises(Problems) as missing:
        export_dataset(folder, tmp_path / "missing", "webdataset")
    assert len(missing.value.problems) == 2
    assert not (tmp_path / "missing").exists()


def test_a_disk_without_room_is_refused_before_a_file_is_written(
    free: Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: real._replace(free=100_000))
    with pytest.raises(NvfairError, match=r"no room for 2 files of 0\.\d+ GB: 0.000 GB are free"):
        export_dataset(free, tmp_path / "out", "webdataset")
    assert [path.name for path in (tmp_path / "out").iterdir()] == [".export.json"]


def run(*words: Any) -> Any:
    return CliRunner().invoke(command, ["export", *map(str, words)])


def test_the_command_ends_with_counts(free: Dataset, partly: Dataset, tmp_path: Path) -> None:
    pytest.importorskip("openpyxl")
    done = run(free.folder, tmp_path / "out", "--to", "webdataset", "--shard-size", 0.06, "--no-landmarks")
    assert done.exit_code == 0, done.output
    assert "left out: 1 video: no .mp4 in the data set" in done.output
    assert "10 videos in" in done.output.splitlines()[-1]
    refused = run(partly.folder, tmp_path / "refused", "--to", "nvfair")
    assert isinstance(refused.exception, NvfairError)
    part = run(partly.folder, tmp_path / "part", "--to", "nvfair", "--only-permitted")
    assert "left out: 5 videos: may not be passed on: consent_unknown" in part.output
    assert len(list((tmp_path / "part").rglob("*.mp4"))) == 5
    assert run(free.folder, tmp_path / "x", "--to", "nvfair", "--shard-size", 5).exit_code == 2
