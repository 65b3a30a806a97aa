"""Writing on pictures of people: a mark that they are synthetic, and captions, in pixels and metadata.

Legend: H, W image height and width; pictures are Pillow's, images uint8 RGB (H, W, 3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from PIL import Image

_RED = (154, 26, 26)


def resized_picture(image: np.ndarray, side: int) -> Image.Image:
    """The picture with its longer side brought to `side` pixels and its aspect kept."""
    from PIL import Image

    picture = Image.fromarray(image)
    factor = side / max(picture.size)
    size = [max(2, round(length * factor)) for length in picture.size]
    return picture.resize((size[0], size[1]), Image.Resampling.LANCZOS)


def mark_picture(picture: Image.Image, mark: str, colour: tuple[int, int, int] = _RED) -> Image.Image:
    """Writes `mark` on a patch of `colour` in the picture's lower left corner; returns the same picture."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    left, top, right, bottom = draw.textbbox((0, 0), mark)
    width, height = right - left + 8, bottom - top + 6
    draw.rectangle((0, picture.height - height, width, picture.height), fill=colour)
    draw.text((4 - left, picture.height - height + 3 - top), mark, fill="white")
    return picture


def described(text: str) -> Image.Exif:
    """EXIF metadata whose image description is `text`."""
    from PIL import Image

    exif = Image.Exif()
    exif[0x010E] = text  # ImageDescription
    return exif
