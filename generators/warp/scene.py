"""Draws a portrait bent to new vertices: a painter that lays triangles from far to near and looks pixels up once.

Every triangle paints its number into a map of the picture; an affine map for each number then says where in the
portrait each pixel comes from. What lies behind is painted first: the backdrop, the eyeballs, the inside of the
mouth, and over them the skin, so that a lid slides over an eye and a nose hides a cheek.

Legend: V vertices, N triangles, H = W the picture's side.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from generators.face import MESH_POINTS
from generators.warp.backdrop import Backdrop
from generators.warp.topology import EYES, MOUTH, Eye, skin_triangles

SUBPIXEL_BITS = 4
THINNEST = 0.2  # pixels: a flatter triangle covers no pixel's centre but would smear what its edge touches

TORN = 2.5  # a step of the map beyond this many pixels between neighbours is an edge where one thing hides another
EDGE = 0.75  # pixels by which an edge paints beyond its triangle
SEALED = 1.0  # pixels between the lids of an eye that counts as closed


@dataclass(frozen=True)
class Scene:
    """What is drawn of one portrait, and in which order.

    rest: float64 (V, 2) vertices in the portrait: mesh, backdrop, then each eyeball's contour and iris.
    triangles: (N, 3) in drawing order up to `skin_start`; the skin's are sorted by depth in every frame.
    mouth: numbers of the triangles inside the mouth.
    texture: (2, 3, N) x and y of each triangle's first corner in the portrait, and of its edges to the others.
    limits: float32 (2, N + 1, 2), see `_limits`.
    """

    size: int
    rest: np.ndarray
    triangles: np.ndarray
    mouth: range
    skin_start: int
    texture: np.ndarray
    limits: np.ndarray

    @classmethod
    def of(cls, mesh: np.ndarray, net: Backdrop, size: int) -> Scene:
        parts = [mesh[:, :2], net.points]
        layers = [net.triangles]
        first = MESH_POINTS + len(net.points)
        for eye in EYES:
            parts += [mesh[list(eye.contour), :2], mesh[[eye.iris], :2]]
            rim = first + np.arange(len(eye.contour))
            layers.append(np.stack([rim, np.roll(rim, -1), np.full(len(rim), first + len(rim))], axis=1))
            first += len(rim) + 1
        start = sum(map(len, layers))
        layers.append(MOUTH.strip())
        skin_start = start + len(layers[-1])
        triangles = np.concatenate([*layers, skin_triangles()])
        rest = np.concatenate(parts).astype(np.float64)
        first_corner, second, third = rest[triangles].transpose(1, 2, 0)
        texture = np.stack([first_corner, second - first_corner, third - first_corner], axis=1)
        limits = _limits(rest[triangles], size)
        return cls(size, rest, triangles, range(start, skin_start), skin_start, texture, limits)

    def vertices(self, mesh_and_net: np.ndarray) -> np.ndarray:
        """All V vertices for the moved mesh and backdrop (478 + B, 2): adds the eyeballs behind the lids."""
        eyes, first = [], len(mesh_and_net)
        points = mesh_and_net.copy()
        for eye in EYES:
            count = len(eye.contour)
            _seal(eye, points)
            eyes.append(_eyeball(eye, self.rest[first : first + count + 1], points))
            first += count + 1
        return np.concatenate([points, *eyes])

    def paint(self, vertices: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel comes from: float32 (H, W, 2), x and y in the portrait, and the triangle seen (H, W).

        vertices: (V, 2) pixels. depth: (478,) of the mesh, smaller is nearer.
        """
        x, y = np.ascontiguousarray(vertices.T)[:, self.triangles.T]
        edges = np.stack([x[1] - x[0], y[1] - y[0], x[2] - x[0], y[2] - y[0]])
        area = edges[0] * edges[3] - edges[1] * edges[2]
        lengths = edges[0] ** 2 + edges[1] ** 2, edges[2] ** 2 + edges[3] ** 2, (x[2] - x[1]) ** 2 + (y[2] - y[1]) ** 2
        visible = np.abs(area) > THINNEST * np.sqrt(np.maximum(np.maximum(lengths[0], lengths[1]), lengths[2]))
        nearness = -depth[self.triangles[self.skin_start :].T].sum(axis=0)
        order = np.concatenate([np.arange(self.skin_start), self.skin_start + np.argsort(nearness, kind="stable")])
        seen = self._draw(np.stack([x, y]), order[visible[order]])
        affine = self._affine(x[0], y[0], edges, np.where(visible, area, 1.0))
        return self._look_up(affine, seen), seen

    def _draw(self, corners: np.ndarray, order: np.ndarray) -> np.ndarray:
        """The number of the last triangle that covers each pixel, (H, W): N where there is none. corners: (2, 3, N)."""
        seen = np.full((self.size, self.size), len(self.triangles), np.int32)
        fixed = np.rint(np.clip(corners, -4096, 4096) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        polygons = list(np.ascontiguousarray(fixed.transpose(2, 1, 0))[order])  # one by one from a list: twice as quick
        fill = cv2.fillConvexPoly
        for number, polygon in zip(order.tolist(), polygons, strict=True):
            fill(seen, polygon, number, cv2.LINE_8, SUBPIXEL_BITS)
        return seen.astype(np.intp)

    def _affine(self, x: np.ndarray, y: np.ndarray, edges: np.ndarray, area: np.ndarray) -> np.ndarray:
        """Each triangle's map into the portrait, float32 (3, N + 1, 2): the steps of x and y along x, along y, and the
        place of pixel (0, 0). What no triangle covers keeps the portrait's.
        """
        affine = np.empty((3, len(area) + 1, 2), np.float32)
        affine[:, -1] = (1, 0), (0, 1), (0, 0)
        inverse = 1.0 / area
        for axis, (start, first, second) in enumerate(self.texture):
            along_x = (first * edges[3] - second * edges[1]) * inverse
            along_y = (second * edges[0] - first * edges[2]) * inverse
            affine[0, :-1, axis], affine[1, :-1, axis] = along_x, along_y
            affine[2, :-1, axis] = start - along_x * x - along_y * y
        return affine

    def _look_up(self, affine: np.ndarray, seen: np.ndarray) -> np.ndarray:
        """The place in the portrait, float32 (H, W, 2), of each pixel, by the map of the triangle `seen` there."""
        along = np.arange(self.size, dtype=np.float32)
        steps_x, steps_y, places = (_rows(row, seen) for row in affine)
        steps_x *= np.repeat(along, 2)
        steps_y *= along[:, None]
        steps_x += steps_y
        places += steps_x
        # An edge also paints pixels whose centre lies just outside; there a thin triangle would look far astray.
        low, high = (_rows(row, seen) for row in self.limits)
        np.maximum(places, low, out=places)
        np.minimum(places, high, out=places)
        return places.reshape(self.size, self.size, 2)


def _rows(table: np.ndarray, numbers: np.ndarray) -> np.ndarray:
    """Rows of a float32 table (N, 2) side by side: (H, 2 W) for numbers (H, W). Pairs are moved as one number."""
    return np.take(table.view(np.complex64)[:, 0], numbers, mode="clip").view(np.float32)


def _limits(corners: np.ndarray, size: int) -> np.ndarray:
    """How far a triangle may look in the portrait, float32 (2, N + 1, 2): the lowest x and y, and the highest.

    corners: (N, 3, 2) of the triangles in the portrait.
    """
    limits = np.empty((2, len(corners) + 1, 2), np.float32)
    limits[:, -1] = [[0], [size]]
    limits[0, :-1], limits[1, :-1] = corners.min(axis=1) - EDGE, corners.max(axis=1) + EDGE
    return limits


def soften_edges(frame: np.ndarray, places: np.ndarray) -> None:
    """Smooths `frame` (H, W, 3), in place, along the stairs where the map (H, W, 2) leaps between surfaces."""
    torn = np.zeros(frame.shape[:2], bool)
    across, down = _leaps(places[:, 1:], places[:, :-1]), _leaps(places[1:], places[:-1])
    torn[:, 1:] |= across
    torn[:, :-1] |= across
    torn[1:] |= down
    torn[:-1] |= down
    rows, columns = np.nonzero(torn)
    if len(rows):
        top, left = max(rows.min() - 1, 0), max(columns.min() - 1, 0)
        around = frame[top : rows.max() + 2, left : columns.max() + 2]
        frame[rows, columns] = cv2.blur(around, (3, 3))[rows - top, columns - left]


def _leaps(places: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Where x or y of two maps (H, W, 2) are apart by more than `TORN`: (H, W)."""
    apart: np.ndarray = cv2.absdiff(places, others) > TORN
    return apart.view(np.uint16)[..., 0] != 0


def _seal(eye: Eye, points: np.ndarray) -> None:
    """Lids that pass each other, or leave less than a pixel, meet: no speck of the eyeball shines through."""
    start, end = points[eye.corners[0]], points[eye.corners[1]]
    down = np.array([start[1] - end[1], end[0] - start[0]]) / max(float(np.linalg.norm(end - start)), 1e-6)
    if down[1] < 0:
        down = -down
    upper, lower = list(eye.upper), list(eye.lower)
    gap = (points[lower] - points[upper]) @ down
    step = np.where(gap < SEALED, 0.5 * gap, 0.0)[:, None] * down
    points[upper] += step
    points[lower] -= step


def _eyeball(eye: Eye, rest: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Contour and iris (17, 2) of an eyeball that does not close: the portrait's eye carried along by its corners, or
    the lids themselves where they open wider.
    """
    contour, half = list(eye.contour), len(eye.contour) // 2
    start, end = points[eye.corners[0]], points[eye.corners[1]]
    rest_start, rest_end = rest[0], rest[half]
    turn = complex(*(end - start)) / complex(*(rest_end - rest_start))
    carry = np.array([[turn.real, -turn.imag], [turn.imag, turn.real]])
    carried = (rest[:-1] - rest_start) @ carry.T + start
    across = (end - start) / np.linalg.norm(end - start)
    down = np.array([-across[1], across[0]])
    if down[1] < 0:
        down = -down
    lids = points[contour]
    wider = (lids - carried) @ down
    wider[:half] = np.minimum(wider[:half], 0.0)  # the upper row only opens upwards
    wider[half:] = np.maximum(wider[half:], 0.0)
    rim = carried + wider[:, None] * down
    iris = points[eye.iris]
    middle = rim.mean(axis=0)
    reach = np.array([0.32, 0.25]) * np.linalg.norm(end - start)
    offset = np.array([(iris - middle) @ across, (iris - middle) @ down])
    offset = np.clip(offset, -reach, reach)
    return np.concatenate([rim, [middle + offset[0] * across + offset[1] * down]])
