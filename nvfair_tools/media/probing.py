"""Probes a video file: counts and times come from decoded packets, because headers may be wrong."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.media.container import open_container, tags_of
from nvfair_tools.media.decoding import chosen_stream, raw_frames
from nvfair_tools.media.display import Display, read_display
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.motion import PictureMeter, hard_cuts, longest_standstill
from nvfair_tools.media.streams import describe_stream, other_video_streams
from nvfair_tools.media.timing import FrameClock, clip_length, frame_places, frame_rate
from nvfair_tools.quantities import count_text

# A frame interval that differs from the median by more than this share makes the rate variable.
_VARIATION = 0.1
# Frames a second that a camera pointed at a face has; others are more often a wrong header.
_USUAL_RATES = (5, 300)


@dataclass(frozen=True)
class MediaInfo:
    """The properties of a video file, as `decode` gives it.

    width, height: pixels as shown. fps: mean frame rate from the frames' times, which `encode` writes exactly; None
    where unknown. frames: number of decoded frames. duration: seconds from the first frame to the end of the last.
    rotation: the quarter turns that `decode` applies, in degrees clockwise, 0, 90, 180 or 270; mirrored: whether it
    mirrors the picture before. aspect: width of a stored pixel over its height; `decode` makes pixels square.
    variable_frame_rate: some interval differs from the median interval by more than a tenth.
    repaired_times: number of frames whose own time went back, stood still or jumped (see `FrameClock`).
    notes: {flag: explanation} of all that a user should know about the clip, see docs/datasets.md.
    problem: "" or the cause of the MediaError that `decode` would raise at the end ("truncated", "corrupt",
    "size_changes"); problem_text: what was found, after how many frames, and the remedy.
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
    problem_text: str = ""
    repaired_times: int = 0
    mirrored: bool = False
    aspect: Fraction = Fraction(1)
    notes: Mapping[str, str] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)


def stated_seconds(path: str | Path) -> float:
    """The length that a file states, for showing progress; 0 where it states none or cannot be opened."""
    try:
        with open_container(Path(path)) as container:
            return float(container.duration or 0) / 1e6
    except MediaError:
        return 0.0


def stated_frames(path: str | Path) -> int:
    """The number of frames that a file states, or that its length and rate give; 0 where it states neither or cannot
    be opened."""
    try:
        with open_container(Path(path)) as container:
            stream = chosen_stream(container)
            if stream.frames:
                return int(stream.frames)
            return round(float(container.duration or 0) / 1e6 * float(stream.average_rate or 0))
    except MediaError:
        return 0


def probe(path: str | Path) -> MediaInfo:
    """Decodes a whole video and returns its properties.

    Frames are counted by decoding, because the number in a header may be wrong after an edit list, a cut or with a
    variable rate. There is no colour conversion, so probing costs less than half as much as `decode`. For a file that
    is cut or damaged, `problem` is its cause and `frames` the number of frames before it; a file without one whole
    frame raises the MediaError of `decode`.
    """
    path = Path(path)
    problem: MediaError | None = None
    with open_container(path) as container:
        stream = chosen_stream(container)
        clock = FrameClock(container, stream)
        meter = PictureMeter()
        ticks: list[int] = []
        first: Any = None
        display: Display | None = None
        interlaced = 0
        last_duration: int | None = None
        try:
            for raw in raw_frames(path, container):
                if display is None:
                    first, display = raw, read_display(path, stream, raw)
                ticks.append(clock.ticks(raw))
                meter.add(raw)
                interlaced += bool(raw.interlaced_frame)
                last_duration = raw.duration
        except MediaError as error:
            if not ticks:
                raise
            problem = error
        assert display is not None
        length = clip_length(ticks, last_duration)
        stated = (stream.average_rate, stream.guessed_rate, stream.base_rate)
        # Where a file is cut, the frames just before the cut are missing here and there.
        rate = frame_rate(frame_places(ticks) if problem else len(ticks), length, clock.base, stated)
        duration = float(length * clock.base) if length else float(1 / rate) if rate else 0.0
        times = np.array(ticks) * float(clock.base)
        variable = _is_variable(times, float(clock.base))
        notes = dict(_stream_notes(container, stream, clock))
        notes |= dict(_time_notes(clock, times, rate, variable=variable))
        notes |= dict(_picture_notes(display, interlaced, meter, times))
        width, height = display.size(first)
        return MediaInfo(
            path=path,
            width=width,
            height=height,
            fps=rate,
            frames=len(ticks),
            duration=duration,
            rotation=90 * display.turns,
            codec=stream.codec_context.name,
            has_audio=bool(container.streams.audio),
            variable_frame_rate=variable,
            problem=problem.cause if problem else "",
            problem_text=_problem_text(problem) if problem else "",
            repaired_times=clock.repaired,
            mirrored=display.mirrored,
            aspect=display.aspect,
            notes=notes,
            metadata=tags_of(container),
        )


def glance(path: str | Path) -> dict[str, str]:
    """Reads only the header and the first frame of a video: {flag: explanation}, those of `probe` that show so early.

    Raises MediaError where the file cannot be opened, has no video or no first frame, or cannot be shown rightly.
    """
    path = Path(path)
    with open_container(path) as container:
        stream = chosen_stream(container)
        clock = FrameClock(container, stream)
        first = next(raw_frames(path, container))
        clock.ticks(first)
        meter = PictureMeter()
        meter.add(first)
        notes = dict(_stream_notes(container, stream, clock))
        display = read_display(path, stream, first)
        return notes | dict(_picture_notes(display, int(first.interlaced_frame), meter, np.zeros(1)))


def _problem_text(problem: MediaError) -> str:
    return f"after {count_text(problem.frames, 'whole frame')}: {problem.detail}; to fix it: {problem.remedy}"


def _stream_notes(container: Any, stream: Any, clock: FrameClock) -> Iterator[tuple[str, str]]:
    if others := other_video_streams(container):
        yield "several_video_streams", f"{describe_stream(stream)} is read, not {', '.join(others)}"
    if clock.missing:
        frames = count_text(clock.missing, "frame has no time of its own", "frames have no time of their own")
        yield "times_assumed", f"{frames}; the usual interval is assumed"
    if clock.repaired:
        frames = count_text(clock.repaired, "frame goes back or jumps in time", "frames go back or jump in time")
        yield "times_repaired", f"{frames}; the usual interval is taken"


def _time_notes(
    clock: FrameClock, times: np.ndarray, rate: Fraction | None, *, variable: bool
) -> Iterator[tuple[str, str]]:
    if variable:
        intervals = np.diff(times)
        text = f"frames follow each other after {intervals.min() * 1000:.0f} to {intervals.max() * 1000:.0f} ms"
        yield "variable_frame_rate", text
    if rate is not None and not _USUAL_RATES[0] <= rate <= _USUAL_RATES[1]:
        yield "unusual_frame_rate", f"{float(rate):g} frames a second"


def _picture_notes(
    display: Display, interlaced: int, meter: PictureMeter, times: np.ndarray
) -> Iterator[tuple[str, str]]:
    if interlaced:
        yield (
            "deinterlaced",
            f"{interlaced} of {len(times)} frames are interlaced; their fields are interpolated",
        )
    elif meter.looks_interlaced:
        yield "combed", "frames look interlaced, but are not marked so and are left as they are"
    if display.transfer:
        yield "tone_mapped", f"{display.transfer} is mapped to the standard range of BT.709"
    elif display.primaries:
        yield "gamut_mapped", f"the colours of {display.primaries} are mapped to those of BT.709"
    if cuts := hard_cuts(meter.changes):
        moments = ", ".join(f"{times[cut]:.2f} s" for cut in cuts[:5]) + (", ..." if len(cuts) > 5 else "")
        yield "hard_cut", f"the picture changes at once at {moments}"
    if still := longest_standstill(meter.changes, times.tolist()):
        yield "standstill", f"the picture stands still from {still[0]:.2f} to {still[1]:.2f} s"


def _is_variable(times: np.ndarray, tick: float) -> bool:
    intervals = np.diff(times)
    if len(intervals) < 2:
        return False
    median = float(np.median(intervals))
    # Times are whole ticks, so an interval is off by up to one tick even at a constant rate.
    return bool(np.abs(intervals - median).max() > max(_VARIATION * median, 1.01 * tick))
