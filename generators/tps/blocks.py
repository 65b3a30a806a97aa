"""The convolutional blocks that TPS's networks are made of, by their published names.

Every norm here is an instance norm with learned scale and shift and no running statistics.
Legend: (B, C, H, W) float32.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def instance_norm(channels: int) -> nn.InstanceNorm2d:
    """The one kind of norm that TPS's convolutional networks use."""
    return nn.InstanceNorm2d(channels, affine=True)


class Same(nn.Module):
    """KxK convolution, norm, ReLU at one resolution."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2)
        self.norm = instance_norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.norm(self.conv(x)))


class Down(Same):
    """3x3 convolution, norm, ReLU, then 2x2 means: half the resolution."""

    def forward(self, x: Tensor) -> Tensor:
        return F.avg_pool2d(super().forward(x), 2)


class Up(Same):
    """Nearest x2, then 3x3 convolution, norm, ReLU: twice the resolution."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(F.interpolate(x, scale_factor=2, mode="nearest"))


class Residual(nn.Module):
    """A residual block: x plus two rounds of norm, ReLU and a 3x3 convolution."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = instance_norm(channels)
        self.norm2 = instance_norm(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = self.conv1(F.relu(self.norm1(x)))
        return x + self.conv2(F.relu(self.norm2(inner)))


class Encoder(nn.Module):
    """The hourglass's halvings, under their published name."""

    def __init__(self, inputs: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        self.down_blocks = nn.ModuleList(Down(a, b) for a, b in pairwise((inputs, *widths)))


class Decoder(nn.Module):
    """The hourglass's doublings, under their published name."""

    def __init__(self, widths: tuple[tuple[int, int], ...]) -> None:
        super().__init__()
        self.up_blocks = nn.ModuleList(Up(a, b) for a, b in widths)


class Hourglass(nn.Module):
    """Five halvings, five doublings with skips; returns each doubling's output joined with its skip, coarse first."""

    DOWN = (128, 256, 512, 1024, 1024)
    UP = ((1024, 1024), (2048, 512), (1024, 256), (512, 128), (256, 64))

    def __init__(self, inputs: int) -> None:
        super().__init__()
        self.encoder = Encoder(inputs, self.DOWN)
        self.decoder = Decoder(self.UP)

    def forward(self, x: Tensor) -> list[Tensor]:
        skips = [x]
        for block in self.encoder.down_blocks:
            skips.append(block(skips[-1]))
        out, joined = skips.pop(), []
        for block in self.decoder.up_blocks:
            out = torch.cat((block(out), skips.pop()), dim=1)
            joined.append(out)
        return joined


class AntiAlias(nn.Module):
    """A quarter of the resolution: 13x13 Gaussian of sigma 1.5, then every fourth pixel from the first.

    The kernel is a buffer of the published files: exp(-(i - 6)^2 / (2 sigma^2)), separable, normalised to sum 1.
    """

    SIGMA = 1.5
    weight: Tensor

    def __init__(self, channels: int = 3) -> None:
        super().__init__()
        line = torch.exp(-((torch.arange(13, dtype=torch.float32) - 6) ** 2) / (2 * self.SIGMA**2))
        square = torch.outer(line, line)
        self.register_buffer("weight", (square / square.sum()).expand(channels, 1, 13, 13).clone())

    def forward(self, x: Tensor) -> Tensor:
        return F.conv2d(x, self.weight, padding=6, stride=4, groups=self.weight.shape[0])
