"""A track: one face's mesh through every frame of a video, whether it was found or not.

Legend: T frames, 478 mesh points; coordinates are pixels of the stored video.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np


@dataclass(frozen=True)
class Track:
    """One face through a video; every decoded frame has a row.

    mesh: float32 (T, 478, 3), MediaPipe's order, x and y in pixels, z in the same unit; NaN where not valid.
    valid: bool (T,). reason: (T,) of str, "" where valid (else "no_face", "lost", "out_of_frame").
    time: float64 (T,) presentation time in seconds. size: (width, height) of the video in pixels.
    detector, version: what found the face. flags: notes on the whole clip ("several_faces", ...).
    """

    mesh: np.ndarray
    valid: np.ndarray
    reason: np.ndarray
    time: np.ndarray
    size: tuple[int, int]
    detector: str
    version: str
    flags: tuple[str, ...] = field(default=())

    def __len__(self) -> int:
        return len(self.valid)
