"""The network generators as published in every shape, their weights seeded noise: all the work, none of the skill."""

from __future__ import annotations

from pathlib import Path

import torch

from generators.checkpoint import Checkpoint
from generators.face_vid2vid.layout import layout
from generators.lia.layout import MODULE
from generators.lia.network import Architecture
from generators.tps.layout import LAYOUT as TPS
from tests.generators.face_vid2vid import networks as face_vid2vid
from tests.generators.lia import networks as lia
from tests.generators.tps.networks import random_state

NAMES = ("face-vid2vid", "lia", "tps")


def noise_checkpoint(name: str) -> Checkpoint:
    """A checkpoint in the published layout of the generator called `name`; the same in every run."""
    if name == "face-vid2vid":
        builders = layout("spade", antialias=True).required
        networks = {module: face_vid2vid.seeded(build(), 1) for module, build in builders.items()}
        return {module: dict(network.state_dict()) for module, network in networks.items()}
    if name == "lia":
        return {MODULE: dict(lia.seeded(Architecture(), flow=0.1).state_dict())}
    builders = {**TPS.required, **TPS.optional}
    return {module: random_state(build, seed) for seed, (module, build) in enumerate(builders.items())}


def noise_file(name: str, folder: Path) -> Path:
    """The same as a file that `create(name, weights=...)` and `nvfair weights add` take."""
    path = folder / f"{name}-noise.pth"
    torch.save(noise_checkpoint(name), path)
    return path
