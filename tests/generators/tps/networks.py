"""Seeded random weights in TPS's published layout."""

from __future__ import annotations

import torch


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
