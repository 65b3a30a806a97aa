"""Live sources, each really sent: an RTMP server, a network stream, a pipe. Cameras need a device, which tests lack."""

from __future__ import annotations

import json
import subprocess
import sys
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from nvfair_tools.media import MediaError, decode, encode
from nvfair_tools.media.encoding import ffmpeg_binary
from nvfair_tools.media.live.sources import decode_live, is_live
from tests.waiting import free_port, read_when_sent

pytest.importorskip("av")


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty frames, each of another grey."""
    path = tmp_path_factory.mktemp("live") / "greys.mp4"
    encode(path, (np.full((64, 64, 3), 20 + 3 * n, np.uint8) for n in range(60)), Fraction(25))
    return path


def greys(frames: object) -> list[tuple[float, int]]:
    """(seconds, grey) of frames."""
    return [(round(frame.time, 2), round(float(frame.image.mean()))) for frame in frames]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("address", "container"),
    [
        ("rtmp://127.0.0.1:{}/live/video", "flv"),
        ("http://127.0.0.1:{}/video", "mpegts"),
        ("tcp://127.0.0.1:{}", "matroska"),
    ],
)
def test_a_stream_has_the_frames_of_its_file(video: Path, address: str, container: str) -> None:
    address = address.format(free_port())
    listening = f"{address}?listen=1" if container == "matroska" else address
    flag = [] if container == "matroska" else ["-listen", "1"]
    command = [ffmpeg_binary(), "-loglevel", "error", "-i", str(video), "-c", "copy", "-f", container, *flag, listening]
    sender = subprocess.Popen(command)
    try:
        received = read_when_sent(sender, lambda: greys(decode_live(address, seconds=10)))
    finally:
        sender.kill()
        sender.wait()
    assert received == greys(decode(video))


READER = """
import json
from nvfair_tools.media.live.sources import decode_live
print(json.dumps([(round(frame.time, 2), round(float(frame.image.mean()))) for frame in decode_live("-")]))
"""


@pytest.mark.parametrize("container", ["matroska", "mpegts", "flv"])
def test_a_pipe_has_the_frames_of_its_file(video: Path, container: str) -> None:
    command = [ffmpeg_binary(), "-loglevel", "error", "-i", str(video), "-c", "copy", "-f", container, "-"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as sender:
        done = subprocess.run([sys.executable, "-c", READER], stdin=sender.stdout, capture_output=True, check=True)
    assert [tuple(frame) for frame in json.loads(done.stdout)] == greys(decode(video))


def test_an_address_at_which_nobody_sends_is_an_error_that_says_so() -> None:
    with pytest.raises(MediaError, match="check the address"):
        next(decode_live(f"rtmp://127.0.0.1:{free_port()}/live", seconds=2))


def test_files_are_no_live_sources() -> None:
    assert [
        source for source in ("-", "/dev/video0", "srt://a", "a.mp4", "C:/a.mp4", "/dev/null") if is_live(source)
    ] == [
        "-",
        "/dev/video0",
        "srt://a",
    ]
