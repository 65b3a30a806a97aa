"""Landmarks of many videos in one piece of memory.

Legend: N videos, F frames of all videos together, L landmarks (126).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class TrackTable:
    """Ragged landmarks: video n has the rows offsets[n]:offsets[n + 1].

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
        """Rows of video number `n`."""
        return slice(int(self.offsets[n]), int(self.offsets[n + 1]))

    def __iter__(self) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
        """(id, landmarks (T, L, 2), valid (T,), time (T,)) of each video, as views."""
        for n, video in enumerate(self.videos):
            rows = self.rows(n)
            yield str(video), self.landmarks[rows], self.valid[rows], self.time[rows]

    @classmethod
    def concatenate(cls, tables: Sequence[TrackTable]) -> TrackTable:
        """One table of all videos of `tables`, in order."""
        lengths = np.concatenate([np.diff(table.offsets) for table in tables])
        meshes = [table.mesh for table in tables]
        return cls(
            videos=np.concatenate([table.videos for table in tables]),
            offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
            landmarks=np.concatenate([table.landmarks for table in tables]),
            valid=np.concatenate([table.valid for table in tables]),
            time=np.concatenate([table.time for table in tables]),
            mesh=None if any(mesh is None for mesh in meshes) else np.concatenate([m for m in meshes if m is not None]),
        )
