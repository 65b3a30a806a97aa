"""A batch of windows: what a method embeds at once.

Legend: B windows, T frames, L landmarks (126), H, W image height and width.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class WindowBatch:
    """Windows of one protocol, as a method receives them.

    landmarks: float32 (B, T, L, 2) pixels. fps: frames a second, the same for all windows. size: (B, 2) width and
    height of the videos in pixels. mesh: MediaPipe's mesh, float32 (B, T, 478, 3), where the method needs "mesh"; else
    None. frames: the pictures, uint8 RGB (B, T, H, W, 3), where it needs "frames"; else None.
    """

    landmarks: np.ndarray
    fps: float
    size: np.ndarray
    mesh: np.ndarray | None = None
    frames: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.landmarks)
