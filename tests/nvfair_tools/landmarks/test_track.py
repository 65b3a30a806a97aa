import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.track import Track, load_track, save_track

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture
def track() -> Track:
    mesh = np.random.default_rng(0).normal(100, 20, (5, 478, 3)).astype(np.float32)
    mesh[2] = np.nan
    return Track(
        mesh=mesh,
        valid=np.array([True, True, False, True, True]),
        reason=np.array(["", "", "no_face", "", ""], dtype=object),
        time=np.arange(5) / 29.97,
        size=(640, 480),
        detector="mediapipe-facemesh",
        version="0.10.21",
        flags=("several_faces",),
    )


def same(a: Track, b: Track) -> None:
    np.testing.assert_array_equal(a.mesh, b.mesh)
    np.testing.assert_array_equal(a.valid, b.valid)
    np.testing.assert_array_equal(a.time, b.time)
    assert a.reason.tolist() == b.reason.tolist()
    assert (a.size, a.detector, a.version, a.flags) == (b.size, b.detector, b.version, b.flags)
    assert (a.mesh.dtype, a.valid.dtype, a.time.dtype) == (np.float32, np.bool_, np.float64)


def test_a_track_comes_back_as_it_was(tmp_path, track):
    save_track(tmp_path / "deep" / "a.npz", track)
    same(load_track(tmp_path / "deep" / "a.npz"), track)


def test_an_empty_track_comes_back(tmp_path, track):
    none = replace(track, mesh=track.mesh[:0], valid=track.valid[:0], reason=track.reason[:0], time=track.time[:0])
    save_track(tmp_path / "a.npz", none)
    same(load_track(tmp_path / "a.npz"), none)


def test_equal_tracks_give_equal_bytes_whenever_they_are_written(tmp_path, track, monkeypatch):
    import time

    save_track(tmp_path / "a.npz", track)
    monkeypatch.setattr(time, "time", lambda: 2_000_000_000.0)
    save_track(tmp_path / "b.npz", replace(track, mesh=np.asfortranarray(track.mesh)))
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_numpy_reads_the_file_without_us(tmp_path, track):
    save_track(tmp_path / "a.npz", track)
    with np.load(tmp_path / "a.npz") as stored:
        np.testing.assert_array_equal(stored["mesh"], track.mesh)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.99])
def test_a_cut_track_file_is_named(tmp_path, track, share):
    path = tmp_path / "a.npz"
    save_track(path, track)
    path.write_bytes(path.read_bytes()[: int(path.stat().st_size * share)])
    with pytest.raises(NvfairError, match=r"a\.npz"):
        load_track(path)


def test_a_missing_track_and_a_stranger_are_named(tmp_path):
    with pytest.raises(NvfairError, match="no such track"):
        load_track(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", mesh=np.zeros(3))
    with pytest.raises(NvfairError, match="not a whole track"):
        load_track(tmp_path / "b.npz")


def test_another_format_version_is_refused(tmp_path, track, monkeypatch):
    monkeypatch.setattr("nvfair_tools.landmarks.track.FORMAT_VERSION", 99)
    save_track(tmp_path / "a.npz", track)
    monkeypatch.undo()
    with pytest.raises(NvfairError, match="version 99"):
        load_track(tmp_path / "a.npz")


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit of the size of files")
def test_a_full_disk_is_one_error_and_prints_nothing_more(tmp_path):
    program = """
import resource, sys
from pathlib import Path
import numpy as np
from nvfair_tools.curate.frame_store import frame_rows, save_frame_rows
from nvfair_tools.landmarks.track import Track, save_track

frames = 60
mesh = np.random.default_rng(0).random((frames, 478, 3), dtype=np.float32)
reason = np.full(frames, "", object)
track = Track(mesh, np.ones(frames, bool), reason, np.arange(frames) / 25, (64, 64), "x", "1", ())
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, resource.RLIM_INFINITY))
for write in (save_track, lambda path, track: save_frame_rows(path, frame_rows(track, mesh=True))):
    try:
        write(Path(sys.argv[1]) / "a.npz", track)
    except OSError as error:
        print(error.strerror)
"""
    done = subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.splitlines() == ["File too large"] * 2
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []
