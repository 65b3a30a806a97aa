"""LIA's layers under the names of its published checkpoints, each doing exactly what its formula says.

These modules are the reference: they hold the weights as published (run-time scales not applied) and are what
the fast form (`generators.lia.fast_layers`) is derived from and tested against.
Legend: B batch, C channels, H W height and width, S style.
"""

from __future__ import annotations

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.lia.fir import Blur, Upsample

SLOPE = 0.2
GAIN = math.sqrt(2.0)
DEMODULATION_EPSILON = 1e-8


def activation(x: Tensor, bias: Tensor) -> Tensor:
    """Leaky ReLU with a bias and a gain: leaky_relu(x + bias) * sqrt(2); bias (1, C, 1, 1)."""
    return F.leaky_relu(x + bias, SLOPE) * GAIN


class ScaledConv(nn.Module):
    """A convolution without bias whose weight is multiplied by 1 / sqrt(C * k * k) at run time."""

    def __init__(self, inputs: int, outputs: int, size: int, stride: int = 1, padding: int = 0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.scale = 1.0 / math.sqrt(inputs * size * size)
        self.stride, self.padding = stride, padding

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H', W')."""
        return F.conv2d(x, self.weight * self.scale, stride=self.stride, padding=self.padding)


class ScaledLinear(nn.Module):
    """A linear layer whose weight is multiplied by 1 / sqrt(inputs) at run time."""

    def __init__(self, inputs: int, outputs: int, bias: float = 0.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs))
        self.bias = nn.Parameter(torch.full((outputs,), bias))
        self.scale = 1.0 / math.sqrt(inputs)

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs) -> (B, outputs)."""
        return F.linear(x, self.weight * self.scale, self.bias)


class Activation(nn.Module):
    """The biased, scaled leaky ReLU."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(1, channels, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> same."""
        return activation(x, self.bias)


class ConvLayer(nn.Sequential):
    """A blur (optional), a convolution and an activation (optional), numbered as the checkpoint names them."""

    def __init__(self, inputs: int, outputs: int, size: int, *, down: bool = False, activate: bool = True) -> None:
        super().__init__()
        # Blur's padding: what the filter (3 samples) and the kernel take away, less the one a stride of 2 can spare.
        total = 3 + (size - 1) - 1
        self.blur_pad = (total + 1) // 2, total // 2
        self._down, self._active = down, activate
        if down:
            self.append(Blur(self.blur_pad))
        self.append(ScaledConv(inputs, outputs, size, stride=1 + down, padding=0 if down else size // 2))
        if activate:
            self.append(Activation(outputs))

    @property
    def blur(self) -> Blur:
        """The filter of a layer with `down`."""
        assert self._down
        return cast(Blur, self[0])

    @property
    def conv(self) -> ScaledConv:
        return cast(ScaledConv, self[int(self._down)])

    @property
    def act(self) -> Activation:
        """The activation of a layer with `activate`."""
        assert self._active
        return cast(Activation, self[-1])


class ResidualBlock(nn.Module):
    """Halves the resolution: (conv2(conv1(x)) + skip(x)) / sqrt(2)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = ConvLayer(inputs, inputs, 3)
        self.conv2 = ConvLayer(inputs, outputs, 3, down=True)
        self.skip = ConvLayer(inputs, outputs, 1, down=True, activate=False)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/2, W/2)."""
        return (self.conv2(self.conv1(x)) + self.skip(x)) / GAIN


class ModulatedConv(nn.Module):
    """A convolution whose input channels are scaled by the style and whose output channels are renormalised.

    The formula with one weight for each sample: w = weight / sqrt(C k k) * style, then (where `demodulate`)
    w * rsqrt(sum of w^2 over C, k, k + 1e-8). With `upsample`: transposed convolution, stride 2, then the blur.
    (Karras et al. 2020, "Analyzing and Improving the Image Quality of StyleGAN", equations 1 and 3.)
    """

    def __init__(
        self, inputs: int, outputs: int, size: int, style: int, *, upsample: bool = False, demodulate: bool = True
    ) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(1, outputs, inputs, size, size))
        self.modulation = ScaledLinear(style, inputs, bias=1.0)
        self.scale = 1.0 / math.sqrt(inputs * size * size)
        self.demodulate, self.padding = demodulate, size // 2
        self.blur = Blur((1, 1), gain=4.0) if upsample else None

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H, W), style (B, S) -> (B, C', H, W), or (B, C', 2H, 2W) when up-sampling."""
        batch, channels, height, width = x.shape
        weight = self.scale * self.weight * self.modulation(style).view(batch, 1, channels, 1, 1)
        if self.demodulate:
            weight = weight * torch.rsqrt(weight.square().sum((2, 3, 4), keepdim=True) + DEMODULATION_EPSILON)
        x = x.reshape(1, batch * channels, height, width)
        if self.blur is None:
            x = F.conv2d(x, weight.flatten(0, 1), padding=self.padding, groups=batch)
            return x.view(batch, -1, height, width)
        x = F.conv_transpose2d(x, weight.transpose(1, 2).flatten(0, 1), stride=2, groups=batch)
        return self.blur(x.view(batch, -1, 2 * height + 1, 2 * width + 1))


class Noise(nn.Module):
    """The training-time noise gain: in the checkpoint, never used when rendering."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))


class StyledConv(nn.Module):
    """A modulated convolution that is followed by an activation."""

    def __init__(self, inputs: int, outputs: int, style: int, *, upsample: bool = False) -> None:
        super().__init__()
        self.conv = ModulatedConv(inputs, outputs, 3, style, upsample=upsample)
        self.noise = Noise()
        self.activate = Activation(outputs)

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        """x (B, C, H, W), style (B, S) -> (B, C', H or 2H, W or 2W)."""
        return self.activate(self.conv(x, style))


class ToFlow(nn.Module):
    """Flow and mask of one resolution, and the source's features moved by them."""

    def __init__(self, channels: int, style: int) -> None:
        super().__init__()
        self.upsample = Upsample()
        self.conv = ModulatedConv(channels, 3, 1, style, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))

    def forward(
        self, hidden: Tensor, style: Tensor, feature: Tensor, coarser: Tensor | None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """hidden and feature (B, C, H, W), coarser (B, 3, H/2, W/2) -> masked warp, blended hidden, map (B, 3, H, W).

        The flow's grid is corner-aligned and the sampling is not: a mismatch the weights were trained with.
        """
        flow_map = self.conv(hidden, style) + self.bias
        if coarser is not None:
            flow_map = flow_map + self.upsample(coarser)
        flow = torch.tanh(flow_map[:, :2]).permute(0, 2, 3, 1) + identity_grid(flow_map)
        mask = torch.sigmoid(flow_map[:, 2:])
        warped = F.grid_sample(feature, flow, align_corners=False) * mask
        return warped, warped + hidden * (1.0 - mask), flow_map


def identity_grid(like: Tensor) -> Tensor:
    """Corner-aligned (H, W, 2) coordinates, x then y, in -1..1, of `like`'s (.., H, W), dtype and device."""
    rows = torch.linspace(-1.0, 1.0, like.shape[-2], dtype=like.dtype, device=like.device)
    columns = torch.linspace(-1.0, 1.0, like.shape[-1], dtype=like.dtype, device=like.device)
    y, x = torch.meshgrid(rows, columns, indexing="ij")
    return torch.stack((x, y), dim=-1)


class ToRgb(nn.Module):
    """Colours of one resolution from the masked warp, added to the coarser colours."""

    def __init__(self, channels: int, *, upsample: bool = True) -> None:
        super().__init__()
        self.conv = ConvLayer(channels, 3, 1)
        self.bias = nn.Parameter(torch.zeros(1, 3, 1, 1))
        if upsample:
            self.upsample = Upsample()

    def forward(self, warped: Tensor, coarser: Tensor | None) -> Tensor:
        """warped (B, C, H, W), coarser (B, 3, H/2, W/2) or None -> (B, 3, H, W)."""
        colours = self.conv(warped) + self.bias
        return colours if coarser is None else colours + self.upsample(coarser)
