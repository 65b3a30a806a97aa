"""A summary says what a data set is, from its tables and the sizes of its files alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pandas as pd
import pytest
from click.testing import CliRunner

from nvfair_tools.cli.dataset.group import dataset as command
from nvfair_tools.dataset.describing.summary import summarise
from nvfair_tools.dataset.writer import finish_dataset, meta_text, sealed
from nvfair_tools.errors import NvfairError
from tests.nvfair_tools.dataset.small_sets import FRAMES, write_set

VIDEOS = ["a-1", "b-1", "ab-1", "aa-1", "c-1"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    people = {"a": "train", "b": "train", "c": "test"}
    rows = {
        "b-1": {"licence": "CC BY-NC 4.0"},
        "c-1": {"state": "rejected", "reason": "no_face", "path": None, "sha256": None},
    }
    return write_set(tmp_path_factory.mktemp("info") / "set", people, VIDEOS, rows=rows, card=False)


def test_counts_hours_bytes_and_rights(finished: Path) -> None:
    summary = summarise(finished)
    assert (summary.state, summary.missing, summary.simulated) == ("finished", (), False)
    assert summary.people == {"train": 2, "test": 1}
    hours = FRAMES / 25 / 3600  # of a video: 80 frames at 25 a second
    assert [(row["split"], row["kind"], row["generator"], row["videos"]) for row in summary.videos] == [
        ("train", "cross", "warp", 1),
        ("train", "real", None, 2),
        ("train", "self", "warp", 1),
    ]
    assert summary.videos[1]["hours"] == pytest.approx(2 * hours, abs=1e-4)
    assert summary.hours == pytest.approx(4 * hours)
    assert summary.frames == 4 * FRAMES
    assert summary.unusable == ({"state": "rejected", "reason": "no_face", "videos": 1},)
    assert summary.licences == {"CC BY 4.0": 3, "CC BY-NC 4.0": 1}
    assert summary.limits == ("not for commercial use",)
    assert summary.bytes["videos"] == sum(path.stat().st_size for path in finished.glob("videos/**/*.mp4"))
    assert sum(summary.bytes.values()) == sum(path.stat().st_size for path in finished.rglob("*") if path.is_file())
    assert summary.features["columns"] == ["landmarks"]
    assert summary.versions == {"nvfair_tools": "0.1.0"}


def test_missing_and_empty_files_are_named_with_what_to_run(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "set"))
    video = next(folder.glob("videos/**/a-1.mp4"))
    part = next(folder.glob("frames/**/*.parquet"))
    video.unlink()
    part.write_bytes(b"")
    summary = summarise(folder)
    assert summary.state == "damaged"
    assert set(summary.missing) == {path.relative_to(folder).as_posix() for path in (video, part)}
    assert summary.advice == (f"nvfair dataset repair {folder} --from COPY: mends it (2 files are missing or empty)",)


def test_a_changed_record_and_an_unfinished_set_are_told(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "set"))
    record = folder / "dataset.json"
    record.write_text(record.read_text().replace('"toy"', '"tou"'))
    assert (summarise(folder).state, summarise(folder).name) == ("damaged", "tou")
    record.unlink()
    assert summarise(folder).state == "unfinished"
    (folder / "videos.parquet").unlink()
    with pytest.raises(NvfairError, match="this is no data set"):
        summarise(folder)
    with pytest.raises(NvfairError, match="there is no such folder"):
        summarise(tmp_path / "nowhere")


def test_a_folder_of_other_things_is_no_data_set_whatever_its_links_lead_to(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    with pytest.raises(NvfairError, match="this is no data set"):
        summarise(tmp_path)


def test_a_link_to_nothing_is_a_missing_file(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "set"))
    video = next(folder.glob("videos/**/a-1.mp4"))
    video.unlink()
    video.symlink_to(tmp_path / "nothing")
    summary = summarise(folder)
    assert (summary.state, summary.missing) == ("damaged", (video.relative_to(folder).as_posix(),))


def test_a_set_of_the_first_format_is_to_be_upgraded_first(finished: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(finished, tmp_path / "set"))
    record = folder / "dataset.json"
    content = json.loads(record.read_text())
    assert not any("upgrade" in advice for advice in summarise(folder).advice)
    record.write_text(meta_text(sealed({**content, "format_version": 1})))
    summary = summarise(folder)
    assert summary.state == "finished"
    assert summary.advice[0].startswith(f"nvfair dataset upgrade {folder}: ")


def test_the_command_prints_a_screen_or_json(finished: Path) -> None:
    text = CliRunner().invoke(command, ["info", str(finished)]).output
    assert len(text.splitlines()) < 25
    assert "toy: recorded people, finished" in text.replace(";", ",")
    assert "train cross warp" in text
    content = json.loads(CliRunner().invoke(command, ["info", str(finished), "--json"]).output)
    assert content["licences"] == {"CC BY 4.0": 3, "CC BY-NC 4.0": 1}


def test_a_set_without_any_video_is_summarised(finished: Path, tmp_path: Path) -> None:
    people, videos = (pd.read_parquet(finished / f"{name}.parquet").iloc[:0] for name in ("identities", "videos"))
    finish_dataset(tmp_path, people, videos, {"name": "empty"})
    summary = summarise(tmp_path)
    assert (summary.hours, summary.frames, summary.videos) == (0.0, 0, ())
    assert "0 usable" in str(summary)
