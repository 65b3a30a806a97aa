"""The measures of a small data set, rendered by a warp and by a tool that only copies the driver."""

from dataclasses import replace

import numpy as np
import pyarrow.parquet as pq
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.quality.measure_dataset import measure_dataset
from nvfair_tools.quality.table import QUALITY_SCHEMA, read_quality, summarise, write_quality
from tests.mediapipe_here import skip_without_landmarker

skip_without_landmarker()


def test_a_warp_moves_as_its_driver_and_keeps_the_targets_face_and_a_copy_does_not(measured):
    table = measured[1].set_index(["generator", "kind"]).sort_index()
    warp, copy = table.loc[("warp-dense", "cross")], table.loc[("external", "cross")]
    assert len(warp) == len(copy) == 2
    assert (warp["face_share"] == 1).all()
    assert (warp["correlation"] > 0.7).all()
    assert (copy["correlation"] > 0.95).all()
    assert np.allclose(copy["amplitude"], 1, atol=0.15)
    assert (warp["identity_shape"] > 0.1).all()
    assert (copy["identity_shape"] < -0.3).all()
    assert (warp["identity_arcface"].to_numpy() > copy["identity_arcface"].to_numpy()).all()
    assert table["problem"].isna().all()
    assert (table["flicker"] < 6).all()
    assert (table["portrait_sharpness"] > 0).all()


def test_the_table_has_its_schema_and_the_summary_a_row_a_generator(measured):
    assert pq.read_schema(measured[0]).names == QUALITY_SCHEMA.names
    summary = summarise(measured[1]).set_index("generator")
    assert summary["videos"].to_dict() == {"external": 4, "warp-dense": 4}
    assert summary.loc["external", "correlation"] > 0.95


def test_what_was_measured_is_not_measured_again(data, measured, recognition_model, tmp_path):
    path = tmp_path / "quality.parquet"
    part = measured[1].iloc[:5]

    write_quality(path, part.assign(correlation=np.float32(0.125)))
    again = measure_dataset(data, path, recogniser=recognition_model, workers=0)
    assert sorted(again["video"]) == sorted(measured[1]["video"])
    assert (again["correlation"] == 0.125).sum() == 5, "kept as they were"
    anew = measure_dataset(data, path, workers=0)
    assert (anew["correlation"] == 0.125).sum() == 0, "another network, or none, is another measure"
    assert anew["identity_arcface"].isna().all()


def test_a_video_that_cannot_be_read_is_a_row_with_its_problem(folder, data, tmp_path):
    row = data.videos[data.videos["generator"] == "warp-dense"].iloc[0]
    path = data.folder / row["path"]
    content = path.read_bytes()
    try:
        path.write_bytes(b"no video")
        table = measure_dataset(data, tmp_path / "quality.parquet", workers=0).set_index("video")
    finally:
        path.write_bytes(content)
    assert table["problem"].notna().sum() == 1
    assert table.loc[row["video"], "problem"]
    mended = measure_dataset(data, tmp_path / "quality.parquet", workers=0)
    assert mended["problem"].isna().all()


def test_another_file_in_the_tables_place_is_named(data, tmp_path):
    (tmp_path / "quality.parquet").write_text("notes")
    with pytest.raises(NvfairError, match="not a table of measures"):
        measure_dataset(data, tmp_path / "quality.parquet", workers=0)


def test_an_interruption_keeps_what_was_measured(data, tmp_path):
    path = tmp_path / "quality.parquet"

    def interrupt(done, total):
        assert total == 8
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        measure_dataset(data, path, workers=0, progress=interrupt)
    assert len(read_quality(path)) == 4, "of the first of the two driving clips"


def test_videos_whose_driver_has_no_rows_say_so(data, tmp_path):
    videos = data.videos.copy()
    videos.loc[videos["kind"] == "real", "part"] = None
    table = measure_dataset(replace(data, videos=videos), tmp_path / "quality.parquet", workers=0)
    assert len(table) == 8
    assert (table["problem"] == "its driving clip has no landmarks in this data set").all()
    assert summarise(table)["unreadable"].tolist() == [4, 4]
