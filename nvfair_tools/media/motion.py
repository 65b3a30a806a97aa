"""Finds places where a video's pictures do not follow each other like those of one camera: cuts, standstill, combing.

Legend: T frames; a thumbnail is a small grey picture, float32 (32, 32), 0 to 255.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

SIDE = 32
# A cut changes grey values by this much, and by far more than just before, just after and in the clip as a whole.
_CUT_CHANGE, _CUT_RATIO = 0.03 * 255, 6.0
# A picture stands still where no thumbnail changes by more than this (of 255), for so many seconds.
_STILL_CHANGE, STILL_SECONDS = 0.01, 1.0


def thumbnail(raw: Any) -> np.ndarray:
    """A thumbnail of a decoded PyAV frame."""
    grey = raw.to_ndarray(format="gray", width=SIDE, height=SIDE, interpolation="AREA")
    return np.asarray(grey, dtype=np.float32)


class ChangeMeter:
    """Measures how much each picture of a clip differs from the last one. values: mean change of grey, 0 to 255."""

    def __init__(self) -> None:
        self.values: list[float] = []
        self._last: np.ndarray | None = None

    def add(self, raw: Any) -> None:
        """Takes the clip's next frame."""
        picture = thumbnail(raw)
        if self._last is not None:
            self.values.append(float(np.abs(picture - self._last).mean()))
        self._last = picture


def hard_cuts(changes: Sequence[float]) -> list[int]:
    """Indices of the first frames after a hard cut. changes: (T - 1,), that from frame n to n + 1 at n."""
    change = np.asarray(changes, dtype=np.float64)
    if len(change) < 3:
        return []
    around = np.pad(change, 1)  # beyond the ends nothing changes
    neighbours = np.maximum(around[:-2], around[2:])
    usual = np.maximum(neighbours, np.median(change))
    return [int(index) + 1 for index in np.flatnonzero((change > _CUT_CHANGE) & (change > _CUT_RATIO * usual))]


def longest_standstill(changes: Sequence[float], times: Sequence[float]) -> tuple[float, float] | None:
    """The longest stretch (first and last second) in which the picture does not change, where it is long enough."""
    best: tuple[float, float] | None = None
    start = 0
    for index, change in enumerate([*changes, np.inf]):
        if change <= _STILL_CHANGE:
            continue
        length = times[index] - times[start]
        if length >= STILL_SECONDS and (best is None or length > best[1] - best[0]):
            best = times[start], times[index]
        start = index + 1
    return best
