"""Spans give the very frames and times that decoding the whole file gives, and are stored without loss."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.media import MediaError, decode, probe
from nvfair_tools.media.shots import find_shots
from nvfair_tools.media.spans import Span, decode_span, write_exact
from tests.nvfair_tools.clips import face_clip, run_ffmpeg


@pytest.fixture(scope="module")
def films(tmp_path_factory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("films")
    plain = face_clip(folder / "plain.mp4", frames=90, fps=Fraction(30000, 1001), size=96)
    films = {"plain": plain}
    changes = {
        "groups.mp4": ("-c:v", "libx264", "-g", "12", "-bf", "2", "-x264-params", "open-gop=1"),
        "program.mpg": ("-c:v", "mpeg2video", "-g", "15", "-bf", "2"),
        "old.avi": ("-c:v", "mpeg4", "-g", "15", "-bf", "2"),
        "matroska.mkv": ("-c:v", "libx264", "-g", "10", "-vf", r"select=not(eq(mod(n\,7)\,3))", "-fps_mode", "vfr"),
        "late.ts": ("-c:v", "libx264", "-g", "20", "-output_ts_offset", "7"),
    }
    for name, options in changes.items():
        films[name] = folder / name
        run_ffmpeg("-i", plain, *options, films[name])
    films["turned"] = folder / "turned.mp4"
    run_ffmpeg("-display_rotation", "90", "-i", films["groups.mp4"], "-c", "copy", films["turned"])
    return films


@pytest.mark.parametrize("name", ["plain", "groups.mp4", "program.mpg", "old.avi", "matroska.mkv", "late.ts", "turned"])
def test_a_span_is_what_decoding_everything_gives_there(films, name):
    path = films[name]
    shots, whole = find_shots(path), list(decode(path))
    for first, last in ((0, 4), (41, 52), (len(whole) - 3, len(whole) - 1)):
        tick = int(shots.ticks[first])
        stamp = None if shots.start is None else shots.start + tick
        span = Span(first, last, float(tick * shots.base), stamp, shots.base)
        frames = list(decode_span(path, span))
        assert [frame.index for frame in frames] == list(range(last - first + 1))
        for frame, expected in zip(frames, whole[first : last + 1], strict=True):
            assert np.array_equal(frame.image, expected.image)
            assert frame.time == pytest.approx(expected.time - whole[first].time, abs=1e-9)


def test_reading_begins_near_the_span_where_times_are_exact(films):
    assert find_shots(films["groups.mp4"]).start is not None
    assert find_shots(films["old.avi"]).start is None


def test_frames_that_are_not_there_are_an_error(films):
    with pytest.raises(MediaError, match="truncated"):
        list(decode_span(films["plain"], Span(80, 95, 0.0, None, Fraction(1, 30000))))


@pytest.mark.parametrize("name", ["plain", "matroska.mkv"])
def test_stored_frames_keep_every_pixel_and_time(films, name, tmp_path):
    path, shots = films[name], find_shots(films[name])
    span = Span(20, 49, float(shots.ticks[20] * shots.base), None, shots.base)
    info = probe(path)
    assert info.fps is not None
    assert write_exact(tmp_path / "part.mp4", decode_span(path, span), shots.base, info.fps) == 30
    stored, expected = list(decode(tmp_path / "part.mp4")), list(decode_span(path, span))
    for frame, original in zip(stored, expected, strict=True):
        assert np.array_equal(frame.image, original.image)
        assert frame.time == pytest.approx(original.time, abs=1e-9)
    if name == "plain":
        assert probe(tmp_path / "part.mp4").fps == Fraction(30000, 1001)


def test_no_frame_leaves_no_file(tmp_path):
    with pytest.raises(MediaError, match="no_frames"):
        write_exact(tmp_path / "part.mp4", [], Fraction(1, 25), Fraction(25))
    assert list(tmp_path.iterdir()) == []
