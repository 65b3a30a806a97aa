"""Flicker and sharpness of a face in a video, in units that do not depend on the picture's size.

Legend: T frames, H, W image height and width, L landmarks (126). Images are uint8 RGB (H, W, 3), landmarks pixels.
"""

from __future__ import annotations

import numpy as np

# ITU-R BT.601.
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_FACE_SIDE = 128  # pixels: the size at which sharpness is measured
_BLUR = 1 / 10  # of the outer eye distance: what a landmark's brightness is the mean over
_SECOND_DIFFERENCE = 6**0.5  # the deviation of x[t-1] - 2 x[t] + x[t+1] over that of x, for white noise


def landmark_brightness(image: np.ndarray, landmarks: np.ndarray, eye_distance: float) -> np.ndarray:
    """The brightness (L,) around each landmark, in grey levels: NaN for landmarks outside the picture or unknown.

    eye_distance: pixels between the outer eye corners; the brightness is the mean over a square of a tenth of it.
    """
    from scipy.ndimage import map_coordinates, uniform_filter

    if not np.isfinite(landmarks).all():
        return np.full(len(landmarks), np.nan)
    side = max(3, round(eye_distance * _BLUR) // 2 * 2 + 1)
    smooth = uniform_filter(image.astype(np.float32) @ LUMA, side, mode="nearest")
    inside = ((landmarks >= 0) & (landmarks <= np.array([image.shape[1] - 1, image.shape[0] - 1]))).all(axis=1)
    brightness = map_coordinates(smooth, [landmarks[:, 1], landmarks[:, 0]], order=1, mode="nearest")
    return np.where(inside, brightness, np.nan)


def flicker(brightness: np.ndarray) -> float:
    """How much the face's brightness jumps from frame to frame, in grey levels; NaN for fewer than three frames.

    brightness: (T, L) of `landmark_brightness`. A point of the face keeps its brightness while it moves, and light that
    changes slowly changes it evenly; so the second difference in time is flicker. It is given as the standard deviation
    of white noise with such second differences, the median over the landmarks.
    """
    if len(brightness) < 3:
        return float("nan")
    difference = brightness[:-2] - 2 * brightness[1:-1] + brightness[2:]
    known = np.isfinite(difference).sum(axis=0) > 0
    if not known.any():
        return float("nan")
    deviation = np.sqrt(np.nanmean(np.square(difference[:, known]), axis=0))
    return float(np.median(deviation) / _SECOND_DIFFERENCE)


def face_sharpness(image: np.ndarray, landmarks: np.ndarray) -> float:
    """Standard deviation of the Laplacian of the face's box over that of its brightness; NaN without a face.

    The box around the landmarks is brought to 128 pixels first, so that faces of different sizes compare: one that was
    small in its picture counts as blurred.
    """
    from PIL import Image

    if not np.isfinite(landmarks).all():
        return float("nan")
    low = np.maximum(np.floor(landmarks.min(axis=0)), 0).astype(int)
    high = np.minimum(np.ceil(landmarks.max(axis=0)).astype(int), [image.shape[1], image.shape[0]])
    if (high - low < 8).any():
        return float("nan")
    box = Image.fromarray(np.ascontiguousarray(image[low[1] : high[1], low[0] : high[0]]))
    face = np.asarray(box.resize((_FACE_SIDE, _FACE_SIDE), Image.Resampling.BICUBIC), dtype=np.float32) @ LUMA
    # The five-point Laplacian: the four neighbours less four times the pixel.
    laplacian = face[:-2, 1:-1] + face[2:, 1:-1] + face[1:-1, :-2] + face[1:-1, 2:] - 4 * face[1:-1, 1:-1]
    return float(laplacian.std() / max(float(face.std()), 1e-3))
