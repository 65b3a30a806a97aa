"""A batch of windows, as methods are given them.

Legend: B windows, T frames, L landmarks (126), H, W image height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WindowBatch:
    """Windows of one protocol.

    landmarks: float32 (B, T, L, 2) pixels. mesh: float32 (B, T, 478, 3) or None. frames: uint8 RGB (B, T, H, W, 3) or
    None. size: (B, 2) width and height of the videos in pixels. fps: frames a second, the same for all.
    """

    landmarks: np.ndarray
    fps: float
    size: np.ndarray
    mesh: np.ndarray | None = None
    frames: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.landmarks)
