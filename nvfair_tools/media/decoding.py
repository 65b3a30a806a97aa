"""A video's frames, one at a time, upright, or an error: never a silently shorter clip.

Legend: H, W image height and width after rotation; images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import end_missing, import_av, opened
from nvfair_tools.media.errors import MediaError


@dataclass(frozen=True)
class Frame:
    """One picture. index: from 0. time: seconds since the first frame (its presentation time in the file).
    image: uint8 RGB (H, W, 3), upright."""

    index: int
    time: float
    image: np.ndarray


def decode(path: str | Path) -> Iterator[Frame]:
    """Every frame of the first video stream in presentation order, one in memory at a time.

    Rotation flags are applied. Raises MediaError (see its causes) naming the file and how many whole frames came
    before: a truncated file yields its whole frames first and then raises "truncated"; a damaged one raises "corrupt"
    at the first packet or frame that the decoder reports (damage it cannot notice stays unnoticed).
    """
    path = Path(path)
    with opened(path) as container:
        clock = _Clock(container.streams.video[0])
        for index, raw in enumerate(raw_frames(path, container)):
            yield Frame(index, clock.seconds(raw.pts), upright(raw))


def upright(raw: Any) -> np.ndarray:
    """A decoded PyAV frame as uint8 RGB (H, W, 3), turned as its rotation flag says."""
    # Without the flag swscale takes every source for BT.601, which shifts the colours of HD footage.
    image = raw.to_ndarray(format="rgb24", src_colorspace=_matrix(raw), dst_colorspace=_matrix(raw))
    turns = round(raw.rotation / 90) % 4  # the flag is the counter-clockwise angle in degrees
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _matrix(raw: Any) -> int:
    """The YUV matrix as swscale numbers it: 1 is BT.709, 5 is BT.601, which is also what unmarked files get."""
    return raw.colorspace if raw.colorspace in (1, 4, 5, 6, 7, 9) else 5


def raw_frames(path: Path, container: Any) -> Iterator[Any]:
    """PyAV frames; MediaError where the stream is damaged, cut or has none."""
    av = import_av()
    stream = container.streams.video[0]
    count, end, damage = 0, None, ""
    packets = container.demux()
    while True:
        try:
            packet = next(packets, None)
            if packet is None:
                break
            if packet.pts is not None and packet.time_base is not None:
                end = max(end or 0.0, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is not stream and packet.stream.index != stream.index:
                continue
            if packet.is_corrupt:
                damage = "a packet is marked as damaged"
                break
            frames = packet.decode()
        except (av.error.FFmpegError, OSError) as error:
            damage = getattr(error, "strerror", None) or str(error)
            break
        for raw in frames:
            if raw.is_corrupt:
                damage = "a frame is marked as damaged"
                break
            yield raw
            count += 1
        if damage:
            break
    # What a cut leaves is often half a packet: the cause is then the cut.
    # Some containers state their duration from the first packet on, some from time zero on.
    start = min(0.0, (container.start_time or 0) / 1e6)
    if cut := end_missing(path, container, None if damage or end is None else end - start):
        raise MediaError("truncated", path, cut, frames=count)
    if damage:
        raise MediaError("corrupt", path, damage, frames=count)
    if not count:
        raise MediaError("no_frames", path, "the decoder gives no picture")


class _Clock:
    """Presentation times from the first frame on; a frame without one follows its predecessor by one interval."""

    def __init__(self, stream: Any) -> None:
        self._base = float(stream.time_base or 0)
        self._interval = float(1 / stream.average_rate) if stream.average_rate else 0.04
        self._first: int | None = None
        self._last = -self._interval

    def seconds(self, pts: int | None) -> float:
        if pts is None or not self._base:
            self._last += self._interval
            return self._last
        if self._first is None:
            self._first = pts - round(max(0.0, self._last + self._interval) / self._base)
        self._last = (pts - self._first) * self._base
        return self._last


def whole_frames(path: Path, *, keep_truncated: bool) -> Iterator[Frame]:
    """The frames of a clip; a cut at its end is an error unless the whole frames before it are to be kept."""
    try:
        yield from decode(path)
    except MediaError as error:
        if not (keep_truncated and error.cause == "truncated" and error.frames):
            raise
