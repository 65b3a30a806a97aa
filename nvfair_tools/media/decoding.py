"""Decodes the frames of a video one at a time, as a player shows them; damage is an error, never a shorter clip.

Legend: H, W image height and width as shown; images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import import_av, open_container, truncation_sign
from nvfair_tools.media.demuxer_errors import notice_demuxer_errors
from nvfair_tools.media.display import Display, deinterlaced, read_display, upright_image
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.streams import video_stream
from nvfair_tools.media.timing import LONGEST_PAUSE, FrameClock


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    index: from 0. time: seconds since the first frame, from the presentation times in the file; it always rises.
    image: uint8 RGB (H, W, 3), upright, with square pixels.
    """

    index: int
    time: float
    image: np.ndarray


def decode(path: str | Path) -> Iterator[Frame]:
    """Yields every frame of a file's video stream in presentation order, as a player shows it, one in memory at a time.

    The stream is that of `video_stream`. Rotation and mirroring, the shape of pixels, fields and colours are dealt with
    as `nvfair_tools.media.display` says; times always rise (see `FrameClock`).
    Raises MediaError (see its causes) with the file and the number of whole frames before the error: a truncated file
    yields its whole frames first and then raises "truncated"; a damaged file raises "corrupt" at the first packet or
    frame that the decoder reports, or at its end where something was skipped (`demuxer_errors`; what leaves no sign
    stays unnoticed: an end that is missing from a transport stream); "size_changes" comes at the first frame of another
    size.
    """
    path = Path(path)
    with open_container(path) as container:
        stream = chosen_stream(container)
        clock = FrameClock(container, stream)
        times: deque[float] = deque()
        display: Display | None = None
        for index, raw in enumerate(deinterlaced(_timed(raw_frames(path, container), clock, times))):
            if display is None:
                display = read_display(path, stream, raw)
            yield Frame(index, times.popleft(), upright_image(raw, display))


def _timed(frames: Iterator[Any], clock: FrameClock, times: deque[float]) -> Iterator[Any]:
    """The frames unchanged; their times are put into `times`."""
    for raw in frames:
        times.append(clock.seconds(raw))
        yield raw


def whole_frames(path: Path, *, keep_truncated: bool) -> Iterator[Frame]:
    """Yields the frames of a clip; with `keep_truncated` a missing end is no error where whole frames come before it.

    Raises MediaError otherwise, as `decode` does.
    """
    try:
        yield from decode(path)
    except MediaError as error:
        if not (keep_truncated and error.cause == "truncated" and error.frames):
            raise


@notice_demuxer_errors
def raw_frames(path: Path, container: Any) -> Iterator[Any]:
    """Yields the PyAV frames of the chosen stream; raises MediaError where it is damaged, cut or has no frame."""
    av = import_av()
    stream = chosen_stream(container)
    count, damage = 0, ""
    size: tuple[int, int] | None = None
    packets = _Packets(container, stream)
    while not damage:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            frames = packet.decode()
        except _DamagedPacket as error:
            damage = str(error)
            break
        except (av.error.FFmpegError, OSError) as error:
            damage = getattr(error, "strerror", None) or str(error)
            break
        for raw in frames:
            if raw.is_corrupt:
                damage = "a frame is marked as damaged"
                break
            size = size or (raw.width, raw.height)
            if size != (raw.width, raw.height):
                detail = f"its pictures have {size[0]}x{size[1]} pixels, and then {raw.width}x{raw.height}"
                raise MediaError("size_changes", path, detail, frames=count)
            yield raw
            count += 1
    # The last packet of a cut file is often incomplete, so a cut is checked before damage.
    # Some containers state their duration from the first packet on, others from time zero on.
    start = min(0.0, (container.start_time or 0) / 1e6)
    end = packets.end
    if sign := truncation_sign(path, container, None if damage or end is None else end - start):
        raise MediaError("truncated", path, sign, frames=count)
    if damage and not count and stream.codec_context.name == "webp":
        raise MediaError("unsupported", path, "an animated WebP, which ffmpeg does not decode")
    if damage:
        raise MediaError("corrupt", path, damage, frames=count)
    if not count:
        raise MediaError("no_frames", path, "the decoder gives no picture")


class _DamagedPacket(Exception):
    """A packet that the container marks as damaged."""


class _Packets:
    """The packets of one stream of a container, and `end`: seconds at which the last packet of any stream ends.

    Raises _DamagedPacket at a packet that is marked as damaged, unless the mark only says that the stream was spliced
    there: a transport stream then counts its parts anew, and its times jump. The decoder still reports missing bytes.
    """

    def __init__(self, container: Any, stream: Any) -> None:
        self.end: float | None = None
        self._stream = stream.index
        self._packets = container.demux()
        self._ahead: deque[Any] = deque()

    def __iter__(self) -> _Packets:
        return self

    def __next__(self) -> Any:
        packet = self._ahead.popleft() if self._ahead else self._read()
        if packet is None:
            raise StopIteration
        if packet.is_corrupt:
            # The parser hands the mark to the packet before the one that it concerns.
            while len(self._ahead) < 2:
                self._ahead.append(self._read())
            if not any(map(_is_splice, (packet, self._ahead[0]), self._ahead)):
                raise _DamagedPacket("a packet is marked as damaged")
        return packet

    def _read(self) -> Any:
        """The next packet of the stream, or None at the end."""
        for packet in self._packets:
            if packet.pts is not None and packet.time_base:
                end = float((packet.pts + (packet.duration or 0)) * packet.time_base)
                self.end = max(self.end or 0.0, end)
            if packet.stream.index == self._stream:
                return packet
        return None


def _is_splice(packet: Any, following: Any) -> bool:
    """Whether times start anew after a packet: they go back, or jump by more than a pause could be."""
    if packet is None or following is None or packet.dts is None or following.dts is None:
        return False
    step = following.dts - packet.dts
    return bool(step <= 0 or step * packet.time_base > LONGEST_PAUSE)


def chosen_stream(container: Any) -> Any:
    """The stream of an open container that is read; `open_container` has made sure that there is one."""
    stream = video_stream(container)
    assert stream is not None
    return stream
