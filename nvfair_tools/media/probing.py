"""What a video file really holds, found by reading its packets, not by trusting its header."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import opened
from nvfair_tools.media.decoding import raw_frames
from nvfair_tools.media.errors import MediaError

# A frame interval this much longer or shorter than the median makes the rate variable.
_VARIATION = 0.1


@dataclass(frozen=True)
class MediaInfo:
    """Facts about a video file.

    width, height: pixels, after rotation. fps: mean frame rate as the container states it, exact; None where unknown.
    frames: decoded frames (see `probe`). duration: seconds from the first frame to the end of the last.
    rotation: the flag in degrees clockwise, 0, 90, 180 or 270; `decode` applies it.
    variable_frame_rate: some interval differs from the median one by more than a tenth.
    problem: "" or the cause of the MediaError that `decode` would end with ("truncated", "corrupt").
    metadata: the container's tags.
    """

    path: Path
    width: int
    height: int
    fps: Fraction | None
    frames: int
    duration: float
    rotation: int
    codec: str
    has_audio: bool
    variable_frame_rate: bool
    problem: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


def probe(path: str | Path) -> MediaInfo:
    """Reads a video through and reports what is in it.

    Frames are counted by decoding, because headers lie: an edit list, a cut or a variable rate makes the stated number
    wrong (no colour conversion, so it costs less than half of reading the frames). A file that is cut or damaged is
    reported in `problem` with the frames that came before; a file without one whole
    frame raises what `decode` would raise.
    """
    path = Path(path)
    times: list[float] = []
    problem = ""
    with opened(path) as container:
        stream = container.streams.video[0]
        rate = Fraction(stream.average_rate) if stream.average_rate else None
        first: Any = None
        last_duration = 0.0
        try:
            for raw in raw_frames(path, container):
                first = first or raw
                times.append(float("nan") if raw.time is None else raw.time)
                last_duration = float((raw.duration or 0) * (raw.time_base or 0))
        except MediaError as error:
            if not times:
                raise
            problem = error.cause
        rotation = round(-first.rotation / 90) * 90 % 360
        width, height = (first.height, first.width) if rotation in (90, 270) else (first.width, first.height)
        return MediaInfo(
            path=path,
            width=width,
            height=height,
            fps=rate,
            frames=len(times),
            duration=_duration(np.array(times), last_duration, rate),
            rotation=rotation,
            codec=stream.codec_context.name,
            has_audio=bool(container.streams.audio),
            variable_frame_rate=_varies(np.array(times), float(stream.time_base or 0)),
            problem=problem,
            metadata=dict(container.metadata),
        )


def _duration(times: np.ndarray, last: float, rate: Fraction | None) -> float:
    interval = last or (float(1 / rate) if rate else 0.0)
    span = float(times[-1] - times[0])
    if np.isnan(span):
        return len(times) * interval
    return span + interval


def _varies(times: np.ndarray, tick: float) -> bool:
    intervals = np.diff(times[np.isfinite(times)])
    if len(intervals) < 2:
        return False
    usual = float(np.median(intervals))
    # Times are whole ticks, so an interval is off by up to two halves of one even at a constant rate.
    return bool(np.abs(intervals - usual).max() > max(_VARIATION * usual, 1.01 * tick))
