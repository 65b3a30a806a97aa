"""The inside of a mouth that the portrait does not show: a dark cavity with a hint of teeth, soft at the lips.

Legend: H, W of a region around the mouth; colours are RGB 0..255.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from generators.warp.topology import MOUTH

CORNERS, UPPER, LOWER = list(MOUTH.corners), list(MOUTH.upper), list(MOUTH.lower)
PAINTED_FROM = 0.05  # of the mouth's width: opening beyond the portrait's by this much is all painted
SOFTNESS = 0.8  # pixels of blur of the border between lip and inside


@dataclass(frozen=True)
class Mouth:
    """Colours and sizes of one portrait's mouth. width and gap (how far it is open) are pixels of the portrait."""

    width: float
    gap: float
    cavity: np.ndarray
    teeth: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, mesh: np.ndarray) -> Mouth:
        """Colours are taken from the portrait's own lips and skin, so that the mouth shares its light."""
        points = mesh[:, :2]
        lips = [_colour(image, points[i]) for ring in (MOUTH.upper_rings[0], MOUTH.lower_rings[0]) for i in ring[2:-2]]
        skin = np.median([_colour(image, points[i]) for i in (4, 50, 280, 205, 425, 199, 151)], axis=0)
        lip = np.median(lips, axis=0)
        bright = skin.max()
        teeth = np.clip(0.35 * skin + 0.6 * bright * np.array([1.0, 0.96, 0.9]), 0, 235)
        width = float(np.linalg.norm(points[CORNERS[0]] - points[CORNERS[1]]))
        gap = float(max(np.linalg.norm(points[LOWER] - points[UPPER], axis=1).max(), 0.0))
        return cls(width, gap, 0.22 * lip + np.array([6.0, 0.0, 0.0]), teeth)

    def fill(self, frame: np.ndarray, inside: np.ndarray, points: np.ndarray) -> None:
        """Paints the pixels `inside` (H, W) of `frame` (H, W, 3), in place, for the moved mesh `points` (478, 2)."""
        rims = points[[*CORNERS, *UPPER, *LOWER]]
        gap = np.linalg.norm(points[LOWER] - points[UPPER], axis=1).max()
        strength = (gap - self.gap) / max(PAINTED_FROM * self.width, 0.6 * self.gap)
        if strength <= 0.0:
            return
        left, top = np.maximum(np.floor(rims.min(axis=0)).astype(int) - 3, 0)
        right, bottom = np.minimum(np.ceil(rims.max(axis=0)).astype(int) + 4, inside.shape[::-1])
        if right - left < 2 or bottom - top < 2:
            return
        region = np.s_[top:bottom, left:right]
        mask = inside[region].astype(np.float32)
        if not mask.any():
            return
        soft = cv2.GaussianBlur(mask, (0, 0), SOFTNESS) * np.float32(min(strength, 1.0))
        picture = self._paint(np.mgrid[region].astype(np.float64)[::-1], points)
        frame[region] += soft[..., None] * (picture - frame[region])

    def _paint(self, xy: np.ndarray, points: np.ndarray) -> np.ndarray:
        start, end = points[CORNERS]
        span = max(float(np.linalg.norm(end - start)), 1e-3)
        across = (end - start) / span
        down = np.array([-across[1], across[0]])
        along = (xy[0] - start[0]) * across[0] + (xy[1] - start[1]) * across[1]
        below = (xy[0] - start[0]) * down[0] + (xy[1] - start[1]) * down[1]
        unit = self.width
        from_upper = (below - _rim(points, UPPER, start, across, down, along, span)) / unit
        from_lower = (_rim(points, LOWER, start, across, down, along, span) - below) / unit
        side = np.abs(2.0 * along / span - 1.0)
        # The upper teeth hang from the skull just behind the lip, the lower ones stand deeper in the dark.
        upper = np.exp(-((np.maximum(from_upper, 0.0) / 0.13) ** 4)) * np.clip(1.25 - side**2 * 1.4, 0.0, 1.0)
        lower = np.exp(-((np.maximum(from_lower, 0.0) / 0.07) ** 4)) * np.clip(1.1 - side**2 * 1.6, 0.0, 1.0)
        shade = 0.55 + 0.45 * np.clip(from_upper / 0.08, 0.0, 1.0)
        teeth = np.maximum(0.72 * upper * shade, 0.3 * lower)[..., None]
        depth = 0.6 + 0.4 * side**2
        return (self.cavity * depth[..., None] * (1.0 - teeth) + self.teeth * teeth).astype(np.float32)


def _rim(
    points: np.ndarray,
    row: list[int],
    start: np.ndarray,
    across: np.ndarray,
    down: np.ndarray,
    along: np.ndarray,
    span: float,
) -> np.ndarray:
    at, height = (points[row] - start) @ across, (points[row] - start) @ down
    order = np.argsort(at, kind="stable")
    return np.interp(along, np.r_[0.0, at[order], span], np.r_[0.0, height[order], 0.0])


def _colour(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    x, y = np.clip(np.rint(point).astype(int), 1, np.array(image.shape[1::-1]) - 2)
    return image[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(axis=0)
