"""How motion spreads over the picture: the one thing in which the members of the warp family differ.

Each is a matrix (478 + B, 478) from the displacements of the mesh's points to those of every vertex drawn: the mesh's
own points, then the B points of the backdrop's net. It depends on the portrait only.

Legend: K control points, V = 478 + B vertices, B points of the net.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from generators.warp.backdrop import Backdrop, harmonic_weights
from generators.warp.topology import (
    EYES,
    IRISES,
    LEFT_BROW,
    MOUTH,
    OVAL,
    RIGHT_BROW,
    STABLE,
    Opening,
)

Spread = Callable[[np.ndarray, Backdrop], np.ndarray]


def dense_spread(mesh: np.ndarray, net: Backdrop) -> np.ndarray:
    """Every mesh point moves by itself: a piecewise-affine warp with 478 degrees of freedom for each axis."""
    matrix = np.zeros((len(mesh) + len(net.points), len(mesh)))
    matrix[: len(mesh)] = np.eye(len(mesh))
    matrix[len(mesh) :, OVAL] = harmonic_weights(net, mesh, reach=0.35)
    return matrix


# Every third point of the oval, the brows, nose and cheeks, and enough of lids and lips to open and close them.
CONTROLS = np.array(
    [*OVAL[::2]]
    + [70, 105, 107, 300, 334, 336]
    + [168, 197, 4, 2, 129, 358, 50, 280, 205, 425, 151]
    + [33, 133, 160, 159, 158, 144, 145, 153, 263, 362, 387, 386, 385, 373, 374, 380, 468, 473]
    + [61, 291, 78, 308, 81, 13, 311, 178, 14, 402, 37, 0, 267, 84, 17, 314]
)


def thin_plate_spread(mesh: np.ndarray, net: Backdrop, stiffness: float = 1e-3) -> np.ndarray:
    """A thin-plate spline through few control points and the nailed border (Bookstein, PAMI 1989, equations 3-7).

    `stiffness` is the weight of bending against fidelity (Wahba 1990), so that nearly coincident controls do no harm.
    """
    plane = _unfolded(mesh, net)
    scale = np.linalg.norm(np.ptp(plane[OVAL], axis=0)) / 2
    plane = plane / scale
    nails = len(mesh) + np.flatnonzero(net.border)[::2]
    known = plane[np.r_[CONTROLS, nails]]
    k = len(known)
    system = np.zeros((k + 3, k + 3))
    system[:k, :k] = _bending(known, known) + stiffness * np.eye(k)
    system[:k, k:] = np.c_[np.ones(k), known]
    system[k:, :k] = system[:k, k:].T
    solution = np.linalg.solve(system, np.eye(k + 3)[:, : len(CONTROLS)])  # the nails' displacements are zero
    matrix = np.zeros((len(plane), len(mesh)))
    matrix[:, CONTROLS] = np.c_[_bending(plane, known), np.ones(len(plane)), plane] @ solution
    matrix[len(mesh) :][net.border] = 0.0
    return matrix


def parts_spread(mesh: np.ndarray, net: Backdrop, softness: float = 0.06) -> np.ndarray:
    """One affine motion for the head and one more for each part of the face, blended: low rank, 4 + 3 for each part.

    The head's motion is affine in space, as a turning head's is under weak perspective, and fitted to the stable
    points; each part's is affine in the picture, and fitted to what the head's leaves. Weights fall with the square
    of the distance from a part (linear blend skinning).
    """
    plane = _unfolded(mesh, net)
    plane = (plane - plane[OVAL].mean(axis=0)) / (np.linalg.norm(np.ptp(plane[OVAL], axis=0)) / 2)
    n, v = len(mesh), len(plane)
    head = np.zeros((v, n))
    solid = _solid(mesh, net)
    head[:, STABLE] = _affine_fit(solid[STABLE], solid, ridge=1e-6)
    parts, reach = zip(*_parts().values(), strict=True)
    far = np.stack([_distance(plane, plane[list(part)]) for part in parts])
    nearness = np.exp(-0.5 * (far / (softness * np.array(reach)[:, None])) ** 2)
    for row, part in zip(nearness, parts, strict=True):
        row[list(part)] = np.maximum(row[list(part)], 3.0)
    share = nearness / (nearness.sum(axis=0) + 0.05)
    detail = np.zeros((v, n))
    for weight, part in zip(share, parts, strict=True):
        detail[:, list(part)] += weight[:, None] * _affine_fit(plane[list(part)], plane, ridge=3e-3)
    matrix = head + detail - detail @ head[:n]
    from_border = np.minimum(net.points, net.points.max(axis=0) - net.points).min(axis=1)
    from_border /= np.linalg.norm(mesh[OVAL, :2] - mesh[OVAL, :2].mean(axis=0), axis=1).mean()
    follow = from_border / (from_border + net.distance + 1e-6)
    matrix[n:] *= (follow**2 * (3 - 2 * follow))[:, None]
    matrix[n:][net.border] = 0.0
    return matrix


def _solid(mesh: np.ndarray, net: Backdrop) -> np.ndarray:
    """(V, 3): the portrait in space, in units of the face; the net is as deep as the nearest point of the oval."""
    oval = mesh[OVAL]
    nearest = ((net.points[:, None] - oval[None, :, :2]) ** 2).sum(axis=-1).argmin(axis=1)
    solid = np.concatenate([mesh, np.c_[net.points, oval[nearest, 2]]])
    return (solid - oval.mean(axis=0)) / (np.linalg.norm(np.ptp(oval[:, :2], axis=0)) / 2)


def _parts() -> dict[str, tuple[tuple[int, ...], float]]:
    """Members of each part, and how far beyond them it is felt (1: as usual)."""
    parts: dict[str, tuple[tuple[int, ...], float]] = {
        "nose": ((1, 2, 4, 5, 195, 197, 6, 98, 327, 129, 358, 49, 279), 2.0),
        "forehead": ((10, 151, 9, 67, 297, 109, 338, 54, 284), 2.0),
        "chin": ((152, 148, 377, 176, 400, 175, 199, 200, 18, 208, 428), 2.0),
        "right jaw": ((149, 150, 136, 172, 58, 210, 211, 214), 2.0),
        "left jaw": ((378, 379, 365, 397, 288, 430, 431, 434), 2.0),
        "right cheek": ((50, 205, 187, 123, 147, 117, 118, 101, 93, 132, 234), 2.0),
        "left cheek": ((280, 425, 411, 352, 376, 346, 347, 330, 323, 361, 454), 2.0),
        "right brow": (RIGHT_BROW, 1.0),
        "left brow": (LEFT_BROW, 1.0),
        "right mouth corner": ((61, 76, 62, 78, 57, 186, 43), 0.6),
        "left mouth corner": ((291, 306, 292, 308, 287, 410, 273), 0.6),
        "upper lip": (MOUTH.upper[2:-2] + tuple(i for ring in MOUTH.upper_rings for i in ring[2:-2]), 0.6),
        "lower lip": (MOUTH.lower[2:-2] + tuple(i for ring in MOUTH.lower_rings for i in ring[2:-2]), 0.6),
    }
    for side, eye, iris in zip(("right", "left"), EYES, IRISES, strict=True):
        parts[f"{side} upper lid"] = ((*eye.corners, *eye.upper), 0.5)
        parts[f"{side} lower lid"] = ((*eye.corners, *eye.lower), 0.5)
        parts[f"{side} iris"] = (iris, 0.1)
    return parts


def _unfolded(mesh: np.ndarray, net: Backdrop) -> np.ndarray:
    """The plane (V, 2) over which motion is interpolated: the portrait, with its lips and lids separated.

    A closed mouth puts points with opposite motions in one place, where no smooth map could tell them apart.
    """
    plane = np.concatenate([mesh[:, :2], net.points]).astype(np.float64)
    for opening, gap, rings in ((MOUTH, 0.35, 3), (EYES[0], 0.3, 1), (EYES[1], 0.3, 1)):
        _separate(plane, opening, gap * float(np.linalg.norm(np.subtract(*mesh[list(opening.corners), :2]))), rings)
    return plane


def _separate(plane: np.ndarray, opening: Opening, gap: float, rings: int):
    across = plane[opening.corners[1]] - plane[opening.corners[0]]
    down = np.array([-across[1], across[0]]) / np.linalg.norm(across)
    if down[1] < 0:
        down = -down
    middle = len(opening.upper) // 2
    missing = gap - (plane[opening.lower[middle]] - plane[opening.upper[middle]]) @ down
    if missing <= 0:
        return
    arch = np.sin(np.pi * (np.arange(len(opening.upper)) + 1) / (len(opening.upper) + 1))[:, None]
    for row in range(rings + 1):
        step = 0.5 * missing * arch * down * (1.0 - row / (rings + 1.5))
        plane[list((opening.upper, *opening.upper_rings)[row])] -= step
        plane[list((opening.lower, *opening.lower_rings)[row])] += step


def _bending(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """U(r) = r^2 log r^2 between two sets of points."""
    square = np.sum((a[:, None] - b[None]) ** 2, axis=-1)
    return square * np.log(np.maximum(square, 1e-12))


def _affine_fit(known: np.ndarray, everywhere: np.ndarray, ridge: float) -> np.ndarray:
    """(V, n): affine motion fitted to `known` (n, 2 or 3), read off at `everywhere`; `ridge` curbs its gradient."""
    centre = known.mean(axis=0)
    x, at = known - centre, everywhere - centre
    gradient = np.linalg.solve(x.T @ x + ridge * len(known) * 0.1 * np.eye(x.shape[1]), x.T)
    return 1.0 / len(known) + at @ gradient


def _distance(points: np.ndarray, part: np.ndarray) -> np.ndarray:
    return np.sqrt(((points[:, None] - part[None]) ** 2).sum(axis=-1).min(axis=1))
