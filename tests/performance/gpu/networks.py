"""The generators with weights of seeded noise, and pictures for them: all the work, none of the skill."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators import Face
from generators.checkpoint import Checkpoint
from generators.face_vid2vid.generator import FaceVid2Vid
from generators.lia.generator import Lia
from generators.tps.generator import Tps
from generators.weights import Weights
from tests.generators.face_vid2vid.networks import SMALL, small_checkpoint
from tests.generators.lia.networks import NARROW, seeded
from tests.generators.noise import noise_checkpoint

NAMES = ("lia", "tps", "face-vid2vid")
WEIGHTS = Weights(Path("noise"), "", "none")
CLASSES: dict[str, Callable[..., Any]] = {"lia": Lia, "tps": Tps, "face-vid2vid": FaceVid2Vid}


class Networks:
    """Makes one generator in several precisions from one checkpoint.

    narrow: small networks of the published structure, where there are such (TPS has one size).
    """

    def __init__(self, name: str, narrow: bool) -> None:
        self.name = name
        self.options: dict[str, Any] = {}
        if narrow and name == "lia":
            self.checkpoint: Checkpoint = {"gen": dict(seeded(NARROW).state_dict())}
            self.options = {"shape": NARROW}
        elif narrow and name == "face-vid2vid":
            self.checkpoint = small_checkpoint()
            self.options = {"sizes": SMALL}
        else:
            self.checkpoint = noise_checkpoint(name)

    def create(self, device: str, dtype: torch.dtype, batch: int | None = None) -> Any:
        """The generator on a device; dtype: of its convolutions; batch: frames a call."""
        make = CLASSES[self.name]
        return make(self.checkpoint, WEIGHTS, device=torch.device(device), dtype=dtype, batch=batch, **self.options)


def faces(count: int, size: int, seed: int) -> list[Face]:
    """Smooth noise that differs from picture to picture."""
    coarse = torch.rand(count, 3, 12, 12, generator=torch.Generator().manual_seed(seed))
    smooth = torch.nn.functional.interpolate(coarse, size=size, mode="bilinear")
    pictures: np.ndarray = (smooth.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()
    return [Face(picture) for picture in pictures]
