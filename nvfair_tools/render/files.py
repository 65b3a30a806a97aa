"""Rendering with generators that work on files: they read a framed portrait and a framed clip, and write a video.

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
    """Runs `generator.render_file`; yields its uint8 RGB frames (H, W, 3) with even sides, one for each driving frame.

    Raises GeneratorError where it writes more or fewer frames than the clip has: a shorter video is no reenactment.
    """
    from PIL import Image

    from nvfair_tools.media import decode, encode

    with tempfile.TemporaryDirectory(prefix="nvfair-") as folder:
        picture, clip, output = (Path(folder) / name for name in ("portrait.png", "clip.mp4", "made.mp4"))
        Image.fromarray(portrait.image).save(picture)
        frames = encode(clip, (face.image for face in driving.framed(generator.framing, pixels=True)), fps).frames
        generator.render_file(picture, clip, output)
        count = 0
        for frame in decode(output):
            height, width = frame.image.shape[0] // 2 * 2, frame.image.shape[1] // 2 * 2
            yield frame.image[:height, :width]
            count += 1
        if count != frames:
            raise GeneratorError(f"{generator.name} wrote {count} frames for a clip of {frames}: it must keep them all")
