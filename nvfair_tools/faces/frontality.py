"""Measures how much a face deviates from a frontal, neutral one.

Legend: T frames; meshes are (478, 3) in pixels, z in the same unit.
"""

from __future__ import annotations

import numpy as np

# Deviations from a frontal, neutral face that cost 1: degrees, the mouth's opening over its width, the eyes' closing.
_UNIT_DEGREES, _UNIT_MOUTH, _UNIT_EYES = 10.0, 0.1, 0.3


def pose_costs(mesh: np.ndarray) -> np.ndarray:
    """The deviation of each mesh from a frontal, neutral face: float64 (T,), NaN where there is no face.

    mesh: (T, 478, 3) pixels, the frames of one clip. The cost is the sum of four squares: yaw and roll (10 degrees cost
    1), the mouth's opening over its width (0.1 costs 1), and the share by which the eyes are closed below the clip's
    median opening (0.3 costs 1). Pitch is left out: cameras stand at different heights, so no angle is frontal for all.
    """
    points = np.asarray(mesh, dtype=np.float64)
    yaw, _, roll = head_angles(points)
    # Openings of the mouth and of both eyes, over their widths.
    mouth = _distance_ratio(points, 13, 14, 61, 291)
    opening = (_distance_ratio(points, 159, 145, 33, 133) + _distance_ratio(points, 386, 374, 263, 362)) / 2
    median = np.nanmedian(opening) if np.isfinite(opening).any() else 1.0
    closed = np.clip((median - opening) / max(median, 1e-6), 0.0, None)
    angles = (yaw / _UNIT_DEGREES) ** 2 + (roll / _UNIT_DEGREES) ** 2
    return angles + (mouth / _UNIT_MOUTH) ** 2 + (closed / _UNIT_EYES) ** 2


def head_angles(mesh: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Yaw, pitch and roll of each mesh in degrees: three float64 (T,), NaN where there is no face.

    mesh: (T, 478, 3) pixels. Yaw is the angle of the line between the ears with the picture plane, roll that of the
    line between the outer eye corners with the picture's rows, pitch that of the line from the top of the forehead to
    the chin with the picture plane, positive where the chin is farther from the camera. A frontal face has a pitch of
    some degrees, because its chin does not lie under its forehead.
    """
    points = np.asarray(mesh, dtype=np.float64)
    ears = points[:, 454] - points[:, 234]
    eyes = points[:, 263] - points[:, 33]
    height = points[:, 152] - points[:, 10]
    yaw = np.degrees(np.arctan2(ears[:, 2], ears[:, 0]))
    pitch = np.degrees(np.arctan2(height[:, 2], np.hypot(height[:, 0], height[:, 1])))
    roll = np.degrees(np.arctan2(eyes[:, 1], eyes[:, 0]))
    return yaw, pitch, roll


def _distance_ratio(points: np.ndarray, a: int, b: int, c: int, d: int) -> np.ndarray:
    """The distance of points a and b over that of c and d, in the picture plane."""
    plane = points[..., :2]
    width = np.linalg.norm(plane[:, c] - plane[:, d], axis=1)
    return np.linalg.norm(plane[:, a] - plane[:, b], axis=1) / np.maximum(width, 1e-6)
