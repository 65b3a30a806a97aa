"""Framing: where a video shows the face, and how its camera moves.

Legend: T frames, N points; lengths in units of the outer eye distance of a face that is framed as usual.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvfair_tools.simulate.movement.courses import coloured_noise


@dataclass(frozen=True)
class FramingSpread:
    """How differently videos of a world are framed; zeros are the usual fixed camera.

    scale: standard deviation of the logarithm of the face's size. place: of its place, along each axis. roll: of its
    angle in degrees. drift, zoom, turn: of slow changes within a video of place, logarithm of the size, and angle in
    degrees, with the corner frequency `drift_hz`. shake: of quick changes of place, with the corner frequency
    `shake_hz`.
    """

    scale: float = 0.0
    place: float = 0.0
    roll: float = 0.0
    drift: float = 0.0
    zoom: float = 0.0
    turn: float = 0.0
    drift_hz: float = 0.2
    shake: float = 0.0
    shake_hz: float = 4.0

    def draw_place(self, random: np.random.Generator) -> np.ndarray:
        """Draws how a face is framed: logarithm of its size, angle in degrees, place (x, y); (4,)."""
        # No face leaves the picture: draws beyond two standard deviations are as good as two.
        draws = np.clip(random.standard_normal(4), -2.0, 2.0)
        return draws * np.array([self.scale, self.roll, self.place, self.place])

    def draw_courses(self, random: np.random.Generator, frames: int) -> np.ndarray:
        """Draws how the camera moves in a video: as `draw_place`, for each frame, (T, 4)."""
        slow = coloured_noise(random, frames, hertz=np.full(4, self.drift_hz))
        quick = coloured_noise(random, frames, hertz=np.full(2, self.shake_hz))
        courses = slow * np.array([self.zoom, self.turn, self.drift, self.drift])
        courses[:, 2:] += self.shake * quick
        return courses


def reframe(points: np.ndarray, courses: np.ndarray, centre: tuple[float, float], eye_distance: float) -> np.ndarray:
    """Points (T, N, 2 or 3) in pixels, turned and scaled about `centre` and moved, frame by frame.

    courses: (T, 4), as of `FramingSpread`. A depth is scaled alone.
    """
    scale = np.exp(courses[:, 0])
    angle = np.radians(courses[:, 1])
    cosine, sine = (scale * function(angle) for function in (np.cos, np.sin))
    across, down = points[:, :, 0] - centre[0], points[:, :, 1] - centre[1]
    moved = points * scale[:, None, None]
    moved[:, :, 0] = cosine[:, None] * across - sine[:, None] * down + centre[0] + eye_distance * courses[:, 2, None]
    moved[:, :, 1] = sine[:, None] * across + cosine[:, None] * down + centre[1] + eye_distance * courses[:, 3, None]
    return moved
