"""Parts hold what they were given, to the stated precision, whole or not at all."""

import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from nvfair_tools.dataset.labels import VideoLabels, has_labels
from nvfair_tools.dataset.parts import round_landmarks, write_part
from nvfair_tools.dataset.row_removal import remove_rows
from nvfair_tools.dataset.schema import LANDMARK_COUNT, PAIR_COUNT, frames_schema
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.features import distances
from tests.nvfair_tools.dataset.landmark_videos import labels_of, rows_of

ROOT = Path(__file__).resolve().parents[3]


def column(table, name):
    values = table.column(name).combine_chunks()
    return values.flatten().to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)


@settings(deadline=None)
@given(
    arrays.arrays(
        np.float32, (3, 4, 2), elements=st.floats(-4096, 4096, width=32, allow_nan=False, allow_subnormal=False)
    )
)
def test_stored_landmarks_are_within_a_128th_of_a_pixel_and_stay_when_stored_again(points):
    stored = round_landmarks(points)
    assert stored.dtype == np.float32
    assert np.abs(stored.astype(np.float64) - points.astype(np.float64)).max() <= 1 / 128
    assert (stored * 64 == np.round(stored * 64)).all()
    np.testing.assert_array_equal(round_landmarks(stored), stored)


def test_a_part_has_one_row_a_frame_in_the_videos_order_with_its_index_and_time(tmp_path):
    assert write_part(tmp_path / "p.parquet", labels_of(["v3", "v1", "v0"]), rows_of, with_distances=False) == 13
    table = pq.read_table(tmp_path / "p.parquet")
    assert table.schema.equals(frames_schema(distances=False, mesh=False))
    assert table.column("video").to_pylist() == ["v3"] * 7 + ["v1"] + ["v0"] * 5
    assert table.column("index").to_pylist() == [*range(7), 0, *range(5)]
    assert table.column("time").to_pylist() == [n / 25 for n in [*range(7), 0, *range(5)]]


def test_each_row_says_who_drives_whom_by_what_and_in_which_split(tmp_path):
    videos = {
        "v3": VideoLabels(driver="x:bob", target="x:ann", generator="warp", split="test"),
        "v1": VideoLabels(driver="x:ann", target="x:ann", generator=None, split="test"),
    }
    write_part(tmp_path / "p.parquet", videos, rows_of, with_distances=False)
    rows = pd.read_parquet(tmp_path / "p.parquet")
    assert rows.columns.tolist()[:6] == ["video", "driver", "target", "generator", "split", "index"]
    # Plain strings to readers, a null where there is no generator; dictionaries in the file.
    assert rows["driver"].tolist() == ["x:bob"] * 7 + ["x:ann"]
    assert rows["target"].tolist() == ["x:ann"] * 8
    assert rows["generator"].isna().tolist() == [False] * 7 + [True]
    assert set(rows["generator"].dropna()) == {"warp"}
    assert rows["split"].tolist() == ["test"] * 8
    with pq.ParquetFile(tmp_path / "p.parquet") as file:
        group = file.metadata.row_group(0)
        columns = [group.column(n) for n in range(group.num_columns)]
    labels = [column for column in columns if column.path_in_schema in ("driver", "target", "generator", "split")]
    assert [column.has_dictionary_page for column in labels] == [True] * 4


def test_labels_of_a_part_are_compared_with_those_of_its_videos(tmp_path):
    labels = labels_of(["v3", "v1"])
    path = tmp_path / "p.parquet"
    assert not has_labels(path, labels)
    write_part(path, labels, rows_of, with_distances=False)
    assert has_labels(path, labels)
    for name, other in (("driver", "toy:b"), ("target", "toy:b"), ("generator", None), ("split", "test")):
        assert not has_labels(path, labels | {"v1": replace(labels["v1"], **{name: other})}), name
    assert not has_labels(path, labels_of(["v1", "v3"]))
    assert not has_labels(path, labels_of(["v3"]))
    table = pq.read_table(path)
    pq.write_table(table.drop_columns(["driver", "target", "generator", "split"]), path)
    assert not has_labels(path, labels)  # a part of the first format
    path.write_bytes(path.read_bytes()[:-9])
    assert not has_labels(path, labels)


def test_landmarks_are_nan_where_not_valid_and_only_there(tmp_path):
    write_part(tmp_path / "p.parquet", labels_of(["v2"]), rows_of, with_distances=True)
    table = pq.read_table(tmp_path / "p.parquet")
    valid = np.array(table.column("valid").to_pylist())
    assert valid.tolist() == [n % 4 != 3 for n in range(12)]
    for name in ("landmarks", "distances"):
        values = column(table, name)
        assert np.isnan(values[~valid]).all()
        assert np.isfinite(values[valid]).all()
    assert table.column("reason").to_pylist() == ["" if ok else "no_face" for ok in valid]


def test_a_reason_of_ones_own_is_kept(tmp_path):
    rows = rows_of("v0")
    reasons = np.array(["", "several_faces", "", "blurred", ""], dtype=object)
    frames = FrameRows(rows.landmarks, rows.valid, rows.time, reason=reasons)
    write_part(tmp_path / "p.parquet", labels_of(["v0"]), lambda video: frames, with_distances=False)
    assert pq.read_table(tmp_path / "p.parquet").column("reason").to_pylist() == reasons.tolist()


@pytest.mark.parametrize("scale", ["overall", "interocular", "box"])
def test_the_distances_are_those_of_the_stored_landmarks_in_half_precision(tmp_path, scale):
    write_part(tmp_path / "p.parquet", labels_of(["v2", "v3"]), rows_of, with_distances=True, scale=scale)
    table = pq.read_table(tmp_path / "p.parquet")
    landmarks = column(table, "landmarks").reshape(-1, LANDMARK_COUNT, 2)
    stored = column(table, "distances")
    assert stored.dtype == np.float16
    assert stored.shape == (19, PAIR_COUNT)
    np.testing.assert_array_equal(stored, distances(landmarks, scale).astype(np.float16))


def test_a_distance_is_the_length_between_two_points_over_the_root_mean_square_radius(tmp_path):
    write_part(tmp_path / "p.parquet", labels_of(["v1"]), rows_of, with_distances=True)
    table = pq.read_table(tmp_path / "p.parquet")
    points = column(table, "landmarks").reshape(LANDMARK_COUNT, 2).astype(np.float64)
    radius = np.sqrt(np.square(points - points.mean(axis=0)).sum(axis=1).mean())
    stored = column(table, "distances")[0].astype(np.float64)
    assert stored[0] == pytest.approx(np.linalg.norm(points[0] - points[1]) / radius, rel=1e-3)
    assert stored[-1] == pytest.approx(np.linalg.norm(points[-2] - points[-1]) / radius, rel=1e-3)


def test_the_callers_arrays_are_left_alone(tmp_path):
    rows = rows_of("v2", mesh=True)
    before = rows.landmarks.copy(), rows.mesh.copy()
    write_part(tmp_path / "p.parquet", labels_of(["v2"]), lambda video: rows, with_distances=True, with_mesh=True)
    np.testing.assert_array_equal(rows.landmarks, before[0])
    np.testing.assert_array_equal(rows.mesh, before[1])


def test_a_mesh_that_is_asked_for_but_absent_is_an_error_that_names_the_video(tmp_path):
    with pytest.raises(ValueError, match="v0"):
        write_part(tmp_path / "p.parquet", labels_of(["v0"]), rows_of, with_distances=False, with_mesh=True)
    assert list(tmp_path.iterdir()) == []


def test_equal_frames_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        write_part(tmp_path / f"{name}.parquet", labels_of(["v0", "v2"]), rows_of, with_distances=True)
    assert (tmp_path / "a.parquet").read_bytes() == (tmp_path / "b.parquet").read_bytes()


@pytest.mark.parametrize(("with_distances", "rows"), [(False, 520), (True, 130)])
def test_every_row_group_but_the_last_has_the_same_number_of_rows(tmp_path, with_distances, rows):
    lengths = {"a": 77, "b": 1300, "c": 3, "d": 500}
    write_part(tmp_path / "p.parquet", labels_of(lengths), lambda v: rows_of(v, lengths), with_distances=with_distances)
    with pq.ParquetFile(tmp_path / "p.parquet") as file:
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        table = file.read()
    assert sum(sizes) == 1880
    assert set(sizes[:-1]) == {rows}
    assert table.column("video").to_pylist() == [video for video, frames in lengths.items() for _ in range(frames)]
    expected = np.concatenate(
        [np.where(r.valid[:, None, None], r.landmarks, np.nan) for r in (rows_of(v, lengths) for v in lengths)]
    )
    np.testing.assert_array_equal(column(table, "landmarks"), round_landmarks(expected).reshape(1880, -1))


@pytest.mark.parametrize("with_distances", [False, True])
@pytest.mark.parametrize("gone", [{"a"}, {"b"}, {"c", "d"}, {"a", "c"}])
def test_a_part_without_some_videos_has_the_bytes_of_one_that_never_had_them(tmp_path, gone, with_distances):
    lengths = {"a": 77, "b": 300, "c": 3, "d": 150}
    for name, videos in (("all", lengths), ("rest", [video for video in lengths if video not in gone])):
        path = tmp_path / f"{name}.parquet"
        write_part(path, labels_of(videos), lambda v: rows_of(v, lengths), with_distances=with_distances)
    assert remove_rows(tmp_path / "all.parquet", gone, "nobody") == sum(lengths[video] for video in gone)
    assert (tmp_path / "all.parquet").read_bytes() == (tmp_path / "rest.parquet").read_bytes()


def test_an_error_while_writing_leaves_the_earlier_part_as_it_was(tmp_path):
    path = tmp_path / "p.parquet"
    write_part(path, labels_of(["v0"]), rows_of, with_distances=False)
    before = path.read_bytes()
    with pytest.raises(KeyError):
        write_part(path, labels_of(["v2", "no such video"]), rows_of, with_distances=False)
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["p.parquet"]


@pytest.mark.parametrize("earlier", [False, True])
def test_a_writer_that_is_killed_leaves_no_part_or_the_earlier_one(tmp_path, earlier):
    path = tmp_path / "p.parquet"
    before = None
    if earlier:
        write_part(path, labels_of(["v0"]), rows_of, with_distances=False)
        before = path.read_bytes()
    code = f"""
import os, signal
from pathlib import Path
import nvfair_tools.dataset.part_writer as part_writer
from nvfair_tools.dataset.parts import write_part
from tests.nvfair_tools.dataset.landmark_videos import labels_of, rows_of

part_writer.ROWS_PER_GROUP = 4

def dying(video):
    if video == "v2":  # v3 has been written by now
        os.kill(os.getpid(), signal.SIGKILL)
    return rows_of(video)

write_part(Path({str(path)!r}), labels_of(["v3", "v0", "v2"]), dying, with_distances=False)
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={**os.environ}, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (path.read_bytes() if path.exists() else None) == before
    # What it left behind is hidden, so no reader's pattern finds it.
    assert all(p == path or p.name.startswith(".") for p in tmp_path.iterdir())
