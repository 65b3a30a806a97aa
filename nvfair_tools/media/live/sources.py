"""Decodes a stream while it comes: a camera, an address of a network stream, or what a pipe delivers.

A file that is damaged is an error (`nvfair_tools.media.decoding`); a live stream goes on after lost packets, so here a
packet or frame that cannot be decoded is left out, and its time passes without a frame.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from nvfair_tools.media.container import import_av, open_input
from nvfair_tools.media.decoding import Frame, decode
from nvfair_tools.media.display import Display, read_display, upright_image
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.streams import video_stream
from nvfair_tools.media.timing import FrameClock

PIPE = "-"
_SCHEMES = ("rtmp", "rtmps", "rtsp", "srt", "udp", "tcp", "http", "https")
_CAMERA = "/dev/video"
_SECONDS = 20.0  # without a packet, after which an address is given up


def is_live(source: str | Path) -> bool:
    """Whether a source is a pipe ("-"), a camera ("/dev/video0") or an address (rtmp, rtsp, srt, udp, tcp, http)."""
    text = str(source)
    return text == PIPE or text.startswith(_CAMERA) or (text.partition("://")[0] in _SCHEMES and "://" in text)


def frames_of(source: str | Path) -> Iterator[Frame]:
    """The frames of a file, as `decode` gives them, or of a live source, as `decode_live` does."""
    return decode_live(str(source)) if is_live(source) else decode(source)


def decode_live(source: str, *, seconds: float = _SECONDS) -> Iterator[Frame]:
    """Yields the frames of a live source as they come, one in memory at a time.

    source: as in `is_live`; a pipe must carry a format that needs no seeking (Matroska, MPEG-TS, FLV, MPEG-4 with its
    index in front). seconds: how long an address may be silent. The stream ends without an error where the sender ends
    it. Raises MediaError where it cannot be opened, has no video, changes its size, or gives no frame at all.
    """
    av = import_av()
    options: dict[str, Any] = {"timeout": (seconds, seconds)} if "://" in source else {}
    if source.startswith(_CAMERA):
        options["format"] = "v4l2"
    title = "the pipe" if source == PIPE else source
    try:
        container = open_input(sys.stdin.buffer if source == PIPE else source, **options)
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise MediaError(
            "unreadable",
            title,
            getattr(error, "strerror", None) or str(error),
            remedy="check the address, and that it is being sent; through a pipe send Matroska or MPEG-TS",
        ) from error
    with container:
        yield from _frames(av, container, title)


def _frames(av: Any, container: Any, title: str) -> Iterator[Frame]:
    stream = video_stream(container)
    if stream is None:
        raise MediaError("no_video", title, "it carries no video")
    stream.thread_type = "NONE"
    stream.codec_context.thread_count = 1
    clock = FrameClock(container, stream)
    display: Display | None = None
    size: tuple[int, int] | None = None
    count = 0
    failures: list[str] = []
    for raw in _decoded(av, container, stream, failures):
        size = size or (raw.width, raw.height)
        if size != (raw.width, raw.height):
            detail = f"its pictures have {size[0]}x{size[1]} pixels, and then {raw.width}x{raw.height}"
            raise MediaError("size_changes", title, detail, frames=count)
        if display is None:
            display = read_display(Path(title), stream, raw)
        yield Frame(count, clock.seconds(raw), upright_image(raw, display))
        count += 1
    if not count:
        detail = f"the decoder says: {failures[-1]}" if failures else "the decoder gives no picture"
        raise MediaError("no_frames", title, detail, remedy="send a stream whose first frames are whole, such as H.264")


def _decoded(av: Any, container: Any, stream: Any, failures: list[str]) -> Iterator[Any]:
    """The stream's whole frames; packets and frames that are damaged are left out. failures: gets the last error."""
    packets = container.demux(stream)
    while True:
        try:
            packet = next(packets)
        except (StopIteration, av.error.EOFError):
            return
        except av.error.FFmpegError:
            # The sender has gone; the decoder still has the last frames, which at the end of a file it gives by itself.
            try:
                yield from stream.decode(None)
            except av.error.FFmpegError as error:
                failures[:] = [error.strerror or str(error)]
            return
        try:
            frames = packet.decode()
        except av.error.FFmpegError as error:
            failures[:] = [error.strerror or str(error)]
            continue
        yield from (raw for raw in frames if not raw.is_corrupt)
