"""Contact sheets: a driver's frames above what each setting makes of them on each target.

Whoever is in the clips is in the sheets: they are for the eyes of those who may see the clips, and go no further.
"""

from __future__ import annotations

import numpy as np

from examples.studies.expressions.material import EmotionClip
from generators.expression_measures import expression_measures
from generators.face import Framing

COLUMNS = 6
HALF = 2  # the sheet's scale: every second pixel's mean


def chosen_frames(clip: EmotionClip) -> list[int]:
    """Six frames: the first, the middle, widest mouth, widest gap, most closed lips, the last."""
    width, _, gap = expression_measures(clip.mesh)[:, :3].T
    last = len(clip.mesh) - 1
    return [0, last // 2, int(width.argmax()), int(gap.argmax()), int(gap.argmin()), last]


def driver_row(clip: EmotionClip, framing: Framing) -> np.ndarray:
    """The driver's chosen frames side by side, uint8 (size / 2, 6 * size / 2, 3)."""
    return picture_row([clip.picture(index, framing) for index in chosen_frames(clip)])


def picture_row(pictures: list[np.ndarray]) -> np.ndarray:
    """Pictures (S, S, 3) side by side at half their size."""
    row = np.hstack(pictures).astype(np.float32)
    height, width = (side // HALF for side in row.shape[:2])
    return np.rint(row.reshape(height, HALF, width, HALF, 3).mean(axis=(1, 3))).astype(np.uint8)
