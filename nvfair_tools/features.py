"""Landmark-distance features: the normalised Euclidean distance of every pair of landmarks.

Legend: T frames, L landmarks (126), P pairs (L (L - 1) / 2 = 7,875), W frames worked on at once.
The feature follows Prashnani et al., ECCV 2024: all pairwise distances divided by a facial scale. The paper does not
say which scale; `SCALES` are our documented choices.

Exactness: landmarks are centred before anything else, which loses no digit in float32 however far the face is from
the origin; lengths are computed in float64; then each distance is one subtraction, two squares, a sum and a root, all
correctly rounded. The result is within 1e-6 of a float64 computation and the same bits on every processor.
Speed: frames come last, so that each numpy call runs over whole rows of memory, and what a call writes is still in the
second-level cache when the next one reads it. Results larger than the caches are limited by memory: who needs many
frames only once gives `out` and goes through them some 500 at a time.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from nvfair_tools.errors import NvfairError

Scale = Literal["overall", "interocular", "box", "none"]
SCALES: tuple[str, ...] = get_args(Scale)
DEFAULT_SCALE: Scale = "overall"

# Frames of one block: its landmarks and scratch rows, 1 MB together, stay in a usual second-level cache.
_FRAMES = 520
# Frames and pairs of one block that is turned over into rows. 272 floats are an odd number of cache lines: columns of
# such a block spread over all sets of a cache, those of a power of two fall into a few (measured: four times slower).
_TURN_FRAMES = 272
_TURN_PAIRS = 384


def pair_indices(landmarks: int) -> tuple[np.ndarray, np.ndarray]:
    """Indices (P,), (P,) of the two landmarks of each pair, in the features' order: (0,1), (0,2), ..., (1,2), ..."""
    first, second = np.triu_indices(landmarks, k=1)
    return first, second


def facial_scale(
    landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE, eyes: tuple[int, int] | None = None
) -> np.ndarray:
    """The length, float32 (T,) in pixels, by which a frame's distances are divided.

    landmarks: (T, L, 2) pixels. scale:
    "overall": root mean square distance of the landmarks from their centroid (centroid size / sqrt(L));
    "interocular": distance of the two landmarks `eyes` (outer eye corners; default: those of the 126-point scheme);
    "box": diagonal of the bounding box; "none": 1.
    NaN where a landmark is NaN (except for "none"). Raises NvfairError for an unknown scale or another shape.
    """
    points = _checked(landmarks)
    if len(points) == 1:
        return facial_scale(_doubled(points), scale, eyes)[:1]
    with np.errstate(invalid="ignore", over="ignore"):
        return _lengths(_centred(points).astype(np.float64), scale, eyes).astype(np.float32)


def distances(
    landmarks: np.ndarray,
    scale: Scale = DEFAULT_SCALE,
    dtype: np.dtype | type = np.float32,
    *,
    eyes: tuple[int, int] | None = None,
    out: np.ndarray | None = None,
) -> np.ndarray:
    """Normalised pairwise distances (T, P) of landmarks (T, L, 2), computed in float32.

    A frame with NaN landmarks, or whose scale is zero, gives NaN distances. out: where given, it is filled and
    returned, in its own dtype: large results cost less where the memory has been used before.
    Raises NvfairError for an unknown scale or another shape.
    """
    points = _checked(landmarks)
    frames, count, _ = points.shape
    result = _result(out, (frames, count * (count - 1) // 2), dtype)
    block, spare = _aligned((_TURN_PAIRS + count) * _TURN_FRAMES), _aligned(count * _TURN_FRAMES)
    for start in range(0, frames, _TURN_FRAMES):
        x, y = _units(points[start : start + _TURN_FRAMES], scale, eyes)
        width = x.shape[1]
        pairs = block[: (_TURN_PAIRS + count) * width].reshape(-1, width)
        with np.errstate(invalid="ignore", over="ignore"):
            _turned_rows(x, y, pairs, spare, result[start : start + width])
    return result


def unit_landmarks(landmarks: np.ndarray, scale: Scale = DEFAULT_SCALE) -> np.ndarray:
    """Landmarks float32 (T, L, 2) centred and divided by their facial scale: `distances` are those between them.

    Differences, squares, their sum and its root, each in float32 and in this order, give the very values. NaN where a
    frame has no scale.
    """
    points = _checked(landmarks)
    result = np.empty(points.shape, dtype=np.float32)
    for start in range(0, len(points), _FRAMES):
        result[start : start + _FRAMES] = _units(points[start : start + _FRAMES], scale, None).transpose(2, 1, 0)
    return result


def _turned_rows(x: np.ndarray, y: np.ndarray, pairs: np.ndarray, spare: np.ndarray, out: np.ndarray) -> None:
    """Distances of x, y: (L, W) into `out` (W, P), some pairs at a time, which wait in `pairs` (.., W)."""
    count = len(x)
    done = waiting = 0
    for i in range(count - 1):
        size = count - 1 - i
        _row(x, y, i, spare, pairs[waiting : waiting + size])
        waiting += size
        if waiting >= _TURN_PAIRS or i == count - 2:
            # A change of type is far quicker along memory than across it.
            out[:, done : done + waiting] = pairs[:waiting].astype(out.dtype, copy=False).T
            done, waiting = done + waiting, 0


def _row(x: np.ndarray, y: np.ndarray, i: int, spare: np.ndarray, out: np.ndarray) -> None:
    """Distances (n, W) of landmark i to those after it, into `out`; x, y: (L, W)."""
    size, width = out.shape
    other = spare[: size * width].reshape(size, width)
    np.subtract(x[i + 1 :], x[i], out=out)
    np.subtract(y[i + 1 :], y[i], out=other)
    np.multiply(out, out, out=out)
    np.multiply(other, other, out=other)
    np.add(out, other, out=out)
    np.sqrt(out, out=out)


def _units(points: np.ndarray, scale: Scale, eyes: tuple[int, int] | None) -> np.ndarray:
    """Landmarks (W, L, 2) centred and divided by their scale, float32 (2, L, W); NaN where there is none."""
    if len(points) == 1:
        return _units(_doubled(points), scale, eyes)[:, :, :1]
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        centred = _centred(points)
        units = _aligned(centred.size).reshape(centred.shape)
        if scale == "none":
            units[...] = centred
            return units
        exact = centred.astype(np.float64)
        length = _lengths(exact, scale, eyes)
        exact *= np.where(length > 0, 1.0 / length, np.nan)
        units[...] = exact
        return units


def _centred(points: np.ndarray) -> np.ndarray:
    """Landmarks (W, L, 2) less about their centroid, float32 (2, L, W), contiguous.

    About: any common float32 value near the points is subtracted without rounding, so its own error does no harm.
    """
    turned = np.ascontiguousarray(points.transpose(2, 1, 0), dtype=np.float32)
    if turned.shape[1] == 0:
        return turned
    return turned - turned.mean(axis=1, keepdims=True)


def _lengths(centred: np.ndarray, scale: Scale, eyes: tuple[int, int] | None) -> np.ndarray:
    """The facial scale, float64 (W,), of centred landmarks, float64 (2, L, W)."""
    if scale == "overall":
        # The variance about the true centroid, from which centring in float32 is a little off.
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


def _doubled(points: np.ndarray) -> np.ndarray:
    """A lone frame twice: numpy sums a lone column in another order, and a frame's last bit would depend on company."""
    return np.concatenate([points, points])


def _outer_eye_corners(count: int) -> tuple[int, int]:
    from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS, SCHEME_126

    if count != len(SCHEME_126):
        raise NvfairError(
            f"{count} landmarks, whose outer eye corners are not known",
            expected=f"{len(SCHEME_126)} landmarks",
            remedy="name the two landmarks: eyes=(right, left)",
        )
    return OUTER_EYE_CORNERS


def _checked(landmarks: np.ndarray) -> np.ndarray:
    points = np.asarray(landmarks)
    if points.ndim != 3 or points.shape[2] != 2:
        raise NvfairError(f"landmarks of shape {points.shape}", expected="(T, L, 2)")
    return points


def _aligned(size: int) -> np.ndarray:
    """Uninitialised float32 (size,) that starts on a cache line: a tenth faster than numpy's own 16 bytes."""
    line = 64 // 4
    memory = np.empty(size + line, dtype=np.float32)
    first = (-memory.ctypes.data // 4) % line
    return memory[first : first + size]


def _result(out: np.ndarray | None, shape: tuple[int, int], dtype: np.dtype | type) -> np.ndarray:
    if out is None:
        return np.empty(shape, dtype=dtype)
    if out.shape != shape:
        raise NvfairError(f"an output of shape {out.shape}", expected=f"{shape}")
    return out
