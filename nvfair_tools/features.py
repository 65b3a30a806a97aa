"""Landmark-distance features: the normalised Euclidean distance of every pair of landmarks.

Legend: T frames, L landmarks (126), P pairs (L (L - 1) / 2 = 7,875), W frames of one block.
The feature follows Prashnani et al., ECCV 2024: all pairwise distances divided by a facial scale. The paper does not
name the scale; `SCALES` are our documented choices.

Exactness: landmarks are centred first, which loses no digit in float32 however far the face is from the origin.
Lengths are computed in float64. Each distance is one subtraction, two squares, a sum and a root, all correctly rounded.
The result is within 1e-6 of a float64 computation and has the same bits on every processor.
Speed: frames are the last axis while a block is computed, so each numpy call runs over whole rows of memory, and what
one call writes is still in the second-level cache when the next call reads it. Large results are limited by memory: a
caller that needs many frames only once passes `out` and works through them in blocks of about 500 frames.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from nvfair_tools.errors import NvfairError

Scale = Literal["overall", "interocular", "box", "none"]
SCALES: tuple[str, ...] = get_args(Scale)
DEFAULT_SCALE: Scale = "overall"

# Frames of one block: its landmarks and scratch rows, 1 MB together, stay in a usual second-level cache.
_BLOCK_FRAMES = 520
# Frames and pairs of one block of distances that is transposed into rows. 272 floats are an odd number of cache lines,
# so the columns of such a block spread over all sets of a cache. Columns of a power of two fall into a few sets
# (measured: four times slower).
_TRANSPOSE_FRAMES = 272
_TRANSPOSE_PAIRS = 384


def pair_indices(landmarks: int) -> tuple[np.ndarray, np.ndarray]:
    """The two landmarks of each pair as index arrays (P,), (P,), in the order (0,1), (0,2), ..., (1,2), ..."""
    first, second = np.triu_indices(landmarks, k=1)
    return first, second


def facial_scale(
    landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE, eyes: tuple[int, int] | None = None
) -> np.ndarray:
    """The facial scale, float32 (T,) in pixels: the length by which a frame's distances are divided.

    landmarks: (T, L, 2) pixels. scale:
    "overall": root mean square distance of the landmarks from their centroid (centroid size / sqrt(L));
    "interocular": distance of the two landmarks `eyes` (outer eye corners; default: those of the 126-point scheme);
    "box": diagonal of the bounding box; "none": 1.
    NaN where a landmark is NaN (except for "none"). Raises NvfairError for an unknown scale or another shape.
    """
    points = _checked_landmarks(landmarks)
    if len(points) == 1:
        return facial_scale(_duplicated_frame(points), scale, eyes)[:1]
    with np.errstate(invalid="ignore", over="ignore"):
        return _scale_lengths(_centred(points).astype(np.float64), scale, eyes).astype(np.float32)


def distances(
    landmarks: np.ndarray,
    scale: Scale = DEFAULT_SCALE,
    dtype: np.dtype | type = np.float32,
    *,
    eyes: tuple[int, int] | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalised pairwise distances (T, P) of landmarks (T, L, 2), computed in float32.

    A frame with NaN landmarks or a scale of zero gives NaN distances. out: an array (T, P) that is filled and returned,
    in its own dtype; a large result costs less time where the memory has been used before.
    Raises NvfairError for an unknown scale or another shape.
    """
    points = _checked_landmarks(landmarks)
    frames, count, _ = points.shape
    result = _output(out, (frames, count * (count - 1) // 2), dtype)
    # Pairs are collected by whole landmarks, so a block may exceed its size by up to `count` of them.
    block = _aligned_buffer((_TRANSPOSE_PAIRS + count) * _TRANSPOSE_FRAMES)
    scratch = _aligned_buffer(count * _TRANSPOSE_FRAMES)
    for start in range(0, frames, _TRANSPOSE_FRAMES):
        x, y = _unit_coordinates(points[start : start + _TRANSPOSE_FRAMES], scale, eyes)
        width = x.shape[1]
        pairs = block[: (_TRANSPOSE_PAIRS + count) * width].reshape(-1, width)
        with np.errstate(invalid="ignore", over="ignore"):
            _fill_distances(x, y, pairs, scratch, result[start : start + width])
    return result


def scaled_landmarks(landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE) -> np.ndarray:
    """Landmarks float32 (T, L, 2), centred and divided by their facial scale.

    The distances between them are those of `distances`: differences, squares, their sum and its root, each in float32
    and in this order, give the same bits. NaN where a frame has no scale.
    """
    points = _checked_landmarks(landmarks)
    result = np.empty(points.shape, dtype=np.float32)
    for start in range(0, len(points), _BLOCK_FRAMES):
        units = _unit_coordinates(points[start : start + _BLOCK_FRAMES], scale, None)
        result[start : start + _BLOCK_FRAMES] = units.transpose(2, 1, 0)
    return result


def _fill_distances(x: np.ndarray, y: np.ndarray, pairs: np.ndarray, scratch: np.ndarray, out: np.ndarray) -> None:
    """Writes the distances of coordinates x, y (L, W) into `out` (W, P).

    Distances are computed pairs first and collected in `pairs` (.., W); a full block of them is transposed into `out`.
    """
    count = len(x)
    written = collected = 0
    for i in range(count - 1):
        size = count - 1 - i
        _landmark_distances(x, y, i, pairs[collected : collected + size], scratch)
        collected += size
        if collected >= _TRANSPOSE_PAIRS or i == count - 2:
            # A change of type is far quicker along memory than across it, so it comes before the transposition.
            out[:, written : written + collected] = _rounded(pairs[:collected], out.dtype).T
            written, collected = written + collected, 0


def _rounded(values: np.ndarray, dtype: np.dtype) -> np.ndarray:
    """float32 `values` in another precision, as `astype` gives them; half precision is made three times as quickly."""
    # In this range, which NaN is not in, the exponent of a half is that of the float less 112, and its fraction has the
    # first 10 of 23 bits, rounded to the nearest, ties to even. Others go numpy's way.
    if dtype != np.float16 or not values.size or not (values.min() >= 2.0**-14 and values.max() <= 65504.0):
        return values.astype(dtype, copy=False)
    bits = values.view(np.uint32)
    rounded = np.right_shift(bits, 13)
    np.bitwise_and(rounded, 1, out=rounded)
    np.add(rounded, bits, out=rounded)
    np.add(rounded, np.uint32((0xFFF - (112 << 23)) % 2**32), out=rounded)
    np.right_shift(rounded, 13, out=rounded)
    return rounded.astype(np.uint16).view(np.float16)


def _landmark_distances(x: np.ndarray, y: np.ndarray, i: int, out: np.ndarray, scratch: np.ndarray) -> None:
    """Writes the distances (n, W) from landmark i to the n landmarks after it into `out`; x, y: (L, W)."""
    size, width = out.shape
    y_difference = scratch[: size * width].reshape(size, width)
    # out = sqrt((x_j - x_i)^2 + (y_j - y_i)^2), in place
    np.subtract(x[i + 1 :], x[i], out=out)
    np.subtract(y[i + 1 :], y[i], out=y_difference)
    np.multiply(out, out, out=out)
    np.multiply(y_difference, y_difference, out=y_difference)
    np.add(out, y_difference, out=out)
    np.sqrt(out, out=out)


def _unit_coordinates(points: np.ndarray, scale: Scale, eyes: tuple[int, int] | None) -> np.ndarray:
    """Landmarks (W, L, 2) centred and divided by their scale, as float32 (2, L, W); NaN where a frame has no scale."""
    if len(points) == 1:
        return _unit_coordinates(_duplicated_frame(points), scale, eyes)[:, :, :1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centred = _centred(points)
        units = _aligned_buffer(centred.size).reshape(centred.shape)
        if scale == "none":
            units[...] = centred
            return units
        # Scale in float64 and round to float32 once.
        exact = centred.astype(np.float64)
        length = _scale_lengths(exact, scale, eyes)
        exact *= np.where(length > 0, 1.0 / length, np.nan)
        units[...] = exact
        return units


def _centred(points: np.ndarray) -> np.ndarray:
    """Landmarks (W, L, 2) minus their approximate centroid, as contiguous float32 (2, L, W).

    The centroid may be approximate: any common float32 value near the points is subtracted without rounding, so its
    own error does no harm.
    """
    coordinates = np.ascontiguousarray(points.transpose(2, 1, 0), dtype=np.float32)
    if coordinates.shape[1] == 0:
        return coordinates
    return coordinates - coordinates.mean(axis=1, keepdims=True)


def _scale_lengths(centred: np.ndarray, scale: Scale, eyes: tuple[int, int] | None) -> np.ndarray:
    """The facial scale, float64 (W,), of centred landmarks, float64 (2, L, W)."""
    if scale == "overall":
        # The variance about the exact centroid: centring in float32 left a small offset.
        variance = np.square(centred).mean(axis=1) - np.square(centred.mean(axis=1))
        return np.sqrt(np.maximum(variance.sum(axis=0), 0.0))
    if scale == "interocular":
        first, second = _outer_eye_corners(centred.shape[1]) if eyes is None else eyes
        return np.hypot(*(centred[:, first] - centred[:, second]))
    if scale == "box":
        return np.hypot(*(centred.max(axis=1) - centred.min(axis=1)))
    if scale == "none":
        return np.ones(centred.shape[2])
    raise NvfairError(f"facial scale {scale!r} is unknown", expected=f"one of {', '.join(SCALES)}")


def _duplicated_frame(points: np.ndarray) -> np.ndarray:
    """A single frame repeated once, so that its result does not depend on how many frames are computed together.

    numpy sums a single column in another order than several, which would change the last bit.
    """
    return np.concatenate([points, points])


def _outer_eye_corners(count: int) -> tuple[int, int]:
    from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS, SCHEME_126

    if count != len(SCHEME_126):
        raise NvfairError(
            f"the outer eye corners of a set of {count} landmarks are unknown",
            expected=f"{len(SCHEME_126)} landmarks",
            remedy="name the two landmarks: eyes=(right, left)",
        )
    return OUTER_EYE_CORNERS


def _checked_landmarks(landmarks: np.ndarray) -> np.ndarray:
    points = np.asarray(landmarks)
    if points.ndim != 3 or points.shape[2] != 2:
        raise NvfairError(f"the landmarks have shape {points.shape}", expected="(T, L, 2)")
    return points


def _aligned_buffer(size: int) -> np.ndarray:
    """An uninitialised float32 array (size,) that starts on a cache line.

    Computation is a tenth faster than with numpy's own alignment of 16 bytes.
    """
    line = 64 // 4  # floats of a cache line
    memory = np.empty(size + line, dtype=np.float32)
    first = (-memory.ctypes.data // 4) % line
    return memory[first : first + size]


def _output(out: np.ndarray | None, shape: tuple[int, int], dtype: np.dtype | type) -> np.ndarray:
    if out is None:
        return np.empty(shape, dtype=dtype)
    if out.shape != shape:
        raise NvfairError(f"the output array has shape {out.shape}", expected=f"{shape}")
    return out
