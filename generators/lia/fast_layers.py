"""LIA made fast: `network.Network` with everything that does not depend on the frame computed once.

What is folded, all of it exact but for rounding: run-time weight scales and sqrt(2) gains into weights and biases; the
five linear layers of the motion code into one; the dictionary's QR and every style layer into one affine map of the
motion code; the transposed convolutions into their four phases, without the three quarters of zeros; the demodulation
of up-sampling layers into their blur's taps; the colour layers into the source's features, since a weighted sum of
pixels and a 1x1 convolution commute, so the finest features need never be warped. Unused: `to_rgb1`, noise.

Legend: B batch, C channels, H W height and width.
Convolutions run channels-last in `dtype`; styles, flows, sampling and colours in float32.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.convolution import by_products
from generators.lia.layers import GAIN, SLOPE, ModulatedConv, ResidualBlock, StyledConv
from generators.products import WINOGRAD, ProductConvolution, bordered, framed

NHWC = torch.channels_last
# Channels from which 3x3 convolutions are faster by products: at 64 they take the same time, as measured.
WIDE = 128


def channels_last(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """A weight in the type and memory order that the convolutions read without reordering."""
    return weight.detach().to(dtype).contiguous(memory_format=NHWC)


def depthwise(kernel: Tensor, channels: int) -> Tensor:
    """A (k, k) true-convolution kernel as depthwise correlation weights (C, 1, k, k)."""
    return kernel.detach().flip(0, 1).repeat(channels, 1, 1, 1)


class HalvingBlock(nn.Module):
    """A `ResidualBlock` with its scales, gains and 1 / sqrt(2) folded; the skip filters only the pixels it keeps."""

    weight1: Tensor
    bias1: Tensor
    blur: Tensor
    weight2: Tensor
    bias2: Tensor
    skip_blur: Tensor
    skip: Tensor

    def __init__(self, block: ResidualBlock, dtype: torch.dtype, side: int = 0) -> None:
        """side: of the maps that come in, in pixels, where a CPU is to take the form that it is fastest with."""
        super().__init__()
        conv1, conv2, skip = block.conv1.conv, block.conv2.conv, block.skip.conv
        bias1, bias2 = block.conv1.act.bias.detach().flatten(), block.conv2.act.bias.detach().flatten()
        channels = conv1.weight.shape[1]
        self.register_buffer("weight1", channels_last(conv1.weight * (conv1.scale * GAIN), dtype))
        self.register_buffer("bias1", (bias1 * GAIN).to(dtype))
        self.register_buffer("blur", channels_last(depthwise(block.conv2.blur.kernel, channels), dtype))
        # conv2's gain sqrt(2) and the block's 1 / sqrt(2) cancel.
        self.register_buffer("weight2", channels_last(conv2.weight * conv2.scale, dtype))
        self.register_buffer("bias2", bias2.to(dtype))
        self.register_buffer("skip_blur", channels_last(depthwise(block.skip.blur.kernel, channels), dtype))
        self.register_buffer("skip", channels_last(skip.weight * (skip.scale / GAIN), dtype))
        self.blur_pad, self.skip_pad = block.conv2.blur.pad[0], block.skip.blur.pad[0]
        self.products: ProductConvolution | None = None
        if dtype == torch.float32 and by_products(self.weight1, side, WIDE):
            self.products = ProductConvolution(self.weight1, self.bias1, WINOGRAD)

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/2, W/2)."""
        channels = x.shape[1]
        skip = F.conv2d(x, self.skip_blur, stride=2, padding=self.skip_pad, groups=channels)
        x = F.leaky_relu_(self._first(x), SLOPE)
        x = F.conv2d(x, self.blur, padding=self.blur_pad, groups=channels)
        x = F.leaky_relu_(F.conv2d(x, self.weight2, self.bias2, stride=2), SLOPE)
        return x.add_(F.conv2d(skip, self.skip))

    def _first(self, x: Tensor) -> Tensor:
        if self.products is None:
            return F.conv2d(x, self.weight1, self.bias1, padding=1)
        return self.products(framed(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class FastConv(nn.Module):
    """A modulated 3x3 convolution with its activation; demodulation, sqrt(2) and bias ride along."""

    weight: Tensor
    converted: Tensor
    bias: Tensor

    def __init__(self, styled: StyledConv, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        weight = (styled.conv.weight.detach()[0] * styled.conv.scale).contiguous(memory_format=NHWC)
        self.register_buffer("weight", weight)
        self.register_buffer("converted", weight.to(dtype))
        self.register_buffer("bias", styled.activate.bias.detach().flatten() * GAIN)

    def forward(self, x: Tensor, scale: Tensor, gain: Tensor) -> Tensor:
        """x (B, C, H, W), scale (B, C), gain (B, C') -> (B, C', H, W)."""
        if x.shape[0] == 1 and self.weight.numel() <= x[0].numel():
            # Fewer weights than pixels: style the weights, and the convolution adds the bias itself.
            weight = (self.weight * (gain.view(-1, 1, 1, 1) * scale.view(1, -1, 1, 1))).to(self.dtype)
            return F.leaky_relu_(F.conv2d(x, weight, self.bias.to(self.dtype), padding=1), SLOPE)
        x = F.conv2d(x * _per_channel(scale, self.dtype), self.converted, padding=1)
        return F.leaky_relu_(
            torch.addcmul(_per_channel(self.bias[None], self.dtype), x, _per_channel(gain, self.dtype)), SLOPE
        )


class ProductsConv(nn.Module):
    """The same as `FastConv` by fewer products (`generators.products`), for wide float32 maps on a CPU.

    The input is scaled while it gets its border; gain, bias and activation follow while a strip is in the cache.
    """

    bias: Tensor

    def __init__(self, styled: StyledConv) -> None:
        super().__init__()
        weight = styled.conv.weight.detach()[0] * styled.conv.scale
        self.products = ProductConvolution(weight, weight.new_zeros(len(weight)), WINOGRAD)
        self.register_buffer("bias", styled.activate.bias.detach().flatten() * GAIN)

    def forward(self, x: Tensor, scale: Tensor, gain: Tensor) -> Tensor:
        """x (B, C, H, W), scale (B, C), gain (B, C') -> (B, C', H, W); H and W are multiples of 4."""
        x = x.permute(0, 2, 3, 1)
        whole, inside = bordered(x)
        torch.mul(x, scale[:, None, None], out=inside)
        out = x.new_empty(*x.shape[:3], len(self.bias))
        for row, strip in self.products.strips(whole):
            part = out[:, row : row + strip.shape[1]]
            F.leaky_relu_(torch.addcmul(self.bias, strip, gain[:, None, None], out=part), SLOPE)
        return out.permute(0, 3, 1, 2)


def styled_convolution(styled: StyledConv, dtype: torch.dtype, side: int) -> nn.Module:
    """The form of a modulated 3x3 convolution of maps of `side` pixels that is fastest on a CPU."""
    if dtype == torch.float32 and by_products(styled.conv.weight[0], side, WIDE):
        return ProductsConv(styled)
    return FastConv(styled, dtype)


class FastUpConv(nn.Module):
    """A modulated transposed convolution, stride 2, then blur and activation.

    Output sample 2m of a stride-2 transposed convolution with taps w0 w1 w2 is w0 x[m] + w2 x[m - 1], sample 2m + 1 is
    w1 x[m]: on two axes four ordinary convolutions with 4, 2, 2 and 1 taps.
    """

    blur: Tensor
    bias: Tensor

    def __init__(self, styled: StyledConv, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        conv: ModulatedConv = styled.conv
        assert conv.blur is not None
        weight = conv.weight.detach()[0] * conv.scale
        taps = ([2, 0], [1])
        for row in (0, 1):
            for column in (0, 1):
                phase = weight[:, :, taps[row]][:, :, :, taps[column]]
                self.register_buffer(f"phase{row}{column}", channels_last(phase, dtype))
        self.register_buffer("blur", depthwise(conv.blur.kernel, weight.shape[0]))
        self.register_buffer("bias", styled.activate.bias.detach().flatten() * GAIN)

    def forward(self, x: Tensor, scale: Tensor, gain: Tensor) -> Tensor:
        """x (B, C, H, W), scale (B, C), gain (B, C') -> (B, C', 2H, 2W)."""
        batch, _, height, width = x.shape
        channels = self.bias.shape[0]
        x = (x * _per_channel(scale, torch.float32)).to(self.dtype).contiguous(memory_format=NHWC)
        spread = x.new_empty(batch, 2 * height + 1, 2 * width + 1, channels).permute(0, 3, 1, 2)
        for row in (0, 1):
            for column in (0, 1):
                weight = getattr(self, f"phase{row}{column}")
                spread[:, :, row::2, column::2] = F.conv2d(x, weight, padding=(1 - row, 1 - column))
        if batch == 1:
            taps = (self.blur * gain.view(-1, 1, 1, 1)).to(self.dtype)
            x = F.conv2d(spread, taps, self.bias.to(self.dtype), padding=1, groups=channels)
        else:
            x = F.conv2d(spread, self.blur.to(self.dtype), padding=1, groups=channels)
            x = torch.addcmul(_per_channel(self.bias[None], self.dtype), x, _per_channel(gain, self.dtype))
        return F.leaky_relu_(x, SLOPE)


def _per_channel(values: Tensor, dtype: torch.dtype) -> Tensor:
    return values.to(dtype)[:, :, None, None]
