"""Listed tracks: the three layouts give the same track, and everything wrong with a file is named in words."""

from fractions import Fraction

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from nvfair_tools.landmarks.track import save_track
from nvfair_tools.landmarks.track_files import TrackFileError, read_track_file, track_rate

FRAMES = 6


def plain_track(frames: int = FRAMES) -> dict[str, np.ndarray]:
    """A face of 100 pixels in the middle of a picture, in whole 32nds of a pixel."""
    random = np.random.default_rng(0)
    mesh = np.round((random.uniform(-50, 50, (frames, 478, 3)) + [160, 120, 0]) * 32) / 32
    return {"mesh": mesh.astype(np.float32), "time": np.arange(frames) / 25, "size": np.array([320, 240])}


def write_npz(path, **changes):
    arrays = plain_track() | changes
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})
    return path


def write_npy(path, arrays):
    rows = np.zeros(len(arrays["time"]), [("time", "f8"), ("width", "i4"), ("height", "i4"), ("mesh", "f4", (478, 3))])
    rows["time"], rows["mesh"], rows["width"], rows["height"] = arrays["time"], arrays["mesh"], *arrays["size"]
    np.save(path, rows)
    return path


def write_parquet(path, arrays, mesh=None):
    frames = len(arrays["time"])
    columns = {
        "time": pa.array(arrays["time"]),
        "width": pa.array([int(arrays["size"][0])] * frames),
        "height": pa.array([int(arrays["size"][1])] * frames),
        "mesh": pa.array(list(arrays["mesh"].reshape(frames, -1)), pa.list_(pa.float32(), 1434))
        if mesh is None
        else mesh,
    }
    pq.write_table(pa.table(columns), path)
    return path


def problems(path) -> tuple[str, str]:
    with pytest.raises(TrackFileError) as caught:
        read_track_file(path)
    assert str(path) in str(caught.value)
    assert "to fix it" in str(caught.value)
    return caught.value.cause, "; ".join(caught.value.problems)


def test_all_layouts_give_the_same_track(tmp_path):
    plain = plain_track()
    thirty_seconds = (plain["mesh"] * 32).astype(np.int16)
    paths = [
        write_npz(tmp_path / "a.npz"),
        write_npz(tmp_path / "b.npz", mesh=None, mesh_32nds=thirty_seconds, valid=np.ones(FRAMES, bool)),
        write_npy(tmp_path / "c.npy", plain),
        write_parquet(tmp_path / "d.parquet", plain),
    ]
    first = read_track_file(paths[0])
    save_track(tmp_path / "e.npz", first.track)
    for path in [*paths, tmp_path / "e.npz"]:
        listed = read_track_file(path)
        np.testing.assert_array_equal(listed.track.mesh, plain["mesh"])
        np.testing.assert_array_equal(listed.track.time, plain["time"])
        assert listed.track.valid.all()
        assert (listed.track.size, listed.fps) == ((320, 240), 25)
        assert list(listed.notes) == ["landmarks_only"]


def test_frames_without_a_face_are_not_valid_in_any_layout(tmp_path):
    plain = plain_track()
    thirty_seconds = (plain["mesh"] * 32).astype(np.int16)
    thirty_seconds[2] = -32768
    mesh = plain["mesh"].copy()
    mesh[2] = np.nan
    rows = [None if t == 2 else mesh[t].ravel().tolist() for t in range(FRAMES)]
    paths = [
        write_npz(tmp_path / "a.npz", mesh=mesh),
        write_npz(tmp_path / "b.npz", mesh=None, mesh_32nds=thirty_seconds),
        write_npz(tmp_path / "c.npz", valid=np.arange(FRAMES) != 2),
        write_npy(tmp_path / "d.npy", plain | {"mesh": mesh}),
        write_parquet(tmp_path / "e.parquet", plain | {"mesh": mesh}),
        write_parquet(tmp_path / "f.parquet", plain, pa.array(rows, pa.list_(pa.float64()))),
    ]
    for path in paths:
        track = read_track_file(path).track
        assert track.valid.tolist() == [True, True, False, True, True, True]
        assert track.reason.tolist() == ["", "", "no_face", "", "", ""]
        assert np.isnan(track.mesh[2]).all()
        assert np.isfinite(track.mesh[track.valid]).all()


def test_a_face_that_leaves_the_picture_is_not_valid(tmp_path):
    mesh = plain_track()["mesh"]
    mesh[4, :, 0] += 300
    track = read_track_file(write_npz(tmp_path / "a.npz", mesh=mesh)).track
    assert track.reason.tolist() == ["", "", "", "", "out_of_frame", ""]
    assert not track.valid[4]


@pytest.mark.parametrize(
    ("times", "rate"),
    [
        (np.arange(75) / 25, Fraction(25)),
        (np.arange(75) * 1001 / 30000, Fraction(30000, 1001)),
        (np.round(np.arange(75) / 30, 3), Fraction(30)),
        (3.5 + np.arange(20) / 12.5, Fraction(25, 2)),
    ],
)
def test_the_rate_follows_from_the_times(times, rate):
    assert track_rate(times) == rate


def test_uneven_and_unusual_times_are_noted(tmp_path):
    uneven = write_npz(tmp_path / "a.npz", time=np.array([0, 0.04, 0.08, 0.2, 0.24, 0.28]))
    assert "40 to 120 ms" in read_track_file(uneven).notes["variable_frame_rate"]
    slow = write_npz(tmp_path / "b.npz", time=np.arange(FRAMES) * 1.0)
    assert read_track_file(slow).notes["unusual_frame_rate"] == "1 frames a second"


@pytest.mark.parametrize(
    ("changes", "cause", "texts"),
    [
        ({"time": None, "size": None}, "unusable_track", ["time is missing; it has mesh", "size is missing"]),
        ({"mesh": None}, "unusable_track", ["exactly one of mesh and mesh_32nds is needed; it has time, size"]),
        (
            {"mesh": np.zeros((6, 126, 2), "f4")},
            "unusable_track",
            ["shape (6, 126, 2)", "fewer landmarks cannot drive"],
        ),
        ({"mesh": np.zeros((6, 478, 3), "i2")}, "unusable_track", ["mesh holds int16; expected floating-point"]),
        ({"mesh": plain_track()["mesh"] / 320}, "unusable_track", ["0.312 pixels wide; coordinates are pixels"]),
        ({"mesh": np.full((6, 478, 3), np.nan, "f4"), "valid": np.ones(6, bool)}, "unusable_track", ["6 frames are"]),
        ({"valid": np.ones(5, bool)}, "unusable_track", ["valid holds bool of shape (5,)"]),
        ({"valid": np.ones(6)}, "unusable_track", ["valid holds float64"]),
        ({"size": np.array([0, 240])}, "unusable_track", ["size is [0, 240]"]),
        (
            {"size": None, "time": np.arange(6.0)[::-1]},
            "unusable_track",
            ["size is missing", "time goes back at frame 1"],
        ),
        ({"time": np.array([0, 1, 2, 2, 3, 1.0])}, "unusable_times", ["stands still at frame 3", "2 frames in all"]),
        ({"time": np.array([0, 1, np.nan, 3, 4, 5])}, "unusable_times", ["time of frame 2 is not a finite number"]),
        ({"time": np.arange(5.0)}, "unusable_times", ["shape (5,); expected seconds for each of 6 frames"]),
    ],
)
def test_what_is_wrong_is_named(tmp_path, changes, cause, texts):
    found_cause, text = problems(write_npz(tmp_path / "a.npz", **changes))
    assert found_cause == cause
    for part in texts:
        assert part in text


def test_a_frame_that_is_missing_in_part_is_refused(tmp_path):
    mesh = plain_track()["mesh"]
    mesh[3, 7, 1] = np.nan
    assert (
        "1 frame is NaN or infinite in part, the first: frame 3"
        in problems(write_npz(tmp_path / "a.npz", mesh=mesh))[1]
    )


def test_files_that_are_no_tracks_are_refused(tmp_path):
    np.save(tmp_path / "plain.npy", plain_track()["mesh"])
    assert "an .npy needs the fields time, width, height, mesh" in problems(tmp_path / "plain.npy")[1]
    np.save(tmp_path / "objects.npy", np.array([{}], dtype=object))
    assert problems(tmp_path / "objects.npy")[0] == "unreadable"
    for name in ("cut.npz", "cut.npy", "cut.parquet"):
        (tmp_path / name).write_bytes(b"PK\x03\x04 and no more")
        assert problems(tmp_path / name)[0] == "unreadable"
        assert problems(tmp_path / f"no-{name}") == ("unreadable", "there is no such file")
    short = pa.array([[0.0] * 378] * FRAMES, pa.list_(pa.float32()))
    assert (
        "378 numbers a frame; expected 1434" in problems(write_parquet(tmp_path / "b.parquet", plain_track(), short))[1]
    )
    one_frame = write_npz(tmp_path / "d.npz", mesh=plain_track()["mesh"][:1], time=np.zeros(1))
    assert problems(one_frame) == (
        "unusable_times",
        "1 frame; at least two are needed to know how long a frame lasts",
    )
