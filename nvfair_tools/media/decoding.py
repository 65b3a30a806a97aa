"""Decodes the frames of a video, one at a time and upright; a damaged file is an error, never a shorter clip.

Legend: H, W image height and width after rotation; images are uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import import_av, open_container, truncation_sign
from nvfair_tools.media.demuxer_errors import notice_demuxer_errors
from nvfair_tools.media.errors import MediaError


@dataclass(frozen=True)
class Frame:
    """One frame of a video.

    index: from 0. time: seconds since the first frame, from the presentation times in the file.
    image: uint8 RGB (H, W, 3), upright.
    """

    index: int
    time: float
    image: np.ndarray


def decode(path: str | Path) -> Iterator[Frame]:
    """Yields every frame of the first video stream in presentation order, one in memory at a time.

    Rotation flags are applied. Raises MediaError (see its causes) with the file and the number of whole frames before
    the error: a truncated file yields its whole frames first and then raises "truncated"; a damaged file raises
    "corrupt" at the first packet or frame that the decoder reports, or at its end where something was skipped
    (`demuxer_errors`). What leaves no sign stays unnoticed: an end that is missing from a transport stream.
    """
    path = Path(path)
    with open_container(path) as container:
        clock = _Clock(container.streams.video[0])
        for index, raw in enumerate(raw_frames(path, container)):
            yield Frame(index, clock.seconds(raw.pts), upright_image(raw))


def whole_frames(path: Path, *, keep_truncated: bool) -> Iterator[Frame]:
    """Yields the frames of a clip; with `keep_truncated` a missing end is no error where whole frames come before it.

    Raises MediaError otherwise, as `decode` does.
    """
    try:
        yield from decode(path)
    except MediaError as error:
        if not (keep_truncated and error.cause == "truncated" and error.frames):
            raise


def upright_image(raw: Any) -> np.ndarray:
    """Converts a decoded PyAV frame to uint8 RGB (H, W, 3), turned as its rotation flag says."""
    # Without the flag swscale takes every source for BT.601, which shifts the colours of HD footage.
    colour_matrix = _colour_matrix(raw)
    image = raw.to_ndarray(format="rgb24", src_colorspace=colour_matrix, dst_colorspace=colour_matrix)
    turns = round(raw.rotation / 90) % 4  # the flag is the counter-clockwise angle in degrees
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


@notice_demuxer_errors
def raw_frames(path: Path, container: Any) -> Iterator[Any]:
    """Yields the PyAV frames of the first video stream; raises MediaError where it is damaged, cut or has no frame."""
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
    # The last packet of a cut file is often incomplete, so a cut is checked before damage.
    # Some containers state their duration from the first packet on, others from time zero on.
    start = min(0.0, (container.start_time or 0) / 1e6)
    if sign := truncation_sign(path, container, None if damage or end is None else end - start):
        raise MediaError("truncated", path, sign, frames=count)
    if damage:
        raise MediaError("corrupt", path, damage, frames=count)
    if not count:
        raise MediaError("no_frames", path, "the decoder gives no picture")


def _colour_matrix(raw: Any) -> int:
    """The YUV matrix in swscale's numbers: 1 is BT.709, 5 is BT.601, which files without a mark get too."""
    return raw.colorspace if raw.colorspace in (1, 4, 5, 6, 7, 9) else 5


class _Clock:
    """Times in seconds since the first frame; a frame without a presentation time follows the last by one interval."""

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
