"""Real clips for tests on a bare machine: public-domain portraits, panned and zoomed, encoded by ffmpeg."""

from __future__ import annotations

import subprocess
from fractions import Fraction
from functools import lru_cache
from pathlib import Path

import matplotlib.cbook
import numpy as np
import skimage.data
from PIL import Image

from nvfair_tools.media import encode
from nvfair_tools.media.encoding import ffmpeg_binary


@lru_cache(maxsize=1)
def astronaut() -> np.ndarray:
    """Eileen Collins (NASA, public domain), uint8 RGB (512, 512, 3)."""
    return np.ascontiguousarray(skimage.data.astronaut())


@lru_cache(maxsize=1)
def hopper() -> np.ndarray:
    """Grace Hopper (US Navy, public domain), uint8 RGB (600, 512, 3)."""
    with matplotlib.cbook.get_sample_data("grace_hopper.jpg") as file:
        return np.array(Image.open(file).convert("RGB"))


def moving_face(portrait: np.ndarray, frames: int, size: int = 256, zoom: float = 1.0) -> list[np.ndarray]:
    """Frames (size, size, 3) of a camera that pans over `portrait` around its face, which stays in view."""
    pictures = []
    picture = Image.fromarray(portrait)
    for n in range(frames):
        side = (300 + 20 * np.sin(n / 5)) / zoom
        x, y = 225 + 15 * np.sin(n / 7), 150 + 10 * np.cos(n / 6)
        box = (x - side / 2, y - side / 2, x + side / 2, y + side / 2)
        pictures.append(np.array(picture.resize((size, size), Image.Resampling.BICUBIC, box=box_within(box, picture))))
    return pictures


def box_within(box: tuple[float, ...], picture: Image.Image) -> tuple[float, float, float, float]:
    """`box` shifted into the picture."""
    left = min(max(box[0], 0), picture.width - (box[2] - box[0]))
    top = min(max(box[1], 0), picture.height - (box[3] - box[1]))
    return left, top, left + box[2] - box[0], top + box[3] - box[1]


def face_clip(path: Path, frames: int = 30, fps: Fraction = Fraction(25), size: int = 256) -> Path:
    """An mp4 of the moving astronaut."""
    encode(path, moving_face(astronaut(), frames, size), fps)
    return path


def run_ffmpeg(*arguments: str | Path) -> None:
    """Runs ffmpeg itself, to make what our encoder does not make."""
    command = [ffmpeg_binary(), "-y", "-nostdin", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, capture_output=True)
