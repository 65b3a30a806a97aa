"""[media] writes a video and reads it back."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from support import nvfair

from nvfair_tools.media import encode

frames = [np.full((64, 64, 3), 10 * number, dtype=np.uint8) for number in range(20)]
encode(Path("clip.mp4"), frames, Fraction(25))
assert "20" in nvfair("probe", "clip.mp4")
