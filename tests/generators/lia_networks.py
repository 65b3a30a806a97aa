"""Seeded LIA networks small enough for every test run, with the published structure."""

from __future__ import annotations

import torch

from generators.lia.network import Architecture, Network

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


def pictures(count: int, size: int = NARROW.size, seed: int = 0, cells: int = 16) -> torch.Tensor:
    """(count, 3, size, size) in -1..1, smooth noise of `cells` cells a side."""
    noise = torch.randn(count, 3, cells, cells, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode="bicubic").clamp(-1.0, 1.0)
