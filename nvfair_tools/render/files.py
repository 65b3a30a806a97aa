"""Generators that run files: they are given a framed portrait and a framed clip, and what they write is read back.

Legend: H, W image height and width.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from generators.errors import GeneratorError
from generators.face import Face
from nvfair_tools.render.faces import ClipFaces


def render_files(generator: Any, driving: ClipFaces, portrait: Face, fps: Fraction) -> Iterator[np.ndarray]:
    """uint8 RGB frames (H, W, 3) with even sides, one for each driving frame, of `generator.render_file`.

    Raises GeneratorError where it writes more or fewer frames than the clip has: a shorter one is no reenactment of it.
    """
    from PIL import Image

    from nvfair_tools.media import decode, encode

    with tempfile.TemporaryDirectory(prefix="nvfair-") as folder:
        picture, clip, made = (Path(folder) / name for name in ("portrait.png", "clip.mp4", "made.mp4"))
        Image.fromarray(portrait.image).save(picture)
        frames = encode(clip, (face.image for face in driving.framed(generator.framing, pixels=True)), fps).frames
        generator.render_file(picture, clip, made)
        count = 0
        for frame in decode(made):
            height, width = frame.image.shape[0] // 2 * 2, frame.image.shape[1] // 2 * 2
            yield frame.image[:height, :width]
            count += 1
        if count != frames:
            raise GeneratorError(f"{generator.name} wrote {count} frames for a clip of {frames}: it must keep them all")
