"""A checkpoint with seeded random weights in the published layout, and faces to go with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators.face import Face
from generators.tps.layout import LAYOUT
from tests.generators.tps.networks import random_state


@pytest.fixture(scope="session")
def checkpoint() -> dict[str, dict[str, torch.Tensor]]:
    builders = {**LAYOUT.required, **LAYOUT.optional}
    return {module: random_state(build, seed) for seed, (module, build) in enumerate(builders.items())}


@pytest.fixture(scope="session")
def checkpoint_file(checkpoint, tmp_path_factory):
    path = tmp_path_factory.mktemp("tps") / "vox.pth.tar"
    torch.save({**checkpoint, "epoch": 100, "optimizer": {"state": {}, "param_groups": []}}, path)
    yield path
    path.unlink()


@pytest.fixture(scope="session")
def faces() -> list[Face]:
    """Smooth coloured pictures that differ from one another."""
    y, x = np.mgrid[0:256, 0:256] / 256.0
    pictures = [
        np.stack([np.sin(5 * x + k + c) * np.cos(4 * y - 0.7 * k + c) for c in range(3)], axis=-1) for k in range(4)
    ]
    return [Face(np.uint8(127.5 + 120 * picture)) for picture in pictures]
