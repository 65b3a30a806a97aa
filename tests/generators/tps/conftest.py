"""A checkpoint with seeded random weights in the published layout, and faces to go with it."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators.face import Face
from generators.tps.layout import LAYOUT


def random_state(build, seed: int) -> dict[str, torch.Tensor]:
    """Values under which signals neither die nor blow up: weights of variance 1 / fan-in, norms near the identity."""
    random = torch.Generator().manual_seed(seed)
    with torch.device("meta"):
        expected = build().state_dict()
    state = {}
    for name, tensor in expected.items():
        z = torch.randn(tensor.shape, generator=random)
        if name.endswith("num_batches_tracked"):
            state[name] = torch.tensor(0)
        elif name.endswith("running_var"):
            state[name] = 1 + 0.1 * z.abs()
        elif tensor.ndim >= 2:
            state[name] = z / tensor[0].numel() ** 0.5
        else:
            state[name] = (1.0 if name.endswith("weight") else 0.0) + 0.05 * z
    return state


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
