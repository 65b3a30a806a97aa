"""The work of cutting: finding the shots of a file, the person in each shot, and storing each segment as a video."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.curate.footage.following import shot_parts
from nvfair_tools.media.spans import Span, decode_span, write_exact
from nvfair_tools.pipeline.items import ItemResult, failed, ok
from nvfair_tools.recipe.footage_rule import FootageRule
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec

VERSION = "1"  # of how the person of a shot is chosen and followed


@dataclass(frozen=True)
class CutsTask:
    """A file whose shots are to be found. keep_truncated: whether one that is cut off is used up to there."""

    footage: Path
    keep_truncated: bool


@dataclass(frozen=True)
class ShotTask:
    """A shot to look through. seconds: the only ones of the file that count, None for all. longest_gap: seconds for
    which the followed face may be out of sight within a segment."""

    footage: Path
    span: Span
    seconds: tuple[float, float] | None
    rule: FootageRule
    longest_gap: float


@dataclass(frozen=True)
class SegmentTask:
    """A segment to store. output, path: the file to write, absolute and relative to the data set. rate: the usual
    number of frames a second."""

    footage: Path
    span: Span
    output: Path
    path: str
    rate: Fraction


class CutsWorker:
    """Finds where the shots of footage begin and end."""

    def run(self, task: CutsTask) -> ItemResult:
        """Finds the shots of one file. facts: frames, base (of a tick, numerator and denominator of seconds), rate
        (frames a second, likewise), is_exact (whether frames can be reached at their times), shots: first and last
        frame of each, its first frame's tick since the file's first frame, the same as the file itself gives it (None
        where it is not exact), and the tick of its last frame."""
        from nvfair_tools.media.shots import find_shots
        from nvfair_tools.media.timing import writable_rate

        found_shots = find_shots(task.footage)
        if found_shots.problem and not (found_shots.problem == "truncated" and task.keep_truncated):
            return failed(found_shots.problem, found_shots.detail, retryable=False)
        ticks, start = found_shots.ticks, found_shots.start
        interval = int(np.median(np.diff(ticks))) if len(ticks) > 1 else 0
        rate = writable_rate(1 / (interval * found_shots.base)) if interval else Fraction(25)
        return ok(
            frames=found_shots.frames,
            base=[found_shots.base.numerator, found_shots.base.denominator],
            rate=[rate.numerator, rate.denominator],
            is_exact=start is not None,
            shots=[
                [
                    shot.first,
                    shot.last,
                    int(ticks[shot.first]),
                    None if start is None else start + int(ticks[shot.first]),
                    int(ticks[shot.last]),
                ]
                for shot in found_shots.shots
            ],
        )


class ShotWorker:
    """Finds the faces in shots, and the segments that show the person who is followed."""

    def __init__(self, spec: LandmarkerSpec) -> None:
        self._landmarker = spec.create()

    def close(self) -> None:
        """Frees the models of its landmarker."""
        self._landmarker.close()

    def run(self, task: ShotTask) -> ItemResult:
        """Looks through one shot. facts: frames that were searched, faces (most in one frame), parts: of each segment
        first and last (frames of the file), start and end (seconds), face, others and others_share."""
        from nvfair_tools.landmarks.tracking import distinct_faces

        self._landmarker.start()
        boxes: list[list[np.ndarray]] = []
        times: list[float] = []
        skipped = 0
        for frame in decode_span(task.footage, task.span):
            time = task.span.time + frame.time
            if task.seconds is not None and not _is_within(time, task.seconds):
                skipped += not boxes
                if boxes:
                    break
                continue
            boxes.append([box for _, box in distinct_faces(self._landmarker.find(frame.image))])
            times.append(time)
        if not boxes:
            return ok(frames=0, faces=0, parts=[])
        first = task.span.first + skipped
        parts = shot_parts(
            boxes,
            times,
            follow=task.rule.follow,
            longest_gap=task.longest_gap,
            max_seconds=task.rule.max_seconds,
        )
        interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
        return ok(
            frames=len(boxes),
            faces=max(map(len, boxes)),
            parts=[
                {
                    "first": first + part.first,
                    "last": first + part.last,
                    "start": times[part.first],
                    "end": times[part.last] + interval,
                    "face": [round(value, 2) for value in part.face],
                    "others": part.others,
                    "others_share": part.others_share,
                }
                for part in parts
            ],
        )


class SegmentWorker:
    """Stores segments as videos whose pictures are those of the footage, without any loss."""

    def run(self, task: SegmentTask) -> ItemResult:
        """Writes one video. facts: path, bytes, frames."""
        frames = write_exact(task.output, decode_span(task.footage, task.span), task.span.base, task.rate)
        return ok(path=task.path, bytes=task.output.stat().st_size, frames=frames)


def part_span(part: Mapping[str, Any], shot: Span) -> Span:
    """The place of a part's frames in the file. part: of `ShotWorker.run`; shot: the place of its shot."""
    later = round((part["start"] - shot.time) / shot.base)
    stamp = None if shot.stamp is None else shot.stamp + later
    return Span(part["first"], part["last"], part["start"], stamp, shot.base)


# Times in a list are rounded, so a frame counts where it is this near to the start, and this much before the end.
_ROUNDING = 0.002


def _is_within(time: float, seconds: tuple[float, float]) -> bool:
    return seconds[0] - _ROUNDING <= time < seconds[1] - _ROUNDING
