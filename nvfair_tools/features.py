"""Landmark-distance features: the normalised Euclidean distance of every pair of landmarks.

Legend: T frames, L landmarks (126), P pairs (L (L - 1) / 2 = 7,875).
The feature follows Prashnani et al., ECCV 2024: all pairwise distances divided by a facial scale. The paper does not
say which scale; `SCALES` are our documented choices.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from nvfair_tools.errors import NvfairError

Scale = Literal["overall", "interocular", "box", "none"]
SCALES: tuple[str, ...] = get_args(Scale)
DEFAULT_SCALE: Scale = "overall"

# Frames worked on at once: the working set of one row of pairs stays in the second-level cache.
_BLOCK = 256


def pair_indices(landmarks: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (P,), (P,) of the two landmarks of each pair, in the features' order: (0,1), (0,2), ..., (1,2), ..."""
    first, second = np.triu_indices(landmarks, k=1)
    return first, second


def facial_scale(
    landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE, eyes: tuple[int, int] | None = None
) -> np.ndarray:
    """The length (T,) in pixels by which a frame's distances are divided.

    landmarks: (T, L, 2) pixels. scale:
    "overall": root mean square distance of the landmarks from their centroid (centroid size / sqrt(L));
    "interocular": distance of the two landmarks `eyes` (outer eye corners; default: those of the 126-point scheme);
    "box": diagonal of the bounding box; "none": 1.
    Raises NvfairError for an unknown scale.
    """
    points = np.asarray(landmarks, dtype=np.float32)
    if scale == "overall":
        centred = points - points.mean(axis=1, keepdims=True)
        return np.sqrt(np.square(centred).sum(axis=2).mean(axis=1))
    if scale == "interocular":
        if eyes is None:
            from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS as eyes
        return np.linalg.norm(points[:, eyes[0]] - points[:, eyes[1]], axis=1)
    if scale == "box":
        return np.linalg.norm(points.max(axis=1) - points.min(axis=1), axis=1)
    if scale == "none":
        return np.ones(len(points), dtype=np.float32)
    raise NvfairError(f"facial scale {scale!r} is unknown", expected=f"one of {', '.join(SCALES)}")


def distances(landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE, dtype: np.dtype | type = np.float32) -> np.ndarray:
    """Normalised pairwise distances (T, P) of landmarks (T, L, 2), computed in float32.

    A frame with NaN landmarks, or whose scale is zero, gives NaN distances.
    """
    points = np.asarray(landmarks, dtype=np.float32)
    frames, count, _ = points.shape
    result = np.empty((frames, count * (count - 1) // 2), dtype=dtype)
    if frames == 0:
        return result
    length = facial_scale(points, scale)
    with np.errstate(divide="ignore", invalid="ignore"):
        # Centred and scaled before the differences are taken: they lose no digits to a large offset.
        unit = (points - points.mean(axis=1, keepdims=True)) / np.where(length > 0, length, np.nan)[:, None, None]
        for start in range(0, frames, _BLOCK):
            block = unit[start : start + _BLOCK]
            _block_distances(block, result[start : start + _BLOCK])
    return result


def _block_distances(block: np.ndarray, out: np.ndarray) -> None:
    """Pairwise distances of (B, L, 2) into (B, P): slices of pairs are contiguous because frames come last."""
    x = np.ascontiguousarray(block[:, :, 0].T)
    y = np.ascontiguousarray(block[:, :, 1].T)
    count, width = x.shape
    work = np.empty((out.shape[1], width), dtype=np.float32)
    spare = np.empty((count - 1, width), dtype=np.float32)
    row = 0
    for i in range(count - 1):
        size = count - 1 - i
        dx, dy = work[row : row + size], spare[:size]
        np.subtract(x[i + 1 :], x[i], out=dx)
        np.multiply(dx, dx, out=dx)
        np.subtract(y[i + 1 :], y[i], out=dy)
        np.multiply(dy, dy, out=dy)
        np.add(dx, dy, out=dx)
        np.sqrt(dx, out=dx)
        row += size
    out[...] = work.T
