"""Probes a video file: counts and times come from decoded packets, because headers may be wrong."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import open_container
from nvfair_tools.media.decoding import raw_frames
from nvfair_tools.media.errors import MediaError

# A frame interval that differs from the median by more than this share makes the rate variable.
_VARIATION = 0.1


@dataclass(frozen=True)
class MediaInfo:
    """The properties of a video file.

    width, height: pixels, after rotation. fps: mean frame rate as the container states it, exact; None where unknown.
    frames: number of decoded frames. duration: seconds from the first frame to the end of the last.
    rotation: the flag in degrees clockwise, 0, 90, 180 or 270; `decode` applies it.
    variable_frame_rate: some interval differs from the median interval by more than a tenth.
    problem: "" or the cause of the MediaError that `decode` would raise at the end ("truncated", "corrupt").
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
    """Decodes a whole video and returns its properties.

    Frames are counted by decoding, because the number in a header may be wrong after an edit list, a cut or with a
    variable rate. There is no colour conversion, so probing costs less than half as much as `decode`. For a file that
    is cut or damaged, `problem` is its cause and `frames` the number of frames before it; a file without one whole
    frame raises the MediaError of `decode`.
    """
    path = Path(path)
    times: list[float] = []
    problem = ""
    with open_container(path) as container:
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
            variable_frame_rate=_is_variable(np.array(times), float(stream.time_base or 0)),
            problem=problem,
            metadata=dict(container.metadata),
        )


def _duration(times: np.ndarray, last: float, rate: Fraction | None) -> float:
    interval = last or (float(1 / rate) if rate else 0.0)
    span = float(times[-1] - times[0])
    if np.isnan(span):
        return len(times) * interval
    return span + interval


def _is_variable(times: np.ndarray, tick: float) -> bool:
    intervals = np.diff(times[np.isfinite(times)])
    if len(intervals) < 2:
        return False
    median = float(np.median(intervals))
    # Times are whole ticks, so an interval is off by up to one tick even at a constant rate.
    return bool(np.abs(intervals - median).max() > max(_VARIATION * median, 1.01 * tick))
