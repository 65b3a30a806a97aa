"""The stream that players show is read, and the others are named."""

import numpy as np
import pytest
from PIL import Image

from nvfair_tools.media import MediaError, decode, probe
from tests.nvfair_tools.clips import astronaut, face_clip, run_ffmpeg


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    return face_clip(tmp_path_factory.mktemp("clip") / "face.mp4", frames=12, size=128)


@pytest.fixture(scope="module")
def cover(tmp_path_factory):
    path = tmp_path_factory.mktemp("cover") / "cover.jpg"
    Image.fromarray(astronaut()).save(path)
    return path


def two_streams(path, clip, defaults: tuple[str, str], sizes=(("160", "90"), ("128", "128"))):
    options = [f"-disposition:v:{n}" for n in (0, 1)]
    marks = [part for pair in zip(options, defaults, strict=True) for part in pair]
    scales = [part for n, (w, h) in enumerate(sizes) for part in (f"-filter:v:{n}", f"scale={w}:{h},setsar=1")]
    run_ffmpeg("-i", clip, "-map", "0:v", "-map", "0:v", *scales, "-c:v", "libx264", *marks, path)
    return path


def test_a_cover_picture_before_the_video_is_passed_over(clip, cover, tmp_path):
    run_ffmpeg("-i", cover, "-i", clip, "-map", "0", "-map", "1", "-c", "copy", "-disposition:v:0", "attached_pic",
               tmp_path / "a.mp4")  # fmt: skip
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.frames, info.problem, dict(info.notes)) == (128, 12, "", {})
    assert [frame.image.shape for frame in decode(tmp_path / "a.mp4")] == [(128, 128, 3)] * 12


def test_the_default_stream_is_read_and_the_other_named(clip, tmp_path):
    path = two_streams(tmp_path / "a.mkv", clip, ("0", "default"))
    info = probe(path)
    assert (info.width, info.height) == (128, 128)
    assert info.notes["several_video_streams"] == "stream 1 (h264 128x128, default) is read, not stream 0 (h264 160x90)"
    first = next(decode(path)).image
    assert np.abs(first.astype(int) - next(decode(clip)).image).mean() < 8


@pytest.mark.parametrize(("defaults"), [("0", "0"), ("default", "default")], ids=["none", "both"])
def test_of_equal_streams_the_largest_is_read(clip, tmp_path, defaults):
    path = two_streams(tmp_path / "a.ts" if defaults[0] == "0" else tmp_path / "a.mkv", clip, defaults)
    info = probe(path)
    assert (info.width, info.height) == (128, 128)
    assert "160x90" in info.notes["several_video_streams"]


def test_sound_with_a_cover_is_no_video(cover, tmp_path):
    run_ffmpeg("-f", "lavfi", "-i", "sine=duration=1", "-i", cover, "-map", "0", "-map", "1", "-c:v", "copy",
               "-disposition:v", "attached_pic", tmp_path / "a.m4a")  # fmt: skip
    with pytest.raises(MediaError, match="audio, cover picture") as caught:
        probe(tmp_path / "a.m4a")
    assert caught.value.cause == "no_video"
