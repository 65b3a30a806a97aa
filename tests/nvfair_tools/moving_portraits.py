"""Small real videos for tests: public-domain portraits from wheels, panned and zoomed a little."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import numpy as np
from PIL import Image

from nvfair_tools.media import encode

SIDE = 160
# Square around each face: left, top, side.
_SQUARES = {"astronaut": (95, 0, 280), "hopper": (60, 40, 400)}


def portrait(person: str) -> Image.Image:
    """A square picture of "astronaut" or "hopper"."""
    if person == "astronaut":
        from skimage.data import astronaut

        image = Image.fromarray(astronaut())
    else:
        from matplotlib.cbook import get_sample_data

        with get_sample_data("grace_hopper.jpg") as file:
            image = Image.open(file).convert("RGB")
    left, top, side = _SQUARES[person]
    return image.crop((left, top, left + side, top + side))


def write_clip(path: Path, person: str, phase: int, frames: int = 10, fps: Fraction = Fraction(25)) -> Path:
    """A clip of a face that sways and comes nearer; `phase` tells a person's clips apart."""
    image = portrait(person)
    encode(path, _frames(image, phase, frames), fps)
    return path


def _frames(image: Image.Image, phase: int, frames: int):
    side = image.width
    for t in range(frames):
        angle = 0.5 * t + 1.7 * phase
        reach = side * (0.90 + 0.04 * np.cos(0.3 * t + phase))
        x = (side - reach) / 2 + 0.03 * side * np.sin(angle)
        y = (side - reach) / 2 + 0.02 * side * np.cos(angle)
        yield np.asarray(image.resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=clamped(x, y, reach, side)))


def clamped(x: float, y: float, reach: float, side: int) -> tuple[float, float, float, float]:
    """A box within the picture."""
    x, y = (float(np.clip(value, 0, side - reach)) for value in (x, y))
    return x, y, x + reach, y + reach


def write_noise(path: Path, frames: int = 10) -> Path:
    """A clip without a face."""
    random = np.random.default_rng(0)
    encode(path, (random.integers(0, 255, (SIDE, SIDE, 3), dtype=np.uint8) for _ in range(frames)), Fraction(25))
    return path
