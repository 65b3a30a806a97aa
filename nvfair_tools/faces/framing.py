"""Square crops around a face, with the matrix that takes coordinates along.

Legend: T frames, H, W image height and width; images are uint8 RGB (H, W, 3); meshes are (478, 3) pixels.
Pixel i covers the interval [i, i + 1), so the centre of an image W wide is at W / 2: as MediaPipe counts.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from nvfair_tools.errors import MissingExtra, NvfairError

Border = Literal["replicate", "reflect"]
# A crop is tightened so as not to reach beyond the picture, but never below this many sides of the face's box.
LEAST_SCALE = 1.5
_PAD_MODES = {"replicate": "edge", "reflect": "symmetric"}


def face_box(mesh: np.ndarray) -> np.ndarray:
    """The bounding box (4,) left, top, right, bottom of a mesh (478, 3) or landmarks (L, 2), float64."""
    points = np.asarray(mesh, dtype=np.float64)[:, :2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def crop_square(
    image: np.ndarray, centre: tuple[float, float], side: float, size: int, *, border: Border = "replicate"
) -> tuple[np.ndarray, np.ndarray]:
    """The square of `side` pixels around `centre` (x, y), resized to (size, size, 3), and its matrix.

    matrix: float64 (2, 3), takes (x, y, 1) of `image` to (x, y) of the crop; one scale for both axes. What lies outside
    the image repeats its edge, or mirrors it. Downscaling filters (no aliasing).
    Raises NvfairError where `side` or `size` is not positive or the square does not touch the image.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("pillow", "media", str(error)) from error
    height, width = image.shape[:2]
    left, top = centre[0] - side / 2, centre[1] - side / 2
    inside = left < width and top < height and left + side > 0 and top + side > 0
    if not (side > 0 and size > 0 and inside):  # also refuses NaN
        raise NvfairError(
            f"a square of side {side:g} around ({centre[0]:g}, {centre[1]:g}) resized to {size} pixels",
            expected=f"a positive side and size, and a square that touches the {width}x{height} image",
        )
    # Only the part that is needed is copied and padded; a margin feeds the resampling filter.
    margin = 2 + math.ceil(2 * side / size)
    x0, y0 = math.floor(left) - margin, math.floor(top) - margin
    x1, y1 = math.ceil(left + side) + margin, math.ceil(top + side) + margin
    part = image[max(y0, 0) : min(y1, height), max(x0, 0) : min(x1, width)]
    pads = ((max(-y0, 0), max(y1 - height, 0)), (max(-x0, 0), max(x1 - width, 0)), (0, 0))
    if any(amount for pair in pads for amount in pair):
        part = np.pad(part, pads, mode=_PAD_MODES[border])  # type: ignore[call-overload]
    box = (left - x0, top - y0, left - x0 + side, top - y0 + side)
    picture = Image.fromarray(np.ascontiguousarray(part)).resize((size, size), Image.Resampling.BICUBIC, box=box)
    scale = size / side
    matrix = np.array([[scale, 0.0, -left * scale], [0.0, scale, -top * scale]])
    return np.asarray(picture).copy(), matrix


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Points (..., 2) or (..., 3) under a crop's matrix; z is scaled alike. Same dtype."""
    moved = np.array(points, dtype=np.float64)
    moved[..., :2] = moved[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    if points.shape[-1] == 3:
        moved[..., 2] *= matrix[0, 0]
    return moved.astype(points.dtype)


def square_of(box: np.ndarray, scale: float, shift_y: float) -> tuple[tuple[float, float], float]:
    """Centre and side of the square: side = scale x the box's longer side, moved down by shift_y x side."""
    side = float(scale * max(box[2] - box[0], box[3] - box[1]))
    return (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2 + shift_y * side), side


def within(
    centre: tuple[float, float], side: float, size: tuple[int, int], least: float
) -> tuple[tuple[float, float], float]:
    """The square moved and, down to the side `least`, tightened so that it reaches beyond the picture as little as can
    be: what lies outside can only be made up. size: (width, height) of the picture."""
    side = max(min(side, *size), least)
    x, y = (
        min(max(at, side / 2), length - side / 2) if side <= length else length / 2
        for at, length in zip(centre, size, strict=True)
    )
    return (x, y), side


def frame_face(
    image: np.ndarray, mesh: np.ndarray, scale: float, shift_y: float, size: int, *, border: Border = "replicate"
) -> tuple[np.ndarray, np.ndarray]:
    """A picture framed around its own face: the crop (size, size, 3) and the mesh (478, 3) in the crop's pixels.

    The crop stays within the picture where it can (see `within`).
    """
    box = face_box(mesh)
    centre, side = square_of(box, scale, shift_y)
    least = min(side, LEAST_SCALE * float(max(box[2] - box[0], box[3] - box[1])))
    centre, side = within(centre, side, (image.shape[1], image.shape[0]), least)
    crop, matrix = crop_square(image, centre, side, size, border=border)
    return crop, transform_points(mesh, matrix)


def clip_crop(
    meshes: np.ndarray, scale: float, shift_y: float, size: tuple[int, int]
) -> tuple[tuple[float, float], float]:
    """One centre and side for a whole clip, so that the head's own movement stays in the picture.

    meshes: (T, 478, 3), NaN where not found. size: (width, height) of the clip. The centre is that of the box around
    all frames' boxes; the side is `scale` x the median longer side, but never less than what holds every frame's face;
    then the crop is kept within the picture where it can be (see `within`).
    Raises NvfairError where no frame has a face.
    """
    found = np.asarray(meshes, dtype=np.float64)[np.isfinite(meshes).all(axis=(1, 2))]
    if not len(found):
        raise NvfairError("no frame of this clip has a face to frame", expected="at least one valid frame")
    low, high = found[:, :, :2].min(axis=1), found[:, :, :2].max(axis=1)
    whole = np.concatenate([low.min(axis=0), high.max(axis=0)])
    longer = float(np.median((high - low).max(axis=1)))
    span = float(max(whole[2] - whole[0], whole[3] - whole[1]))
    # Moved off the centre by shift_y, a square holds the box only if it is larger by twice that share.
    holding = span / max(1.0 - 2.0 * abs(shift_y), 0.1)
    side = max(scale * longer, holding)
    centre = (float(whole[0] + whole[2]) / 2, float(whole[1] + whole[3]) / 2 + shift_y * side)
    return within(centre, side, size, max(min(side, LEAST_SCALE * longer), holding))


def box_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two boxes (4,)."""
    inner = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    shared = float(np.prod(np.clip(inner, 0, None)))
    total = box_area(first) + box_area(second) - shared
    return shared / total if total > 0 else 0.0


def box_area(box: np.ndarray) -> float:
    """The area in square pixels of a box (4,): left, top, right, bottom."""
    return float(np.prod(box[2:] - box[:2]))
