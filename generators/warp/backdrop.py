"""Everything around the face (hair, neck, wall) as a net of points that hangs between the face's oval and the border.

Legend: B points of the net, size the picture's side in pixels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix
from scipy.sparse.linalg import splu
from scipy.spatial import Delaunay, cKDTree

from generators.warp.topology import OVAL

RINGS = (1.1, 1.25, 1.45)  # hair and neck: copies of the oval, about its centre
GRID = 14  # cells of the net along a side, outside the rings


@dataclass(frozen=True)
class Backdrop:
    """The net of points around the face that bends the rest of the picture.

    points: (B, 2) pixels. triangles: (n, 3) into the 478 mesh points followed by the B points of the net.
    border: (B,) True where a point lies on the picture's border and never moves. distance: (B,) from the oval, in
    units of the oval's mean radius.
    """

    points: np.ndarray
    triangles: np.ndarray
    border: np.ndarray
    distance: np.ndarray


def backdrop(mesh: np.ndarray, size: int) -> Backdrop:
    """The net around the face of `mesh` (478, 3) in a square picture."""
    oval = mesh[OVAL, :2].astype(np.float64)
    centre, limit = oval.mean(axis=0), float(size - 1)
    radius = np.linalg.norm(oval - centre, axis=1).mean()
    rings = np.concatenate([centre + r * (oval[i % 2 :: 2] - centre) for i, r in enumerate(RINGS)])
    ticks = np.linspace(0.0, limit, GRID + 1)
    grid = np.stack(np.meshgrid(ticks, ticks), axis=-1).reshape(-1, 2)
    on_border = ((grid == 0.0) | (grid == limit)).any(axis=1)
    cell = limit / GRID
    inside = (rings > 0.3 * cell).all(axis=1) & (rings < limit - 0.3 * cell).all(axis=1)
    rings = rings[inside & ~_within(oval, rings)]
    near, _ = cKDTree(np.concatenate([oval, rings])).query(grid)
    keep = ~_within(oval, grid) & (
        on_border | ((near > 0.6 * cell) & ~_within(centre + RINGS[-1] * (oval - centre), grid))
    )
    points = np.concatenate([rings, grid[keep]])
    border = np.concatenate([np.zeros(len(rings), bool), on_border[keep]])
    net = Delaunay(np.concatenate([oval, points])).simplices
    corners = np.concatenate([oval, points])[net]
    net = net[~_within(oval, corners.mean(axis=1))]
    index = np.concatenate([OVAL, len(mesh) + np.arange(len(points))])
    distance = cKDTree(_dense_outline(oval)).query(points)[0] / radius
    return Backdrop(points, index[net], border, distance)


def harmonic_weights(net: Backdrop, mesh: np.ndarray, reach: float) -> np.ndarray:
    """(B, 36): how far each point of the net follows each point of the oval.

    The equilibrium of a net of springs whose border is nailed down and whose stiffness falls by 1/e over `reach`
    (radii of the oval), so that hair moves with the head and the wall takes up the slack.
    """
    n, b = len(OVAL), len(net.points)
    local = np.full(len(mesh) + b, -1)
    local[OVAL], local[len(mesh) :] = np.arange(n), n + np.arange(b)
    triangles = local[net.triangles]
    edges = np.unique(
        np.sort(np.concatenate([triangles[:, [0, 1]], triangles[:, [1, 2]], triangles[:, [2, 0]]])), axis=0
    )
    edges = np.unique(np.sort(edges, axis=1), axis=0)
    distance = np.concatenate([np.zeros(n), net.distance])
    stiffness = np.exp(-distance[edges].mean(axis=1) / reach) + 1e-3
    i, j = edges.T
    pull = coo_matrix((np.r_[stiffness, stiffness], (np.r_[i, j], np.r_[j, i])), shape=(n + b, n + b)).tocsr()
    laplacian = csr_matrix((np.asarray(pull.sum(axis=1)).ravel(), (np.arange(n + b),) * 2), shape=(n + b, n + b)) - pull
    free = n + np.flatnonzero(~net.border)
    weights = np.zeros((b, n))
    solve = splu(laplacian[free][:, free].tocsc())
    weights[free - n] = solve.solve(-laplacian[free][:, :n].toarray())
    return weights


def _dense_outline(polygon: np.ndarray, steps: int = 8) -> np.ndarray:
    following = np.roll(polygon, -1, axis=0)
    share = np.arange(steps)[:, None, None] / steps
    return (polygon * (1 - share) + following * share).reshape(-1, 2)


def _within(polygon: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Which points lie inside the polygon (even-odd rule)."""
    (x, y), (x0, y0), (x1, y1) = points.T[:, :, None], polygon.T[:, None], np.roll(polygon, -1, axis=0).T[:, None]
    crosses = (y0 > y) != (y1 > y)
    with np.errstate(divide="ignore", invalid="ignore"):
        left_of = x < (x1 - x0) * (y - y0) / (y1 - y0) + x0
    return (np.sum(crosses & left_of, axis=1) % 2).astype(bool)
