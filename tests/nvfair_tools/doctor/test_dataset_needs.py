"""How much room the frames need that a command reads of a data set."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nvfair_tools.doctor.dataset_needs import check_frames_room
from nvfair_tools.doctor.machine import check_temporary_room
from tests.small_disk import small_disk


def test_temporary_files_without_room_are_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"frames": [1000, 1000, 500], "state": ["ok", "ok", "failed"], "split": ["train", "test", "train"]}
    rates = {"fps_num": [30, 15, 30], "fps_den": [1, 1, 1]}
    pq.write_table(pa.table({**columns, **rates, "generator": ["a", "b", "a"]}), tmp_path / "videos.parquet")
    with small_disk(tmp_path / "disk", 64) as disk:
        monkeypatch.setattr("tempfile.tempdir", str(disk))
        of_training = check_frames_room(tmp_path, splits=["train"], generators=["a"], most_in_memory=0)
        assert of_training.level == "error"
        assert "TMPDIR" in of_training.remedy
        assert "about 1 MB" in of_training.message  # a thousand frames of 126 points
        assert check_frames_room(tmp_path, splits=["train"], most_in_memory=2e6).level == "ok"
        assert check_frames_room(tmp_path, splits=["validation"], most_in_memory=0).level == "ok"
        # The one with the most at a time: b's thousand frames are two thousand at the protocols' rate.
        together = check_frames_room(tmp_path, most_in_memory=0)
        largest = check_frames_room(tmp_path, one_generator_at_a_time=True, most_in_memory=0)
        assert "about 3 MB" in together.message
        assert "about 2 MB" in largest.message
        with_shapes = check_frames_room(tmp_path, splits=["train"], video_bytes=1e6, most_in_memory=0)
        assert "about 2 MB" in with_shapes.message
        assert check_temporary_room(1e3, "a thing").level == "ok"
