"""Real videos of one face in motion: a public-domain portrait, whose mouth and head move."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

from nvfair_tools.media import encode
from tests.nvfair_tools.clips import astronaut, hopper, moving_face

RATE = Fraction(30)


def clip(path: Path, *, frames: int = 72, person: str = "astronaut", start: int = 0) -> Path:
    """A clip of a camera that pans over a face; start: the frame of the movement at which it begins."""
    portrait = astronaut() if person == "astronaut" else hopper()
    encode(path, moving_face(portrait, start + frames, 192)[start:], RATE)
    return path
