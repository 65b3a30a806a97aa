"""[marks] signs a video and finds its signature."""

from fractions import Fraction
from pathlib import Path

import numpy as np
from support import nvfair

from nvfair_tools.media import encode

Path("videos").mkdir()
frames = [np.random.default_rng(number).integers(0, 255, (96, 96, 3), dtype=np.uint8) for number in range(20)]
tags = {"synthetic": "true", "digital_source_type": "algorithmicMedia", "generator": "warp-dense", "target": "x:a"}
tags |= {"driver": "x:b", "clip": "c1", "video": "v1", "licence": "CC0-1.0", "permitted_use": "any"}
encode(Path("videos/v1.mp4"), frames, Fraction(25), metadata=tags)
nvfair("mark", "keys", "--new-certificate", "A Lab")
(certificate, key) = (next(Path("keys").glob(f"*{part}*")) for part in ("cert", "key"))
assert "1 video signed" in nvfair("mark", "videos", "--certificate", certificate, "--key", key)
nvfair("mark", "--check", "videos-published")
