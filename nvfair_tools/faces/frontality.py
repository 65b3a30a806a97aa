"""How far a face is from looking straight into the camera with a neutral expression.

Legend: T frames; meshes are (478, 3) in pixels, z in the same unit.
"""

from __future__ import annotations

import numpy as np

# What counts as one unit of deviation from a frontal, neutral face.
_DEGREES, _MOUTH, _EYES = 10.0, 0.1, 0.3


def pose_costs(mesh: np.ndarray) -> np.ndarray:
    """How far each frame (T, 478, 3) is from a frontal, neutral face: float64 (T,), NaN where there is no face.

    The sum of squares of yaw and roll (10 degrees count one), the mouth's opening over its width (0.1 counts one), and
    how much more the eyes are closed than usual in the clip (by 0.3 of their usual opening counts one). Pitch is left
    out: cameras stand at different heights, so no angle is frontal for all.
    """
    points = np.asarray(mesh, dtype=np.float64)
    across = points[:, 454] - points[:, 234]  # from ear to ear
    eyes = points[:, 263] - points[:, 33]
    yaw = np.degrees(np.arctan2(across[:, 2], across[:, 0]))
    roll = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    mouth = _ratio(points, 13, 14, 61, 291)
    opening = (_ratio(points, 159, 145, 33, 133) + _ratio(points, 386, 374, 263, 362)) / 2
    usual = np.nanmedian(opening) if np.isfinite(opening).any() else 1.0
    closed = np.clip((usual - opening) / max(usual, 1e-6), 0.0, None)
    return (yaw / _DEGREES) ** 2 + (roll / _DEGREES) ** 2 + (mouth / _MOUTH) ** 2 + (closed / _EYES) ** 2


def _ratio(points: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """Distance of points a and b over that of c and d, in the picture plane."""
    plane = points[..., :2]
    width = np.linalg.norm(plane[:, c] - plane[:, d], axis=1)
    return np.linalg.norm(plane[:, a] - plane[:, b], axis=1) / np.maximum(width, 1e-6)
