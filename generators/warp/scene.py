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
    """

    size: int
    rest: np.ndarray
    triangles: np.ndarray
    mouth: range
    skin_start: int

    @classmethod
    def of(cls, mesh: np.ndarray, net: Backdrop, size: int) -> Scene:
        rest = [mesh[:, :2], net.points]
        layers = [net.triangles]
        first = MESH_POINTS + len(net.points)
        for eye in EYES:
            rest += [mesh[list(eye.contour), :2], mesh[[eye.iris], :2]]
            rim = first + np.arange(len(eye.contour))
            layers.append(np.stack([rim, np.roll(rim, -1), np.full(len(rim), first + len(rim))], axis=1))
            first += len(rim) + 1
        start = sum(map(len, layers))
        layers.append(MOUTH.strip())
        skin_start = start + len(layers[-1])
        triangles = np.concatenate([*layers, skin_triangles()])
        return cls(size, np.concatenate(rest).astype(np.float64), triangles, range(start, skin_start), skin_start)

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

    def paint(self, vertices: np.ndarray, depth: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where each pixel comes from: map_x, map_y float32 (H, W) into the portrait, and the triangle seen (H, W).

        vertices: (V, 2) pixels. depth: (478,) of the mesh, smaller is nearer.
        """
        corners = vertices[self.triangles]
        edges = corners[:, 1:] - corners[:, :1]
        area = edges[:, 0, 0] * edges[:, 1, 1] - edges[:, 0, 1] * edges[:, 1, 0]
        third = corners[:, 2] - corners[:, 1]
        longest = np.sqrt(np.maximum((edges**2).sum(axis=2).max(axis=1), (third**2).sum(axis=1)))
        visible = np.abs(area) > THINNEST * longest
        skin = self.skin_start + np.argsort(-depth[self.triangles[self.skin_start :]].sum(axis=1), kind="stable")
        order = np.concatenate([np.arange(self.skin_start), skin])
        order = order[visible[order]]

        seen = np.full((self.size, self.size), len(self.triangles), np.int32)
        fixed = np.rint(np.clip(corners, -4096, 4096) * (1 << SUBPIXEL_BITS)).astype(np.int32)
        fill = cv2.fillConvexPoly
        for number, polygon in zip(order.tolist(), fixed[order], strict=True):
            fill(seen, polygon, number, cv2.LINE_8, SUBPIXEL_BITS)

        affine = np.empty((6, len(self.triangles) + 1), np.float32)
        affine[:, -1] = (1, 0, 0, 0, 1, 0)  # a pixel that nothing covers keeps the portrait's
        rest = self.rest[self.triangles]
        texture = rest[:, 1:] - rest[:, :1]
        inverse = 1.0 / np.where(visible, area, 1.0)
        for axis in (0, 1):
            along_x = (texture[:, 0, axis] * edges[:, 1, 1] - texture[:, 1, axis] * edges[:, 0, 1]) * inverse
            along_y = (texture[:, 1, axis] * edges[:, 0, 0] - texture[:, 0, axis] * edges[:, 1, 0]) * inverse
            affine[3 * axis, :-1], affine[3 * axis + 1, :-1] = along_x, along_y
            affine[3 * axis + 2, :-1] = rest[:, 0, axis] - along_x * corners[:, 0, 0] - along_y * corners[:, 0, 1]
        limits = np.empty((4, len(self.triangles) + 1), np.float32)
        limits[:, -1] = (0, self.size, 0, self.size)
        limits[0::2, :-1], limits[1::2, :-1] = rest.min(axis=1).T - EDGE, rest.max(axis=1).T + EDGE
        y, x = np.ogrid[: self.size, : self.size]
        x, y = x.astype(np.float32), y.astype(np.float32)
        a = [np.take(row, seen) for row in affine]
        # An edge also paints pixels whose centre lies just outside; there a thin triangle would look far astray.
        left, right, top, bottom = (np.take(row, seen) for row in limits)
        map_x = np.clip(a[0] * x + a[1] * y + a[2], left, right)
        return map_x, np.clip(a[3] * x + a[4] * y + a[5], top, bottom), seen


def soften_edges(frame: np.ndarray, map_x: np.ndarray, map_y: np.ndarray) -> None:
    """Smooths `frame` (H, W, 3), in place, along the stairs where the map (H, W) leaps between surfaces."""
    torn = np.zeros(map_x.shape, bool)
    for plane in (map_x, map_y):
        across, down = np.abs(plane[:, 1:] - plane[:, :-1]) > TORN, np.abs(plane[1:] - plane[:-1]) > TORN
        torn[:, 1:] |= across
        torn[:, :-1] |= across
        torn[1:] |= down
        torn[:-1] |= down
    rows, columns = np.nonzero(torn)
    if len(rows):
        frame[rows, columns] = cv2.blur(frame, (3, 3))[rows, columns]


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
