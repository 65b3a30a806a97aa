"""[render] reads a checkpoint of the published layout and renders with it."""

import os
from pathlib import Path

import numpy as np
import torch
from support import nvfair

import generators
from generators.tps.layout import LAYOUT

os.environ["NVFAIR_WEIGHTS"] = str(Path("weights").resolve())
torch.manual_seed(0)
modules = {name: build() for name, build in LAYOUT.required.items()}
torch.save({name: module.state_dict() for name, module in modules.items()}, "vox.pth.tar")
assert "tps" in nvfair("weights", "add", "vox.pth.tar")
pictures = [np.random.default_rng(seed).integers(0, 255, (256, 256, 3), dtype=np.uint8) for seed in range(3)]
generator = generators.create("tps", weights="tps-vox", device="cpu")
source = generator.encode_source(generators.Face(pictures[0]))
motion = generator.encode_motion([generators.Face(picture) for picture in pictures[1:]])
(first, second) = generator.render(source, motion, generators.MotionMode())
assert first.shape == (256, 256, 3)
