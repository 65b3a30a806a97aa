"""Landmarks in memory: the frames of one video, and the tracks of many videos in one array.

Legend: N videos, T frames of one video, F frames of all videos together, L landmarks (126).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FrameRows:
    """The frames of one video, or a slice of them.

    landmarks: float32 (T, L, 2) pixels, NaN where not valid. valid: bool (T,). time: float64 (T,) seconds.
    reason: (T,) of str, or None for "" in valid frames and "no_face" in the others. mesh: float32 (T, 478, 3) or None.
    """

    landmarks: np.ndarray
    valid: np.ndarray
    time: np.ndarray
    reason: np.ndarray | None = None
    mesh: np.ndarray | None = None


@dataclass(frozen=True)
class TrackTable:
    """The tracks of several videos, one after the other: video number n has the rows offsets[n]:offsets[n + 1].

    videos: (N,) ids. offsets: int64 (N + 1). landmarks: float32 (F, L, 2) pixels, NaN where not valid.
    valid: bool (F,). time: float64 (F,) seconds. mesh: float32 (F, 478, 3) or None.
    """

    videos: np.ndarray
    offsets: np.ndarray
    landmarks: np.ndarray
    valid: np.ndarray
    time: np.ndarray
    mesh: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.videos)

    def rows(self, n: int) -> slice:
        """The rows of video number `n`."""
        return slice(int(self.offsets[n]), int(self.offsets[n + 1]))

    def __iter__(self) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
        """Yields (id, landmarks (T, L, 2), valid (T,), time (T,)) of each video, as views."""
        for n, video in enumerate(self.videos):
            rows = self.rows(n)
            yield str(video), self.landmarks[rows], self.valid[rows], self.time[rows]
