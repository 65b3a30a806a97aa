"""Landmark schemes: ordered choices of points of MediaPipe's face mesh, with versions, because features depend on them.

Legend: T frames, L landmarks of a scheme, 478 mesh points. "Right" and "left" are the person's own.
The paper uses 126 landmarks, one of the two sets of NVIDIA's AR SDK, which is not public. SCHEME_126 is our own choice
of 126 mesh points that covers the same parts: face contour, brows, eyes, nose, lips, cheeks, laugh lines.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np

from nvfair_tools.errors import NvfairError

MESH_POINTS = 478


@dataclass(frozen=True)
class Scheme:
    """A named, ordered choice of mesh points.

    groups: part of the face -> mesh indices; the landmarks are the groups' points in order. twins: right mesh index ->
    left mesh index, for mirroring. dimensions: 2 (x, y in pixels) or 3 (z too). Raises ValueError for duplicates.
    """

    name: str
    version: str
    groups: Mapping[str, tuple[int, ...]]
    twins: Mapping[int, int]
    dimensions: int = 2

    def __post_init__(self) -> None:
        if len(set(self.indices.tolist())) != len(self.indices):
            raise ValueError(f"scheme {self.name}: a mesh point is named twice")

    @cached_property
    def indices(self) -> np.ndarray:
        """Mesh index of each landmark, int64 (L,); read-only."""
        indices = np.array([point for group in self.groups.values() for point in group], dtype=np.int64)
        indices.flags.writeable = False
        return indices

    def __len__(self) -> int:
        return len(self.indices)

    @cached_property
    def positions(self) -> Mapping[str, slice]:
        """Group -> the slice of its landmarks among the L."""
        positions, start = {}, 0
        for group, points in self.groups.items():
            positions[group] = slice(start, start + len(points))
            start += len(points)
        return MappingProxyType(positions)

    def position(self, mesh_index: int) -> int:
        """The position of a mesh point among the L landmarks; raises KeyError where it is not one of them."""
        positions = np.flatnonzero(self.indices == mesh_index)
        if not len(positions):
            raise KeyError(f"mesh point {mesh_index} is not in scheme {self.name}")
        return int(positions[0])

    @cached_property
    def mirror(self) -> np.ndarray:
        """Permutation (L,) that swaps left and right: landmark `mirror[i]` is the twin of landmark i; its own inverse.

        The landmarks of a mirrored picture are `landmarks[:, mirror]` with x replaced by width - x.
        """
        twin_of = {**self.twins, **{left: right for right, left in self.twins.items()}}
        return np.array([self.position(twin_of.get(int(point), int(point))) for point in self.indices])

    def take(self, mesh: np.ndarray) -> np.ndarray:
        """Takes the landmarks, float32 (T, L, dimensions), from meshes (T, 478, 3). NaN stays NaN.

        Raises NvfairError for another shape.
        """
        if mesh.ndim != 3 or mesh.shape[1:] != (MESH_POINTS, 3):
            raise NvfairError(f"the mesh has shape {mesh.shape}", expected=f"(T, {MESH_POINTS}, 3)")
        return np.ascontiguousarray(mesh[:, self.indices, : self.dimensions], dtype=np.float32)


# Mesh indices of SCHEME_126 by part of the face: right point -> its left twin.
_CONTOUR = {127: 356, 234: 454, 93: 323, 132: 361, 58: 288, 172: 397, 136: 365, 150: 379, 176: 400, 148: 377}
_BROW = {70: 300, 63: 293, 105: 334, 66: 296, 107: 336, 46: 276, 53: 283, 52: 282, 65: 295, 55: 285}
_EYE = {
    33: 263,
    161: 388,
    160: 387,
    159: 386,
    158: 385,
    157: 384,
    133: 362,
    154: 381,
    153: 380,
    145: 374,
    144: 373,
    163: 390,
}
_NOSE = {48: 278, 64: 294, 98: 327, 97: 326}
_OUTER_UPPER = {61: 291, 185: 409, 40: 270, 39: 269, 37: 267}
_OUTER_LOWER = {146: 375, 91: 321, 181: 405, 84: 314}
_INNER_UPPER = {78: 308, 80: 310, 81: 311, 82: 312}
_INNER_LOWER = {88: 318, 178: 402, 87: 317}
_CHEEKS = {50: 280, 205: 425}
_LAUGH_LINES = {203: 423, 206: 426, 216: 436}


def _right_to_left(twins: Mapping[int, int], middle: int) -> tuple[int, ...]:
    """The points of a line across the face: the right ones, the middle one, the left ones."""
    return (*twins, middle, *reversed(list(twins.values())))


SCHEME_126 = Scheme(
    name="nvfair-126",
    version="1",
    groups=MappingProxyType(
        {
            "contour": _right_to_left(_CONTOUR, 152),
            "right_brow": tuple(_BROW),
            "left_brow": tuple(_BROW.values()),
            "right_eye": tuple(_EYE),
            "left_eye": tuple(_EYE.values()),
            "nose": (168, 6, 197, 195, 5, 4, *_right_to_left(_NOSE, 2)),
            "outer_lips": (*_right_to_left(_OUTER_UPPER, 0), *_right_to_left(_OUTER_LOWER, 17)),
            "inner_lips": (*_right_to_left(_INNER_UPPER, 13), *_right_to_left(_INNER_LOWER, 14)),
            "cheeks": (*_CHEEKS, *_CHEEKS.values()),
            "laugh_lines": (*_LAUGH_LINES, *_LAUGH_LINES.values()),
        }
    ),
    twins=MappingProxyType(
        {
            **_CONTOUR,
            **_BROW,
            **_EYE,
            **_NOSE,
            **_OUTER_UPPER,
            **_OUTER_LOWER,
            **_INNER_UPPER,
            **_INNER_LOWER,
            **_CHEEKS,
            **_LAUGH_LINES,
        }
    ),
)

# Positions of the outer eye corners among the 126 landmarks: right, left.
OUTER_EYE_CORNERS = (SCHEME_126.position(33), SCHEME_126.position(263))

# Lengths with a meaning of their own: name -> positions of the two end points among the 126 landmarks.
MEASUREMENTS: Mapping[str, tuple[int, int]] = MappingProxyType(
    {
        name: (SCHEME_126.position(first), SCHEME_126.position(second))
        for name, (first, second) in {
            "mouth_open": (13, 14),  # inner lips, in the middle
            "mouth_width": (61, 291),  # outer corners
            "right_eye_open": (159, 145),
            "left_eye_open": (386, 374),
            "right_eye_width": (33, 133),
            "left_eye_width": (263, 362),
            "right_brow_raise": (52, 159),  # lower edge of the brow to the upper lid
            "left_brow_raise": (282, 386),
            "outer_eye_corners": (33, 263),
            "face_width": (234, 454),
            "nose_to_chin": (4, 152),
        }.items()
    }
)


def landmarks_from_mesh(mesh: np.ndarray) -> np.ndarray:
    """Takes the 126 landmarks, float32 (T, 126, 2) pixels, from meshes (T, 478, 3)."""
    return SCHEME_126.take(mesh)


def measure_length(landmarks: np.ndarray, name: str) -> np.ndarray:
    """Measures the length `name` of MEASUREMENTS in landmarks (T, 126, 2): (T,) pixels."""
    if name not in MEASUREMENTS:
        raise NvfairError(f"measurement {name!r} is unknown", expected=f"one of {', '.join(MEASUREMENTS)}")
    first, second = MEASUREMENTS[name]
    return np.linalg.norm(landmarks[:, first] - landmarks[:, second], axis=1)
