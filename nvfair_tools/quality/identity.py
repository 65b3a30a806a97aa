"""Whether a rendered face is still the target's: by a recognition network, or by the shape of the face alone.

Legend: T frames, L landmarks (126).
"""

from __future__ import annotations

import numpy as np

from nvfair_tools.landmarks.scheme import SCHEME_126

# Landmarks whose mean places are those of ArcFace's five points: eyes, tip of the nose, corners of the mouth.
_FIVE_POINTS = (
    tuple(range(*SCHEME_126.positions["right_eye"].indices(len(SCHEME_126)))),
    tuple(range(*SCHEME_126.positions["left_eye"].indices(len(SCHEME_126)))),
    (SCHEME_126.position(4),),
    (SCHEME_126.position(61),),
    (SCHEME_126.position(291),),
)


def five_points(landmarks: np.ndarray) -> np.ndarray:
    """ArcFace's five points (5, 2) in pixels, from the landmarks (L, 2) of one frame."""
    return np.stack([landmarks[list(positions)].mean(axis=0) for positions in _FIVE_POINTS]).astype(np.float32)


def mean_shape(landmarks: np.ndarray) -> np.ndarray | None:
    """The mean shape (L, 2) of a face over its frames (T, L, 2), without place, roll and size; None without a face.

    The origin is between the outer eye corners, whose distance is 1 and whose line lies level.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    points = points[np.isfinite(points).all(axis=(1, 2))]
    if not len(points):
        return None
    right, left = (points[:, SCHEME_126.position(index)] for index in (33, 263))
    line = left - right
    scale = np.maximum((line**2).sum(axis=1), 1e-9)
    # Division by a complex number turns and scales at once.
    place = points - ((right + left) / 2)[:, None]
    turned = (place[..., 0] + 1j * place[..., 1]) * (line[:, 0] - 1j * line[:, 1])[:, None] / scale[:, None]
    mean = turned.mean(axis=0)
    return np.stack([mean.real, mean.imag], axis=1)


def shape_identity(video: np.ndarray | None, target: np.ndarray | None, driver: np.ndarray | None) -> float:
    """Whose mean shape a video's face has: 1 the target's exactly, -1 the driver's, 0 as far from both. A stand-in.

    It knows no skin, eyes or hair, and takes an expression held throughout for shape; it shows a driver's face that
    shines through. All are `mean_shape`; NaN where one is None.
    """
    if video is None or target is None or driver is None:
        return float("nan")
    to_target, to_driver = (float(np.sqrt(((video - shape) ** 2).sum(axis=1).mean())) for shape in (target, driver))
    return (to_driver - to_target) / max(to_driver + to_target, 1e-9)
