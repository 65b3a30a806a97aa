"""One video that an external tool is to make: two files in, one file out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FileJob:
    """A portrait, the clip that drives it, and the video to write. frames: of the clip; 0 where it is not known."""

    portrait: Path
    clip: Path
    out: Path
    frames: int = 0
