"""The inside of a mouth that the portrait does not show: a dark cavity with a hint of teeth, soft at the lips.

Legend: H, W of a region around the mouth; colours are RGB 0..255.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, partial

import cv2
import numpy as np

from generators.warp.topology import MOUTH

CORNERS, UPPER, LOWER = list(MOUTH.corners), list(MOUTH.upper), list(MOUTH.lower)
PAINTED_FROM = 0.05  # of the mouth's width: opening beyond the portrait's by this much is all painted
SOFTNESS = 0.8  # pixels of blur of the border between lip and inside


@dataclass(frozen=True)
class Mouth:
    """One portrait's mouth: picture (H, W, 3) and mesh (478, 2) where its inside is seen, colours, and sizes in pixels.

    width: from corner to corner. gap: how far it is open.
    """

    image: np.ndarray
    rest: np.ndarray
    width: float
    gap: float
    cavity: np.ndarray
    teeth: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, mesh: np.ndarray) -> Mouth:
        """Colours are taken from the portrait's own lips and skin, so that the mouth shares its light."""
        points = mesh[:, :2]
        lips = [
            colour_at(image, points[i]) for ring in (MOUTH.upper_rings[0], MOUTH.lower_rings[0]) for i in ring[2:-2]
        ]
        skin = np.median([colour_at(image, points[i]) for i in (4, 50, 280, 205, 425, 199, 151)], axis=0)
        lip = np.median(lips, axis=0)
        bright = skin.max()
        teeth = np.clip(0.4 * skin + 0.6 * bright * np.array([1.0, 0.95, 0.86]), 0, 235)
        width = float(np.linalg.norm(points[CORNERS[0]] - points[CORNERS[1]]))
        gap = float(max(np.linalg.norm(points[LOWER] - points[UPPER], axis=1).max(), 0.0))
        return cls(image, points, width, gap, 0.22 * lip + np.array([6.0, 0.0, 0.0]), teeth)

    def fill(self, frame: np.ndarray, inside: np.ndarray, points: np.ndarray, mesh: np.ndarray) -> None:
        """Paints the pixels `inside` (H, W) of `frame` (H, W, 3), in place, for the moved mesh `points` (478, 2).

        mesh: (478, 3) as the driver moves it; only a mouth with teeth in space needs it.
        """
        gap = np.linalg.norm(points[LOWER] - points[UPPER], axis=1).max()
        strength = (gap - self.gap) / max(PAINTED_FROM * self.width, 0.6 * self.gap)
        blend_mouth(frame, inside, points, strength, partial(self._paint, points=points))

    @cached_property
    def _rest_frame(self) -> MouthFrame:
        return MouthFrame.of(self.rest)

    def _paint(self, xy: np.ndarray, points: np.ndarray) -> np.ndarray:
        """The inside (H, W, 3) at pixels `xy` (2, H, W): teeth that the portrait shows hang from the upper lip."""
        lips = MouthFrame.of(points)
        along, below = lips.coordinates(xy)
        share = along / lips.span
        from_upper, from_lower = below - lips.upper(share), lips.lower(share) - below
        painted = self._cavity(share, from_upper / self.width, from_lower / self.width)
        return self._with_own_inside(painted, self._rest_frame, share, from_upper)

    def _with_own_inside(
        self, painted: np.ndarray, rest: MouthFrame, share: np.ndarray, from_upper: np.ndarray
    ) -> np.ndarray:
        """What the portrait shows of its mouth, over `painted` (H, W, 3), as far below the upper lip as it was."""
        portrait_gap = rest.lower(share) - rest.upper(share)
        map_x, map_y = rest.pixels(share * rest.span, rest.upper(share) + from_upper)
        inside = cv2.remap(self.image, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        keep = np.clip((0.9 * portrait_gap - from_upper) / 2.0, 0.0, 1.0) * np.clip(
            self.gap / (0.06 * self.width) - 0.5, 0.0, 1.0
        )
        return (painted + keep[..., None] * (inside - painted)).astype(np.float32)

    def _cavity(self, share: np.ndarray, from_upper: np.ndarray, from_lower: np.ndarray) -> np.ndarray:
        """A dark mouth (H, W, 3), lengths in mouth widths: upper teeth just behind the lip, lower ones deep inside."""
        side = np.abs(2.0 * share - 1.0)
        opened = np.clip((from_upper + from_lower) / 0.16, 0.25, 1.0)
        upper = np.exp(-((np.maximum(from_upper, 0.0) / 0.10) ** 4)) * np.clip(1.3 - 1.5 * side**2, 0.0, 1.0) * opened
        lower = np.exp(-((np.maximum(from_lower, 0.0) / 0.06) ** 4)) * np.clip(1.1 - 1.6 * side**2, 0.0, 1.0) * opened
        shade = 0.75 + 0.25 * np.clip(from_upper / 0.05, 0.0, 1.0)
        teeth = np.maximum(0.85 * upper * shade, 0.25 * lower)[..., None]
        depth = (0.65 + 0.35 * side**2)[..., None]
        return self.cavity * depth * (1.0 - teeth) + self.teeth * teeth


def blend_mouth(
    frame: np.ndarray,
    inside: np.ndarray,
    points: np.ndarray,
    strength: float,
    paint: Callable[[np.ndarray], np.ndarray],
) -> None:
    """Blends a painted mouth into `frame` with the opacity `strength`, 1 at most.

    paint: gives the mouth's picture (H, W, 3) at pixels (2, H, W).
    """
    if strength <= 0.0:
        return
    rims = points[[*CORNERS, *UPPER, *LOWER]]
    left, top = np.maximum(np.floor(rims.min(axis=0)).astype(int) - 3, 0)
    right, bottom = np.minimum(np.ceil(rims.max(axis=0)).astype(int) + 4, inside.shape[::-1])
    if right - left < 2 or bottom - top < 2:
        return
    region = np.s_[top:bottom, left:right]
    mask = inside[region].astype(np.float32)
    if not mask.any():
        return
    soft = cv2.GaussianBlur(mask, (0, 0), SOFTNESS) * np.float32(min(strength, 1.0))
    picture = paint(np.mgrid[region].astype(np.float64)[::-1])
    frame[region] += soft[..., None] * (picture - frame[region])


@dataclass(frozen=True)
class MouthFrame:
    """A mouth's own coordinates: along the line of its corners and below it; rims are heights over the share along."""

    start: np.ndarray
    across: np.ndarray
    span: float
    rims: tuple[tuple[np.ndarray, np.ndarray], ...]

    @classmethod
    def of(cls, points: np.ndarray) -> MouthFrame:
        start, end = points[CORNERS]
        span = max(float(np.linalg.norm(end - start)), 1e-3)
        bare = cls(start, (end - start) / span, span, ())
        rims = []
        for row in (UPPER, LOWER):
            at, height = bare.coordinates(points[row].T)
            order = np.argsort(at, kind="stable")
            rims.append((np.r_[0.0, at[order] / span, 1.0], np.r_[0.0, height[order], 0.0]))
        return cls(start, bare.across, span, tuple(rims))

    def coordinates(self, xy: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Pixels `xy` (2, ...) as lengths along the line of the corners, and below it."""
        (ax, ay), dx, dy = self.across, xy[0] - self.start[0], xy[1] - self.start[1]
        return dx * ax + dy * ay, dy * ax - dx * ay

    def along(self, points: np.ndarray) -> float:
        """Where the mean of points (n, 2) or a point (2,) is along the line of the corners, in pixels."""
        return float(self.coordinates(np.atleast_2d(points).mean(axis=0))[0])

    def below(self, points: np.ndarray) -> float:
        """How far the mean of points (n, 2) is below the line of the corners, in pixels."""
        return float(self.coordinates(np.atleast_2d(points).mean(axis=0))[1])

    def pixels(self, along: np.ndarray, below: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The pixels x and y, float32, of lengths along the line of the corners and below it."""
        ax, ay = self.across
        x, y = self.start[0] + along * ax - below * ay, self.start[1] + along * ay + below * ax
        return x.astype(np.float32), y.astype(np.float32)

    def upper(self, share: np.ndarray) -> np.ndarray:
        """How far below the line of the corners the upper lip's rim is, in pixels."""
        return np.interp(share, *self.rims[0])

    def lower(self, share: np.ndarray) -> np.ndarray:
        """How far below the line of the corners the lower lip's rim is, in pixels."""
        return np.interp(share, *self.rims[1])


def colour_at(image: np.ndarray, point: np.ndarray) -> np.ndarray:
    """Mean colour (3,) of the 3 x 3 pixels around a point (2,)."""
    x, y = np.clip(np.rint(point).astype(int), 1, np.array(image.shape[1::-1]) - 2)
    return image[y - 1 : y + 2, x - 1 : x + 2].reshape(-1, 3).mean(axis=0)
