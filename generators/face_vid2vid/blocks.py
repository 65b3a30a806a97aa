"""Convolution blocks of the published networks, in evaluation mode, under the published tensor names.

Legend: B batch, C channels, D depth, H, W height and width; 2-D maps are (B, C, H, W), 3-D maps (B, C, D, H, W).
Depth is never pooled nor up-sampled.
"""

from __future__ import annotations

from typing import ClassVar

import torch
from torch import Tensor, nn
from torch.nn import functional

LEAK = 0.01

# Convolution and batch norm that follow each other, by attribute: what folding may join.
Pairs = tuple[tuple[str, str], ...]
CONVOLUTIONS: dict[int, type[nn.Conv2d] | type[nn.Conv3d]] = {2: nn.Conv2d, 3: nn.Conv3d}
NORMS: dict[int, type[nn.BatchNorm2d] | type[nn.BatchNorm3d]] = {2: nn.BatchNorm2d, 3: nn.BatchNorm3d}


def convolution(dims: int, inputs: int, outputs: int, kernel: int) -> nn.Conv2d | nn.Conv3d:
    """A zero-padded convolution that keeps the size."""
    return CONVOLUTIONS[dims](inputs, outputs, kernel, padding=kernel // 2)


class ConvNorm(nn.Module):
    """Convolution and batch norm; the named blocks add what comes before and after."""

    folds: ClassVar[Pairs] = (("conv", "norm"),)

    def __init__(self, dims: int, inputs: int, outputs: int, kernel: int = 3) -> None:
        super().__init__()
        self.dims = dims
        self.conv = convolution(dims, inputs, outputs, kernel)
        self.norm = NORMS[dims](outputs)

    def normed(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


class Same(ConvNorm):
    """Convolution, batch norm, ReLU (leaky where told)."""

    def __init__(self, dims: int, inputs: int, outputs: int, kernel: int = 3, leaky: bool = False) -> None:
        super().__init__(dims, inputs, outputs, kernel)
        self.leaky = leaky

    def forward(self, x: Tensor) -> Tensor:
        y = self.normed(x)
        return functional.leaky_relu(y, LEAK) if self.leaky else functional.relu(y)


class Down(ConvNorm):
    """Convolution, batch norm, ReLU, then H and W halved by averaging."""

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.normed(x))
        return halved(y)


class Up(ConvNorm):
    """H and W doubled by repetition, then convolution, batch norm, ReLU."""

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.normed(doubled(x)))


class Residual(nn.Module):
    """A residual block that normalises first: x + conv(relu(norm(conv(relu(norm(x))))))."""

    folds: ClassVar[Pairs] = (("conv1", "norm2"),)

    def __init__(self, dims: int, channels: int) -> None:
        super().__init__()
        self.conv1 = convolution(dims, channels, channels, 3)
        self.conv2 = convolution(dims, channels, channels, 3)
        self.norm1 = NORMS[dims](channels)
        self.norm2 = NORMS[dims](channels)

    def forward(self, x: Tensor) -> Tensor:
        y = self.conv1(functional.relu(self.norm1(x)))
        return x + self.conv2(functional.relu(self.norm2(y)))


class Bottleneck(nn.Module):
    """1x1, 3x3 (with the stride), 1x1, each with batch norm; ReLU after the sum with the input or its projection."""

    folds: ClassVar[Pairs] = (("conv1", "norm1"), ("conv2", "norm2"), ("conv3", "norm3"), ("skip", "norm4"))

    def __init__(self, channels: int, stride: int = 1) -> None:
        super().__init__()
        inner = channels // 4
        self.conv1 = nn.Conv2d(channels, inner, 1)
        self.norm1 = nn.BatchNorm2d(inner)
        self.conv2 = nn.Conv2d(inner, inner, 3, stride=stride, padding=1)
        self.norm2 = nn.BatchNorm2d(inner)
        self.conv3 = nn.Conv2d(inner, channels, 1)
        self.norm3 = nn.BatchNorm2d(channels)
        self.projected = stride != 1
        if self.projected:
            self.skip = nn.Conv2d(channels, channels, 1, stride=stride)
            self.norm4 = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)))
        y = functional.relu(self.norm2(self.conv2(y)))
        y = self.norm3(self.conv3(y))
        return functional.relu(y + (self.norm4(self.skip(x)) if self.projected else x))


class SpectralConv2d(nn.Module):
    """A convolution whose weight is divided by its spectral norm, estimated by the stored singular vectors.

    Miyato et al. 2018, eq. 8, without a power iteration: weight = weight_orig / (u . (W v)), W of shape (out, rest).
    """

    bias: nn.Parameter | None
    weight_u: Tensor
    weight_v: Tensor

    def __init__(self, inputs: int, outputs: int, kernel: int, bias: bool = True) -> None:
        super().__init__()
        plain = nn.Conv2d(inputs, outputs, kernel, bias=bias)
        self.weight_orig = nn.Parameter(plain.weight.detach())
        self.register_parameter("bias", nn.Parameter(plain.bias.detach()) if plain.bias is not None else None)
        self.register_buffer("weight_u", functional.normalize(torch.randn(outputs), dim=0))
        self.register_buffer("weight_v", functional.normalize(torch.randn(inputs * kernel * kernel), dim=0))

    @property
    def weight(self) -> Tensor:
        sigma = self.weight_u @ (self.weight_orig.flatten(1) @ self.weight_v)
        return self.weight_orig / sigma

    def forward(self, x: Tensor) -> Tensor:
        return functional.conv2d(x, self.weight, self.bias, padding=self.weight_orig.shape[-1] // 2)


def doubled(x: Tensor) -> Tensor:
    """H and W doubled by repetition."""
    scale = (2.0, 2.0) if x.ndim == 4 else (1.0, 2.0, 2.0)
    return functional.interpolate(x, scale_factor=scale, mode="nearest")


def halved(x: Tensor) -> Tensor:
    """H and W halved by averaging."""
    if x.ndim == 4:
        return functional.avg_pool2d(x, 2)
    # Pooled as a stack of maps: 3-D pooling knows no bfloat16 on a CPU.
    return functional.avg_pool2d(x.flatten(1, 2), 2).unflatten(1, x.shape[1:3])
