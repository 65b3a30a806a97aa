"""The inside of a mouth, drawn: teeth that stand still in the skull while lips move over them, tongue, gums and depth.

A portrait with closed lips says nothing of what is behind them. Upper teeth move with the skull and lower ones with the
chin, so that a smile shows teeth because the lip rises, and a dropped jaw a dark mouth with a tongue.
Sizes are those of an adult's mouth of 50 mm (crowns 9 mm high, incisors 8.5 and 6.5 mm wide); colours and light are
the portrait's own.

Legend: H, W of a region around the mouth; colours are RGB 0..255; lengths are pixels where no other unit is named.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

import numpy as np

from generators.warp.mouth import LOWER, UPPER, Mouth, MouthFrame, blend_mouth
from generators.warp.pose import face_axes, relative_pose, stable_centre

# Lengths in widths of the mouth at rest.
SHOWN_AT_REST = 0.035  # the upper teeth's edge below the upper lip's rim when the mouth is at rest
CROWN = 0.19  # height of an upper tooth; gum above it
LOWER_CROWN = 0.09
OVERBITE = 0.10  # the upper teeth hide as much of the lower ones; the skin of the chin gives as much without the jaw
ARCH_RISE = 0.5  # how far the row of teeth curves up towards the corners: height at u is ARCH_RISE * u ** 2 * 0.5
BETWEEN_TEETH = np.array([0.0, 0.165, 0.29, 0.4, 0.48])  # from the middle, on either side
ROW_END = 0.58  # the teeth are out of sight beyond this, in the corners' shadow
TONGUE_FROM = 0.13  # opening from which the tongue is seen
FULLY_LIT = 0.12  # opening from which the face's light reaches the teeth

LEAST_SHOWN = (0.55, 0.11)  # of the opening, and at most, that upper teeth fill: landmarks of a raised lip are cautious
_CHIN = [152, 148, 377]
_OPAQUE = 1.5  # pixels of opening from which a mouth that was closed is all drawn


@dataclass(frozen=True)
class Teeth:
    """Where the teeth's edges are in a frame: pixels (2,) of the middle of each row.

    unit: pixels of a width of the mouth at rest. tilt: how much the head's pitch shortens heights.
    """

    upper: np.ndarray
    lower: np.ndarray
    unit: float
    tilt: float


@dataclass(frozen=True)
class DrawnMouth(Mouth):
    """One portrait's mouth (see `Mouth`) with the places of its teeth.

    lip: colour of the lips. mesh: the portrait's (478, 3). edge: the upper teeth's edge in its space (3,). down: the
    face's own direction (3,).
    """

    lip: np.ndarray
    mesh: np.ndarray
    edge: np.ndarray
    down: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray, mesh: np.ndarray) -> DrawnMouth:
        """Measures the portrait `image` (H, W, 3) with its `mesh` (478, 3)."""
        plain = Mouth.of(image, mesh)
        down = face_axes(mesh)[:, 1]
        return cls(
            plain.image,
            plain.rest,
            plain.width,
            plain.gap,
            plain.cavity,
            plain.teeth,
            lip=(plain.cavity - np.array([6.0, 0.0, 0.0])) / 0.22,
            mesh=mesh,
            edge=mesh[UPPER[3:6]].mean(axis=0) + SHOWN_AT_REST * plain.width * down,
            down=down,
        )

    def fill(self, frame: np.ndarray, inside: np.ndarray, points: np.ndarray, mesh: np.ndarray) -> None:
        """Paints the pixels `inside` (H, W) of `frame` (H, W, 3), in place.

        points: the moved mesh as it is drawn (478, 2). mesh: as the driver moves it (478, 3), which places the skull.
        """
        gap = float(np.linalg.norm(points[LOWER] - points[UPPER], axis=1).max())
        strength = abs(gap - self.gap) / max(0.3 * self.gap, _OPAQUE)
        if strength > 0.0:
            paint = partial(self._draw, points=points, teeth=self.teeth_of(mesh))
            blend_mouth(frame, inside, points, strength, paint)

    def teeth_of(self, mesh: np.ndarray) -> Teeth:
        """Where the teeth are for a moved mesh (478, 3): upper ones follow the head, lower ones the chin as well."""
        pose = relative_pose(mesh[None], self.mesh)
        scale, rotation, centre = pose.scale[0], pose.rotation[0], stable_centre(self.mesh)
        chin = (mesh[_CHIN].mean(axis=0) - pose.centre[0]) @ rotation / scale + centre
        drop = max(float((chin - self.mesh[_CHIN].mean(axis=0)) @ self.down), 0.0)
        edges = np.stack([self.edge, self.edge + (drop - OVERBITE * self.width) * self.down])
        posed = scale * (edges - centre) @ rotation.T + pose.centre[0]
        tilt = _in_picture(rotation @ self.down) / max(_in_picture(self.down), 1e-6)
        return Teeth(posed[0, :2], posed[1, :2], float(scale) * self.width, tilt)

    def _draw(self, xy: np.ndarray, points: np.ndarray, teeth: Teeth) -> np.ndarray:
        """The inside (H, W, 3) at pixels `xy` (2, H, W): what the portrait shows of it stays below the upper lip."""
        lips = MouthFrame.of(points)
        along, below = lips.coordinates(xy)
        share = along / lips.span
        painted = self._inside(lips, teeth, along, below, share)
        return self._with_own_inside(painted, self._rest_frame, share, below - lips.upper(share))

    def _inside(
        self, lips: MouthFrame, teeth: Teeth, along: np.ndarray, below: np.ndarray, share: np.ndarray
    ) -> np.ndarray:
        """Cavity, tongue and teeth (H, W, 3), one over the other."""
        u = (along - lips.along(teeth.upper)) / teeth.unit
        unit = teeth.unit * teeth.tilt
        top, bottom = lips.upper(share), lips.lower(share)
        opening = np.maximum(bottom - top, 0.0)
        rise = 0.5 * ARCH_RISE * u**2 * unit
        side = np.clip(np.abs(2.0 * share - 1.0), 0.0, 1.0)
        least = np.minimum(LEAST_SHOWN[0] * opening, LEAST_SHOWN[1] * unit) * (1.0 - side**2)
        upper_edge = np.maximum(lips.below(teeth.upper) - rise, top + least)
        lower_edge = np.maximum(lips.below(teeth.lower) + 0.4 * rise, bottom - LOWER_CROWN * unit * (1.0 - side**2))

        # The cavity is darkest in the middle, behind the teeth.
        picture = self.cavity * (0.8 + 0.5 * side**2)[..., None]
        # The tongue lies on the floor of the mouth; its far end is in the dark.
        deep = np.clip((bottom - below) / np.maximum(bottom - top, 1.0), 0.0, 1.0)
        tongue = np.clip((0.62 - 0.6 * (u / 0.42) ** 2 - deep) / 0.25, 0.0, 1.0)
        tongue = tongue * np.clip((opening.max(initial=0.0) / unit - TONGUE_FROM) / 0.15, 0.0, 1.0)
        groove = 1.0 - 0.12 * np.exp(-((u / 0.025) ** 2))
        light = (0.68 - 0.42 * deep) * groove
        picture = _over(picture, tongue, (self.lip * np.array([1.0, 0.86, 0.88])) * light[..., None])
        # Lower teeth, then upper ones: lit as the face is, darker towards the corners and just behind a lip.
        # Little light falls between lips that hardly part.
        lit = 0.45 + 0.55 * min(float(opening.max(initial=0.0)) / (FULLY_LIT * unit), 1.0)
        row = np.clip((ROW_END - np.abs(u)) / 0.22, 0.0, 1.0) * np.clip((1.0 - side) / 0.2, 0.0, 1.0)
        gaps = np.exp(-(((np.abs(u)[..., None] - BETWEEN_TEETH) / 0.014) ** 2)).sum(axis=-1)
        enamel = lit * self.teeth * ((1.0 - 1.5 * np.minimum(u**2, 0.36)) * (1.0 - 0.16 * gaps))[..., None]
        lower = _ramp(below - lower_edge) * row
        picture = _over(picture, 0.9 * lower, 0.62 * enamel)
        upper = _ramp(upper_edge - below) * row
        shade = 0.72 + 0.28 * np.clip((below - top) / (0.06 * unit), 0.0, 1.0)
        picture = _over(picture, upper, enamel * shade[..., None])
        gum = _ramp(upper_edge - CROWN * unit - below) * row
        return _over(picture, gum, self.lip * np.array([0.95, 0.8, 0.82]))


def _in_picture(direction: np.ndarray) -> float:
    """The length of a direction (3,) as the picture shows it."""
    return float(np.hypot(direction[0], direction[1]))


def _ramp(pixels: np.ndarray) -> np.ndarray:
    """Coverage 0 to 1 of pixels whose centre is `pixels` inside an edge."""
    return np.clip(pixels + 0.5, 0.0, 1.0)


def _over(picture: np.ndarray, coverage: np.ndarray, colour: np.ndarray) -> np.ndarray:
    return picture + coverage[..., None] * (colour - picture)
