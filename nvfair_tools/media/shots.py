"""Finds the shots of edited footage: where hard cuts are, and where one picture dissolves into the next.

Legend: T frames; a thumbnail is a small grey picture, float32 (32, 32), 0 to 255.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import numpy as np

from nvfair_tools.media.container import open_container
from nvfair_tools.media.decoding import chosen_stream, raw_frames
from nvfair_tools.media.errors import MediaError
from nvfair_tools.media.motion import thumbnail
from nvfair_tools.media.timing import FrameClock
from nvfair_tools.quantities import count_text

VERSION = "1"  # of how shots are found
# A cut changes grey values by this much (of 255), and so many times more than the frames just before and after, and
# than those that move within half a second. Measured in docs/footage.md.
_CUT_CHANGE, _CUT_RATIO, _NEARBY = 0.02 * 255, 4.0, 12
_STILL_CHANGE = 0.05  # a repeated frame
# Half the frames over which a dissolve is looked for.
_REACH = 4
# Within a dissolve each picture is the mean of those before and after it at equal distances, however different these
# are: the middle is off by at most this share of their difference, which is at least so much (of 255).
_BLEND_ERROR, _BLEND_CHANGE = 0.25, 10.0
# So many frames in a row must be blends; so many more on both sides are blended, but not enough to be noticed.
_LEAST_DISSOLVE, _MARGIN = 4, 4


@dataclass(frozen=True)
class Shot:
    """A run of frames between two cuts. first, last: indices of its frames, both included."""

    first: int
    last: int

    def __len__(self) -> int:
        return self.last - self.first + 1


@dataclass(frozen=True)
class ShotList:
    """The shots of a file in their order; frames of dissolves are in none.

    frames: number of frames. base: seconds of a tick. ticks: int64 (T,), times of all frames since the first. start:
    what the file itself gives as the first frame's time, in ticks; None where its frames can only be reached from its
    beginning. problem: "" or the cause of the MediaError at the file's end; detail: what was found.
    """

    shots: tuple[Shot, ...]
    frames: int
    base: Fraction
    ticks: np.ndarray
    start: int | None
    problem: str = ""
    detail: str = ""


def find_shots(path: str | Path) -> ShotList:
    """Decodes a whole file and finds its shots.

    Only one number a frame is held in memory. Raises MediaError where not one frame can be decoded; a file that is cut
    off or damaged has the shots before that, and `problem`.
    """
    path = Path(path)
    problem: MediaError | None = None
    with open_container(path) as container:
        clock = FrameClock(container, chosen_stream(container))
        meter = ShotMeter()
        ticks: list[int] = []
        start: int | None = None
        interlaced = False
        try:
            for raw in raw_frames(path, container):
                ticks.append(clock.ticks(raw))
                meter.add(thumbnail(raw))
                interlaced = interlaced or bool(raw.interlaced_frame)
                start = raw.pts if len(ticks) == 1 else start
        except MediaError as error:
            if not ticks:
                raise
            problem = error
        is_exact = not (clock.repaired or clock.missing or interlaced or "avi" in container.format.name)
        return ShotList(
            tuple(meter.shots()),
            len(ticks),
            clock.base,
            np.array(ticks, dtype=np.int64),
            start if is_exact else None,
            problem.cause if problem else "",
            f"after {count_text(problem.frames, 'whole frame')}: {problem.detail}" if problem else "",
        )


class ShotMeter:
    """Measures pictures one by one, and says at the end where the shots are."""

    def __init__(self) -> None:
        self._recent: deque[np.ndarray] = deque(maxlen=2 * _REACH + 1)
        self._changes: list[float] = []
        self._blends: list[bool] = []  # of the frame `_REACH` before the last
        self._count = 0

    def add(self, picture: np.ndarray) -> None:
        """Takes the next picture, a thumbnail (32, 32)."""
        if self._recent:
            self._changes.append(float(np.abs(picture - self._recent[-1]).mean()))
        self._recent.append(picture)
        self._count += 1
        if len(self._recent) == self._recent.maxlen:
            self._blends.append(is_blend(self._recent[0], self._recent[_REACH], self._recent[-1]))

    def shots(self) -> Iterator[Shot]:
        """The shots of all pictures so far."""
        if not self._count:
            return
        gaps = [(cut, cut) for cut in sudden_changes(self._changes)]  # first frame that is out, first that is in again
        gaps += [(first, last + 1) for first, last in self._dissolves()]
        start = 0
        for out, again in sorted(gaps):
            if out > start:
                yield Shot(start, out - 1)
            start = max(start, again)
        if start < self._count:
            yield Shot(start, self._count - 1)

    def _dissolves(self) -> Iterator[tuple[int, int]]:
        """First and last frame of each dissolve, with the frames at both ends that are hardly blended."""
        run = 0
        for index, blends in enumerate([*self._blends, False]):
            if blends:
                run += 1
                continue
            if run >= _LEAST_DISSOLVE:
                yield index - run + _REACH - _MARGIN, index - 1 + _REACH + _MARGIN
            run = 0


def sudden_changes(changes: Sequence[float]) -> list[int]:
    """Indices of the first frames after a hard cut. changes: (T - 1,), that from frame n to n + 1 at n, 0 to 255.

    Only frames nearby are compared, so that a film of quiet and of lively shots is judged shot by shot.
    """
    change = np.asarray(changes, dtype=np.float64)
    cuts = []
    for index in np.flatnonzero(change > _CUT_CHANGE):
        before, after = change[max(0, index - _NEARBY) : index], change[index + 1 : index + 1 + _NEARBY]
        moving = np.concatenate([before, after])
        moving = moving[moving > _STILL_CHANGE]  # or each step between repeated frames would be a cut
        usual = max(np.max(before[-1:], initial=0.0), np.max(after[:1], initial=0.0))
        usual = max(usual, float(np.median(moving)) if len(moving) else 0.0)
        if change[index] > _CUT_RATIO * usual:
            cuts.append(int(index) + 1)
    return cuts


def is_blend(before: np.ndarray, middle: np.ndarray, after: np.ndarray) -> bool:
    """Whether a picture is the mean of two others that differ, as in the midst of a dissolve. Each is (32, 32)."""
    change = float(np.abs(after - before).mean())
    if change < _BLEND_CHANGE:
        return False
    return float(np.abs(middle - (before + after) / 2).mean()) <= _BLEND_ERROR * change
