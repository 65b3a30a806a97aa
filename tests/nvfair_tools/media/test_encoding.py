import hashlib
import re
import stat
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.errors import NvfairError
from nvfair_tools.media import MediaError, decode, encode, probe
from nvfair_tools.media.encoding import ffmpeg_binary
from nvfair_tools.media.library_encoder import encode_here
from tests.nvfair_tools.clips import astronaut, moving_face
from tests.nvfair_tools.context_switches import needs_counts, voluntary_switches


@pytest.fixture(scope="module")
def frames() -> list[np.ndarray]:
    return moving_face(astronaut(), 12, size=128)


@pytest.mark.parametrize(
    "fps", [Fraction(25), Fraction(30000, 1001), Fraction(1350, 61), Fraction(1, 3), Fraction(120)]
)
def test_the_frame_rate_is_exact(tmp_path, frames, fps):
    encode(tmp_path / "a.mp4", frames, fps)
    info = probe(tmp_path / "a.mp4")
    assert info.fps == fps
    assert not info.variable_frame_rate
    times = [frame.time for frame in decode(tmp_path / "a.mp4")]
    np.testing.assert_allclose(times, [float(n / fps) for n in range(12)], rtol=1e-9, atol=1e-9)


def test_what_is_read_back_looks_like_what_was_written(tmp_path, frames):
    info = encode(tmp_path / "a.mp4", iter(frames), Fraction(25))
    assert info.frames == 12
    for frame in decode(tmp_path / "a.mp4"):
        difference = frame.image.astype(int) - frames[frame.index]
        assert np.abs(difference).mean() < 4
        assert np.abs(difference.mean(axis=(0, 1))).max() < 1.5  # no shift of the colours


def test_flat_colours_keep_their_values(tmp_path):
    for colour in [(0, 0, 0), (255, 255, 255), (200, 30, 30), (20, 200, 60), (40, 60, 220)]:
        encode(tmp_path / "a.mp4", [np.full((32, 32, 3), colour, np.uint8)] * 2, Fraction(25))
        assert np.abs(next(decode(tmp_path / "a.mp4")).image.astype(int) - colour).max() <= 3


def test_equal_input_gives_equal_bytes_and_their_hash(tmp_path, frames):
    first = encode(tmp_path / "a.mp4", frames, Fraction(25), metadata={"b": "2", "a": "1"})
    second = encode(tmp_path / "elsewhere" / "b.mp4", frames, Fraction(25), metadata={"a": "1", "b": "2"})
    assert first == second
    assert first.sha256 == hashlib.sha256((tmp_path / "a.mp4").read_bytes()).hexdigest()
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "elsewhere" / "b.mp4").read_bytes()
    other = encode(tmp_path / "c.mp4", [255 - frame for frame in frames], Fraction(25))
    assert other.sha256 != first.sha256


def test_tags_of_any_name_come_back(tmp_path, frames):
    tags = {"nvfair_generator": "warp", "title": "x = ü; # 'quoted'", "nvfair_target": "cremad:1001"}
    encode(tmp_path / "a.mp4", frames, Fraction(25), metadata=tags)
    assert tags.items() <= dict(probe(tmp_path / "a.mp4").metadata).items()
    assert not any("time" in key for key in probe(tmp_path / "a.mp4").metadata)


def test_no_frame_is_refused(tmp_path):
    with pytest.raises(MediaError) as caught:
        encode(tmp_path / "a.mp4", [], Fraction(25))
    assert caught.value.cause == "no_frames"


@pytest.mark.parametrize(
    ("bad", "word"),
    [
        (np.zeros((128, 128, 3), np.float32), "float32"),
        (np.zeros((128, 128), np.uint8), r"\(128, 128\)"),
        (np.zeros((128, 126, 3), np.uint8), "126"),
        ("picture", "str"),
    ],
)
def test_a_frame_of_another_kind_is_named_and_leaves_no_file(tmp_path, frames, bad, word):
    with pytest.raises(MediaError, match=word) as caught:
        encode(tmp_path / "a.mp4", [*frames[:3], bad], Fraction(25))
    assert caught.value.cause == "not_encoded"
    assert caught.value.frames == 3
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("shape", [(127, 128, 3), (128, 127, 3), (0, 0, 3)])
def test_odd_sides_are_refused_with_the_remedy(tmp_path, shape):
    with pytest.raises(MediaError, match="even sides"):
        encode(tmp_path / "a.mp4", [np.zeros(shape, np.uint8)], Fraction(25))


@pytest.mark.parametrize("fps", [Fraction(0), Fraction(-25), Fraction(10**7 + 1, 10**6)])
def test_a_rate_that_cannot_be_exact_is_refused(tmp_path, frames, fps):
    with pytest.raises(MediaError, match="frame rate"):
        encode(tmp_path / "a.mp4", frames, fps)


def test_an_error_of_the_frames_passes_and_leaves_the_old_file(tmp_path, frames):
    path = tmp_path / "a.mp4"
    encode(path, frames, Fraction(25))
    before = path.read_bytes()

    def broken():
        yield frames[0]
        raise RuntimeError("the generator failed")

    with pytest.raises(RuntimeError, match="the generator failed"):
        encode(path, broken(), Fraction(25))
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.mp4"]


def fake_ffmpeg(path, script: str) -> str:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)
    return str(path)


def test_a_failing_ffmpeg_is_quoted_and_many_words_do_not_block_it(tmp_path, frames, monkeypatch):
    # Far more words than a pipe holds, before it reads any picture.
    script = "yes 'noise noise noise' | head -c 400000 >&2; echo 'no such codec' >&2; exit 3"
    monkeypatch.setenv("NVFAIR_FFMPEG", fake_ffmpeg(tmp_path / "ffmpeg", script))
    with pytest.raises(MediaError, match="no such codec") as caught:
        encode(tmp_path / "a.mp4", frames * 50, Fraction(25))
    assert caught.value.cause == "not_encoded"
    assert "status 3" in str(caught.value)
    assert len(str(caught.value)) < 3000
    assert not (tmp_path / "a.mp4").exists()


def test_an_encoder_that_writes_no_video_is_noticed(tmp_path, frames, monkeypatch):
    monkeypatch.setenv("NVFAIR_FFMPEG", fake_ffmpeg(tmp_path / "ffmpeg", "cat > /dev/null; exit 0"))
    with pytest.raises((MediaError, OSError)):
        encode(tmp_path / "a.mp4", frames, Fraction(25))
    assert not (tmp_path / "a.mp4").exists()


def test_a_missing_binary_is_named(tmp_path, frames, monkeypatch):
    monkeypatch.setenv("NVFAIR_FFMPEG", "/nowhere/ffmpeg")
    with pytest.raises(NvfairError, match="/nowhere/ffmpeg"):
        encode(tmp_path / "a.mp4", frames, Fraction(25))


def test_wide_and_tall_frames_keep_their_sides(tmp_path):
    encode(tmp_path / "a.mp4", [astronaut()[:100, :300]], Fraction(25))
    info = probe(tmp_path / "a.mp4")
    assert (info.width, info.height, info.frames) == (300, 100, 1)
    assert info.duration == pytest.approx(0.04)


@needs_counts
@pytest.mark.parametrize("encoder", ["within the process", "a process a video"])
def test_the_writer_seldom_waits(tmp_path, monkeypatch, encoder):
    """Through a pipe of 64 KiB it waits three times for each frame of 192 KiB, for threads for colours four times."""
    choose(encoder, monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    frames = moving_face(astronaut(), 40, size=256)
    before = voluntary_switches()
    encode(tmp_path / "a.mp4", frames, Fraction(25))
    assert voluntary_switches() - before < 2 * 40


def choose(encoder: str, monkeypatch) -> None:
    """Lets `encode` use one of its two ways."""
    if encoder == "within the process":
        monkeypatch.delenv("NVFAIR_FFMPEG", raising=False)
    else:
        monkeypatch.setenv("NVFAIR_FFMPEG", ffmpeg_binary())


def x264_version(video: bytes) -> bytes:
    return re.search(rb"x264 - core [^-]*", video)[0]


@pytest.mark.parametrize("fps", [Fraction(25), Fraction(30000, 1001), Fraction(1, 3), Fraction(1350, 61)])
def test_both_encoders_and_any_number_of_threads_write_the_same_bytes(tmp_path, frames, monkeypatch, fps):
    tags = {"title": "x = \u00fc; # 'quoted'", "nvfair_target": "cremad:1001", "empty": "", "encoder": "none"}
    files = []
    for encoder, threads in [("a process a video", "1"), ("within the process", "1"), ("within the process", "2")]:
        choose(encoder, monkeypatch)
        monkeypatch.setenv("OMP_NUM_THREADS", threads)
        encode(tmp_path / "a.mp4", frames, fps, metadata=tags, crf=30)
        files.append((tmp_path / "a.mp4").read_bytes())
        assert probe(tmp_path / "a.mp4").fps == fps
    by_program, here, in_a_thread = files
    assert here == in_a_thread
    if x264_version(by_program) == x264_version(here):
        assert by_program == here


ENCODE_A_FACE = """
from fractions import Fraction
from nvfair_tools.media import encode
from tests.nvfair_tools.clips import astronaut, moving_face
for size in (160, 240):
    print(encode("face.mp4", moving_face(astronaut(), 10, size=size), Fraction(25)).sha256)
"""


@pytest.mark.parametrize("encoder", ["within the process", "a process a video"])
def test_what_memory_held_before_changes_no_byte(tmp_path, monkeypatch, encoder):
    """New memory of glibc is filled with one byte, then with another; x264 reads some of it where it uses AVX-512."""
    choose(encoder, monkeypatch)
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    hashes = []
    for filling in ("0", "85", "170"):
        monkeypatch.setenv("MALLOC_PERTURB_", filling)
        command = [sys.executable, "-c", ENCODE_A_FACE]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
        hashes.append(done.stdout.split())
    assert len(hashes[0]) == 2
    assert hashes[0] == hashes[1] == hashes[2]


@pytest.mark.parametrize("threads", ["1", "2"])
def test_an_error_of_the_frames_passes_through_the_encoder_within_the_process(tmp_path, frames, monkeypatch, threads):
    choose("within the process", monkeypatch)
    monkeypatch.setenv("OMP_NUM_THREADS", threads)

    def broken():
        yield from frames
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        encode(tmp_path / "a.mp4", broken(), Fraction(25))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no /dev/full")
@pytest.mark.parametrize("threads", ["1", "2"])
def test_a_full_disk_is_the_encoders_error(frames, monkeypatch, threads):
    monkeypatch.setenv("OMP_NUM_THREADS", threads)
    with pytest.raises(MediaError, match="No space left on device") as caught:
        encode_here(Path("a.mp4"), Path("/dev/full"), iter(frames * 20), Fraction(25), {}, preset="medium", crf=0)
    assert caught.value.cause == "not_encoded"
    assert caught.value.path == "a.mp4"
