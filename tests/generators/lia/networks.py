"""Seeded LIA networks small enough for every test run, with the published structure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch

from generators.lia.generator import Lia
from generators.lia.layout import MODULE
from generators.lia.network import Architecture, Network
from generators.weights import Weights

NARROW = Architecture(size=64, style=24, motion=5, width=16)


def seeded(shape: Architecture = NARROW, seed: int = 0, flow: float = 0.3) -> Network:
    """A network whose every parameter is random, biases included, flows times `flow`; buffers as constructed."""
    network = Network(shape).eval()
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in network.named_parameters():
            values = torch.randn(parameter.shape, generator=generator)
            if name.endswith("modulation.bias"):
                values = 1.0 + 0.1 * values
            elif name.endswith("bias"):
                values = 0.1 * values
            elif ".to_flows." in name and name.endswith("conv.weight"):
                values = flow * values
            parameter.copy_(values)
    return network.requires_grad_(False)


def narrow_lia(shape: Architecture = NARROW, sha256: str = "ab", device: str = "cpu", **options: Any) -> Lia:
    """LIA as its factory makes it, from a seeded network of `shape`."""
    checkpoint = {MODULE: dict(seeded(shape).state_dict())}
    weights = Weights(Path("seeded"), sha256, "CC-BY-NC-4.0")
    return Lia(checkpoint, weights, device=torch.device(device), shape=shape, **options)


def pictures(count: int, size: int = NARROW.size, seed: int = 0, cells: int = 16) -> torch.Tensor:
    """(count, 3, size, size) in -1..1, smooth noise of `cells` cells a side."""
    noise = torch.randn(count, 3, cells, cells, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode="bicubic").clamp(-1.0, 1.0)
