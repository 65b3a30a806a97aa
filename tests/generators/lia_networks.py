"""Seeded LIA networks small enough for every test run, with the published structure."""

from __future__ import annotations

import torch

from generators.lia.network import Architecture, Network

NARROW = Architecture(size=64, style=24, motion=5, width=16)


def seeded(shape: Architecture = NARROW, seed: int = 0) -> Network:
    """A network whose every parameter is random, biases included, flows kept moderate; buffers as constructed."""
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
                values = 0.3 * values
            parameter.copy_(values)
    return network.requires_grad_(False)


def pictures(count: int, size: int = NARROW.size, seed: int = 0) -> torch.Tensor:
    """(count, 3, size, size) in -1..1, smooth enough that a flow of a pixel matters but does not scramble."""
    noise = torch.randn(count, 3, size // 4, size // 4, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.interpolate(noise, size=(size, size), mode="bicubic").clamp(-1.0, 1.0)
