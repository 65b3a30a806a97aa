"""Boxes of faces, and square crops around a face with the matrix that maps coordinates into the crop.

Legend: T frames, H, W image height and width; images are uint8 RGB (H, W, 3); meshes are (478, 3) pixels.
Pixel i covers the interval [i, i + 1), so the centre of an image of width W is at W / 2, as in MediaPipe.
A box is left, top, right, bottom in pixels.
"""

from __future__ import annotations

import math
from typing import Literal

import numpy as np

from nvfair_tools.errors import MissingExtra, NvfairError

Border = Literal["replicate", "reflect"]
Square = tuple[tuple[float, float], float]  # centre (x, y) and side in pixels
# A crop is tightened to stay within the picture, but never below this many sides of the face's box.
MIN_SCALE = 1.5
_PAD_MODES = {"replicate": "edge", "reflect": "symmetric"}


def face_box(mesh: np.ndarray) -> np.ndarray:
    """The bounding box, float64 (4,), of a mesh (478, 3) or of landmarks (L, 2)."""
    points = np.asarray(mesh, dtype=np.float64)[:, :2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def box_area(box: np.ndarray) -> float:
    """The area of a box (4,) in square pixels."""
    return float(np.prod(box[2:] - box[:2]))


def box_overlap(first: np.ndarray, second: np.ndarray) -> float:
    """The intersection over union of two boxes (4,)."""
    sides = np.minimum(first[2:], second[2:]) - np.maximum(first[:2], second[:2])
    intersection = float(np.prod(np.clip(sides, 0, None)))
    union = box_area(first) + box_area(second) - intersection
    return intersection / union if union > 0 else 0.0


def square_around(box: np.ndarray, scale: float, shift_y: float) -> Square:
    """The square around a box: its side is scale x the box's longer side, and it is moved down by shift_y x side."""
    side = float(scale * max(box[2] - box[0], box[3] - box[1]))
    return (float(box[0] + box[2]) / 2, float(box[1] + box[3]) / 2 + shift_y * side), side


def crop_square(
    image: np.ndarray, centre: tuple[float, float], side: float, size: int, *, border: Border = "replicate"
) -> tuple[np.ndarray, np.ndarray]:
    """Cuts the square of `side` pixels around `centre` (x, y) and resizes it: the crop (size, size, 3) and its matrix.

    The matrix, float64 (2, 3), maps (x, y, 1) of `image` to (x, y) of the crop, with one scale for both axes. Outside
    the image the crop repeats its edge or mirrors it (`border`). Downscaling is filtered, so nothing aliases.
    Raises NvfairError where `side` or `size` is not positive or the square does not touch the image.
    """
    try:
        from PIL import Image
    except ImportError as error:
        raise MissingExtra("pillow", "media", str(error)) from error
    height, width = image.shape[:2]
    left, top = centre[0] - side / 2, centre[1] - side / 2
    touches = left < width and top < height and left + side > 0 and top + side > 0
    if not (side > 0 and size > 0 and touches):  # also refuses NaN
        raise NvfairError(
            f"a square of side {side:g} around ({centre[0]:g}, {centre[1]:g}) resized to {size} pixels",
            expected=f"a positive side and size, and a square that touches the {width}x{height} image",
        )
    # Copy and pad only the needed part, with a margin for the resampling filter.
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
    """Maps points (..., 2) or (..., 3) by a crop's matrix; z is scaled as x and y are. The dtype stays."""
    result = np.array(points, dtype=np.float64)
    result[..., :2] = result[..., :2] @ matrix[:, :2].T + matrix[:, 2]
    if points.shape[-1] == 3:
        result[..., 2] *= matrix[0, 0]
    return result.astype(points.dtype)


def frame_face(
    image: np.ndarray, mesh: np.ndarray, scale: float, shift_y: float, size: int, *, border: Border = "replicate"
) -> tuple[np.ndarray, np.ndarray]:
    """Crops a picture around its face: the crop (size, size, 3) and the mesh (478, 3) in pixels of the crop.

    scale, shift_y: as in `square_around`. The crop is moved and tightened to stay within the picture where it can.
    """
    box = face_box(mesh)
    centre, side = square_around(box, scale, shift_y)
    min_side = min(side, MIN_SCALE * float(max(box[2] - box[0], box[3] - box[1])))
    centre, side = _fit_into_picture(centre, side, (image.shape[1], image.shape[0]), min_side)
    crop, matrix = crop_square(image, centre, side, size, border=border)
    return crop, transform_points(mesh, matrix)


def clip_crop(meshes: np.ndarray, scale: float, shift_y: float, size: tuple[int, int]) -> Square:
    """One square for all frames of a clip, so that the crop shows the head's own movement.

    meshes: (T, 478, 3), NaN where there is no face. size: (width, height) of the clip. The centre is that of the box
    around all frames' boxes. The side is `scale` x the median longer side of the boxes, and large enough for the face
    of every frame. Then the square is moved and tightened to stay within the picture where it can.
    Raises NvfairError where no frame has a face.
    """
    valid = np.asarray(meshes, dtype=np.float64)[np.isfinite(meshes).all(axis=(1, 2))]
    if not len(valid):
        raise NvfairError("no frame of this clip has a face to frame", expected="at least one valid frame")
    # Boxes of the frames, and the box around all of them.
    low, high = valid[:, :, :2].min(axis=1), valid[:, :, :2].max(axis=1)
    whole = np.concatenate([low.min(axis=0), high.max(axis=0)])
    median_side = float(np.median((high - low).max(axis=1)))
    whole_side = float(max(whole[2] - whole[0], whole[3] - whole[1]))
    # Moved off the centre by shift_y, a square contains the box only if it is larger by twice that share.
    containing_side = whole_side / max(1.0 - 2.0 * abs(shift_y), 0.1)
    side = max(scale * median_side, containing_side)
    centre = (float(whole[0] + whole[2]) / 2, float(whole[1] + whole[3]) / 2 + shift_y * side)
    return _fit_into_picture(centre, side, size, max(min(side, MIN_SCALE * median_side), containing_side))


def _fit_into_picture(centre: tuple[float, float], side: float, size: tuple[int, int], min_side: float) -> Square:
    """The square, tightened down to `min_side` and moved to reach beyond the picture as little as possible.

    Pixels beyond the picture can only be invented. size: (width, height) of the picture.
    """
    side = max(min(side, *size), min_side)
    x, y = (
        min(max(position, side / 2), length - side / 2) if side <= length else length / 2
        for position, length in zip(centre, size, strict=True)
    )
    return (x, y), side
