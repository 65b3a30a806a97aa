"""Displacement fields of the face: one for each expression coefficient, made by hand on the base mesh, and shape modes.

Legend: K expression coefficients, 478 mesh points. Displacements are in face coordinates (base_mesh); a coefficient of
1 moves its most mobile point by about the length in its comment.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from nvfair_tools.simulate.base_mesh import base_mesh, mirror_points
from nvfair_tools.simulate.randomness import random_generator

EXPRESSION = (
    "jaw",  # the jaw turns about the ears' hinge: chin down by 0.3
    "open",  # lips part by 0.2 without the jaw
    "width",  # corners apart by 0.1 each
    "pucker",  # lips forward by 0.12, corners in by 0.1
    "corner_left",  # corner up and out by 0.1, as in a smile
    "corner_right",
    "brow_left",  # up by 0.1
    "brow_right",
    "frown",  # both brows in and down by 0.06
    "lid_left",  # 1 closes the eye
    "lid_right",
    "cheeks",  # up by 0.05, lower lids with them
    "laugh_lines",  # nasolabial fold out and up by 0.04
)
EXPRESSION_INDEX = {name: n for n, name in enumerate(EXPRESSION)}

# Rows of lip points from corner to corner; the first row is at the mouth's opening, each other one a step further out.
_UPPER_LIP = (
    (191, 80, 81, 82, 13, 312, 311, 310, 415),
    (183, 42, 41, 38, 12, 268, 271, 272, 407),
    (184, 74, 73, 72, 11, 302, 303, 304, 408),
    (185, 40, 39, 37, 0, 267, 269, 270, 409),
)
_LOWER_LIP = (
    (95, 88, 178, 87, 14, 317, 402, 318, 324),
    (96, 89, 179, 86, 15, 316, 403, 319, 325),
    (77, 90, 180, 85, 16, 315, 404, 320, 307),
    (146, 91, 181, 84, 17, 314, 405, 321, 375),
)
_LIP_CORNERS = (61, 76, 62, 78, 291, 306, 292, 308)
# The person's left eye: rows from the outer to the inner corner, for the edges of both lids and the skin behind them.
_LEFT_LIDS = ((466, 388, 387, 386, 385, 384, 398), (249, 390, 373, 374, 380, 381, 382))
_LEFT_LID_SKIN = ((467, 260, 259, 257, 258, 286, 414), (255, 339, 254, 253, 252, 256, 341))
_HINGE = np.array([0.35, 0.55])  # y, z of the jaw's axis
SHAPE_MODES = 24
_ASYMMETRIC_MODES = 4


def expression_fields(shape: np.ndarray) -> np.ndarray:
    """The displacement fields (K, 478, 3) of a neutral face `shape` (478, 3); only those of the lids depend on it."""
    fields = _common_fields().copy()
    fields[EXPRESSION_INDEX["lid_left"]] = _lid_field(shape, _LEFT_LIDS, _LEFT_LID_SKIN)
    mirror = mirror_points()
    fields[EXPRESSION_INDEX["lid_right"]] = _lid_field(
        shape,
        tuple(tuple(mirror[point] for point in row) for row in _LEFT_LIDS),
        tuple(tuple(mirror[point] for point in row) for row in _LEFT_LID_SKIN),
    )
    return fields


@cache
def shape_modes() -> np.ndarray:
    """The shape modes (SHAPE_MODES, 478, 3), in which neutral faces differ: smooth fields of unit root mean square.

    All but the last few modes are symmetric. The array is read-only.
    """
    random = random_generator("shape modes", 1)
    mirror, flip = mirror_points(), np.array([-1.0, 1.0, 1.0])
    modes = []
    for n in range(SHAPE_MODES):
        # Long waves first: heads differ in width and height before they differ in noses and lips.
        field = smooth_field(random, length=0.9 if n < 8 else 0.35)
        if n < SHAPE_MODES - _ASYMMETRIC_MODES:
            field = 0.5 * (field + field[mirror] * flip)
        modes.append(field / np.sqrt(np.square(field).mean()))
    result = np.array(modes)
    result.setflags(write=False)
    return result


def smooth_field(random: np.random.Generator, length: float, waves: int = 24) -> np.ndarray:
    """A random smooth field (478, 3) of unit root mean square.

    It is a sum of `waves` cosines of the base mesh's coordinates, whose wave vectors make the covariance Gaussian with
    the correlation length `length` (Rahimi & Recht, NIPS 2007).
    """
    points = base_mesh()
    direction = random.standard_normal((waves, 3)) / length
    phase = random.uniform(0, 2 * np.pi, waves)
    weight = random.standard_normal((waves, 3))
    # einsum, not BLAS: the same bits on every machine.
    field = np.einsum("nw,wc->nc", np.cos(np.einsum("nc,wc->nw", points, direction) + phase), weight)
    field -= field.mean(axis=0)
    return field / np.sqrt(np.square(field).mean())


@cache
def _common_fields() -> np.ndarray:
    """The fields (K, 478, 3) that all faces share; those of the lids are zero. Read-only."""
    mesh = base_mesh()
    x, y, z = mesh.T
    fields = np.zeros((len(EXPRESSION), len(mesh), 3))

    # The jaw turns about its hinge; the chin (point 152) moves down by 0.3.
    jaw = _jaw_share()
    angle = 0.3 / (_HINGE[1] - z[152])
    fields[EXPRESSION_INDEX["jaw"], :, 1] = jaw * angle * (_HINGE[1] - z)
    fields[EXPRESSION_INDEX["jaw"], :, 2] = jaw * angle * (y - _HINGE[0]) * 0.5

    # The lips part without the jaw.
    upper, lower = _lip_shares()
    fields[EXPRESSION_INDEX["open"], :, 1] = 0.12 * lower - 0.08 * upper

    # The region of the mouth moves sideways and forward.
    corner = mesh[291]
    mouth = np.exp(-0.5 * (((y - corner[1]) / 0.16) ** 2 + (np.maximum(np.abs(x) - 0.3, 0) / 0.14) ** 2))
    sideways = mouth * np.clip(x / corner[0], -1.4, 1.4)
    fields[EXPRESSION_INDEX["width"], :, 0] = 0.1 * sideways
    fields[EXPRESSION_INDEX["width"], :, 2] = 0.05 * np.abs(sideways)
    fields[EXPRESSION_INDEX["pucker"], :, 0] = -0.1 * sideways
    fields[EXPRESSION_INDEX["pucker"], :, 2] = -0.12 * mouth * np.exp(-0.5 * (x / 0.25) ** 2)

    # Fields of one side, and their mirror images.
    corner_left = _bump(corner, 0.13, (0.05, -0.085, 0.02)) + _bump(mesh[425], 0.2, (0.0, -0.02, 0.0))
    brow_left = _bump(mesh[334], 0.19, (0.0, -0.1, 0.0)) * (y < -0.08)[:, None]
    fields[EXPRESSION_INDEX["corner_left"]] = corner_left
    fields[EXPRESSION_INDEX["corner_right"]] = _mirrored_field(corner_left)
    fields[EXPRESSION_INDEX["brow_left"]] = brow_left
    fields[EXPRESSION_INDEX["brow_right"]] = _mirrored_field(brow_left)

    # Fields that move both sides together.
    frown = _bump(mesh[336], 0.14, (-0.04, 0.06, 0.0)) * (y < -0.08)[:, None]
    cheek = _bump(mesh[280], 0.2, (0.0, -0.05, -0.01)) * (y > 0.03)[:, None]
    fold = _bump(mesh[426], 0.13, (0.03, -0.03, -0.01))
    for name, left_half in (("frown", frown), ("cheeks", cheek), ("laugh_lines", fold)):
        fields[EXPRESSION_INDEX[name]] = left_half + _mirrored_field(left_half)
    fields.setflags(write=False)
    return fields


def _jaw_share() -> np.ndarray:
    """The share (478,) of the jaw's movement that each point makes: 1 at the chin, less in the cheeks."""
    x, y, _ = base_mesh().T
    share = _smooth_step(y, 0.55, 1.05) * np.exp(-0.5 * (np.maximum(np.abs(x) - 0.35, 0) / 0.35) ** 2)
    share = np.maximum(share, _smooth_step(y, 0.79, 0.9) * np.exp(-0.5 * (x / 0.3) ** 2))
    share[468:] = 0.0
    middle = np.clip(1 - (x / 0.31) ** 2, 0, 1)
    for row in _LOWER_LIP:
        share[list(row)] = 0.35 + 0.65 * middle[list(row)]
    for row in _UPPER_LIP:
        share[list(row)] = 0.3 * (1 - middle[list(row)])
    share[list(_LIP_CORNERS)] = 0.33
    share[y < 0.5] = 0.0
    return share


def _lip_shares() -> tuple[np.ndarray, np.ndarray]:
    """The shares (478,), (478,) of the upper and the lower lip's movement that each point makes."""
    x = base_mesh()[:, 0]
    middle = np.clip(1 - (x / 0.31) ** 2, 0, 1)
    upper, lower = np.zeros(len(x)), np.zeros(len(x))
    for share, above, below in zip((1.0, 0.95, 0.85, 0.7), _UPPER_LIP, _LOWER_LIP, strict=True):
        upper[list(above)] = share * middle[list(above)]
        lower[list(below)] = share * middle[list(below)]
    # Skin around the lips.
    for point, share in ((164, 0.35), (167, 0.3), (393, 0.3), (165, 0.15), (391, 0.15)):
        upper[point] = share
    for point, share in ((18, 0.5), (83, 0.45), (313, 0.45), (182, 0.3), (406, 0.3), (200, 0.2)):
        lower[point] = share
    return upper, lower


def _lid_field(shape: np.ndarray, lids: tuple, skin: tuple) -> np.ndarray:
    """The field (478, 3) that closes an eye: the upper lid makes most of the way to the lower one."""
    field = np.zeros_like(shape)
    upper, lower = (np.array(row) for row in lids)
    gap = (shape[lower] - shape[upper]) * np.array([1.0, 1.0, 0.0])
    field[upper], field[lower] = 0.85 * gap, -0.15 * gap
    field[np.array(skin[0])], field[np.array(skin[1])] = 0.4 * gap, -0.08 * gap
    return field


def _bump(centre: np.ndarray, width: float, height: tuple[float, float, float]) -> np.ndarray:
    """A Gaussian bump (478, 3) around a point, in the plane of the face."""
    squared_distance = np.square(base_mesh()[:, :2] - centre[:2]).sum(axis=1)
    return np.exp(-0.5 * squared_distance / width**2)[:, None] * np.array(height)


def _mirrored_field(field: np.ndarray) -> np.ndarray:
    return field[mirror_points()] * np.array([-1.0, 1.0, 1.0])


def _smooth_step(value: np.ndarray, low: float, high: float) -> np.ndarray:
    t = np.clip((value - low) / (high - low), 0.0, 1.0)
    return t * t * (3 - 2 * t)
