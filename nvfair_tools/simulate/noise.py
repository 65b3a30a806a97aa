"""Tracking noise: the difference between the landmarks that a landmarker finds in a rendered video and the drawn ones.

The noise is not white: neighbouring points deviate together, and a deviation lasts a few frames. The model is a sum of
spatial modes, each an autoregressive process of first order in time, and independent noise of each point.

Legend: T frames, R modes, N points; lengths in units of the outer eye distance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path

import numpy as np

# The tracking noise of real footage, as a factor of that of renderings of 256 pixels. Measured by the third differences
# of points that no expression moves: 0.0013 to 0.0031 eye distances in four collections of real clips, 0.0032 in our
# renderings.
CAMERA_NOISE = 0.6
NOISE_FILE = Path(__file__).with_name("tracking_noise.npz")


@dataclass(frozen=True)
class TrackingNoise:
    """The parameters of the tracking noise of N points.

    modes: (R, N, 2), each scaled by its standard deviation. memory: correlation of a mode with itself one
    frame later. white: (N,) standard deviation of each point's independent noise along each axis.
    unevenness: standard deviation, over videos, of the logarithm of the noise's size.
    """

    modes: np.ndarray
    memory: float
    white: np.ndarray
    unevenness: float = 0.0

    def draw(self, random: np.random.Generator, frames: int, size: float = 1.0) -> np.ndarray:
        """Draws noise (T, N, 2), multiplied by `size` (the eye distance in pixels gives pixels)."""
        course, white, factor = self.components(random, frames)
        noise = self.shared_noise(course)
        noise += white
        noise *= size * factor
        return noise

    def components(self, random: np.random.Generator, frames: int) -> tuple[np.ndarray, np.ndarray, float]:
        """Draws the components of the noise of one video.

        They are the course of each mode (T, R), each point's independent noise (T, N, 2), and the video's factor.
        """
        modes = len(self.modes)
        course = _memory_kernel(frames, self.memory) @ _normals(random, frames, modes)
        white = _normals(random, frames, len(self.white), 2) * self.white[:, None]
        return course, white, float(np.exp(self.unevenness * random.standard_normal()))

    def shared_noise(self, course: np.ndarray) -> np.ndarray:
        """The noise (T, N, 2) that neighbouring points share, from the course of each mode (T, R)."""
        modes, points, _ = self.modes.shape
        return (course @ self.modes.reshape(modes, -1)).reshape(len(course), points, 2)


def tracking_noise(points: Sequence[int] | None = None) -> TrackingNoise:
    """The measured noise of the mesh points `points` (None: all 478)."""
    modes, memory, white, unevenness = _measured_parameters()
    selection = slice(None) if points is None else np.asarray(points)
    return TrackingNoise(
        np.ascontiguousarray(modes[:, selection]), memory, np.ascontiguousarray(white[selection]), unevenness
    )


@cache
def _measured_parameters() -> tuple[np.ndarray, float, np.ndarray, float]:
    with np.load(NOISE_FILE) as stored:
        return (
            stored["modes"].astype(np.float64),
            float(stored["memory"]),
            stored["white"].astype(np.float64),
            float(stored["unevenness"]),
        )


@lru_cache(maxsize=256)
def _memory_kernel(frames: int, memory: float) -> np.ndarray:
    """The matrix (T, T) that turns independent unit normals into a first-order process of unit variance."""
    lag = np.subtract.outer(np.arange(frames), np.arange(frames))
    kernel = np.where(lag >= 0, memory ** np.maximum(lag, 0), 0.0) * np.sqrt(1.0 - memory**2)
    kernel[:, 0] /= np.sqrt(1.0 - memory**2)
    return kernel


def _normals(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Unit normals, drawn in float32 (half the time) and used in float64."""
    return random.standard_normal(shape, dtype=np.float32).astype(np.float64)
