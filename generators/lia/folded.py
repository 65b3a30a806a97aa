"""LIA made fast: `network.Network` with everything that does not depend on the frame computed once.

What is folded, all of it exact but for rounding: run-time weight scales and sqrt(2) gains into weights and biases; the
five linear layers of the motion code into one; the dictionary's QR and every style layer into one affine map of the
motion code; the transposed convolutions into their four phases, without the three quarters of zeros; the demodulation
of up-sampling layers into their blur's taps; the colour layers into the source's features, since a weighted sum of
pixels and a 1x1 convolution commute, so the finest features need never be warped. Unused: `to_rgb1`, noise.

Legend: B batch, C channels, H W height and width, R = H * W rows, S style, M motion, T frames, N all style channels.
Convolutions run channels-last in `dtype`; styles, flows, sampling and colours in float32.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.lia.layers import DEMODULATION_EPSILON, GAIN, SLOPE, ModulatedConv, ResidualBlock, StyledConv
from generators.lia.network import Network
from generators.lia.sampling import gather, table

NHWC = torch.channels_last


def _weights(weight: Tensor, dtype: torch.dtype) -> Tensor:
    return weight.detach().to(dtype).contiguous(memory_format=NHWC)


def _depthwise(kernel: Tensor, channels: int) -> Tensor:
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

    def __init__(self, block: ResidualBlock, dtype: torch.dtype) -> None:
        super().__init__()
        conv1, conv2, skip = block.conv1.conv, block.conv2.conv, block.skip.conv
        bias1, bias2 = block.conv1.act.bias.detach().flatten(), block.conv2.act.bias.detach().flatten()
        channels = conv1.weight.shape[1]
        self.register_buffer("weight1", _weights(conv1.weight * (conv1.scale * GAIN), dtype))
        self.register_buffer("bias1", (bias1 * GAIN).to(dtype))
        self.register_buffer("blur", _weights(_depthwise(block.conv2.blur.kernel, channels), dtype))
        # conv2's gain sqrt(2) and the block's 1 / sqrt(2) cancel.
        self.register_buffer("weight2", _weights(conv2.weight * conv2.scale, dtype))
        self.register_buffer("bias2", bias2.to(dtype))
        self.register_buffer("skip_blur", _weights(_depthwise(block.skip.blur.kernel, channels), dtype))
        self.register_buffer("skip", _weights(skip.weight * (skip.scale / GAIN), dtype))
        self.blur_pad, self.skip_pad = block.conv2.blur.pad[0], block.skip.blur.pad[0]

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/2, W/2)."""
        channels = x.shape[1]
        skip = F.conv2d(x, self.skip_blur, stride=2, padding=self.skip_pad, groups=channels)
        x = F.leaky_relu_(F.conv2d(x, self.weight1, self.bias1, padding=1), SLOPE)
        x = F.conv2d(x, self.blur, padding=self.blur_pad, groups=channels)
        x = F.leaky_relu_(F.conv2d(x, self.weight2, self.bias2, stride=2), SLOPE)
        return x.add_(F.conv2d(skip, self.skip))


class FastEncoder(nn.Module):
    """Picture -> style vector, motion code, features."""

    first: Tensor
    first_bias: Tensor
    last: Tensor
    motion: Tensor
    motion_bias: Tensor

    def __init__(self, network: Network, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        first, blocks, last = network.enc.net_app.parts()
        self.register_buffer("first", _weights(first.conv.weight * (first.conv.scale * GAIN), dtype))
        self.register_buffer("first_bias", (first.act.bias.detach().flatten() * GAIN).to(dtype))
        self.blocks = nn.ModuleList(HalvingBlock(block, dtype) for block in blocks)
        # The style vector and the motion code steer everything and cost nothing: float32 always.
        self.register_buffer("last", (last.weight.detach() * last.scale).flatten(1))
        matrix = torch.eye(network.shape.style, dtype=torch.float64)
        offset = torch.zeros(network.shape.style, dtype=torch.float64)
        for layer in network.enc.linears():
            weight = layer.weight.detach().double().cpu() * layer.scale
            matrix = weight @ matrix
            offset = weight @ offset + layer.bias.detach().double().cpu()
        self.register_buffer("motion", matrix.float())
        self.register_buffer("motion_bias", offset.float())

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """(B, 3, H, W) in -1..1 -> style (B, S), motion code (B, M), features of 8, 16, .. H pixels in `dtype`."""
        x = image.to(self.dtype).contiguous(memory_format=NHWC)
        x = F.leaky_relu_(F.conv2d(x, self.first, self.first_bias), SLOPE)
        features = [x]
        for block in self.blocks:
            x = block(x)
            features.append(x)
        style = F.linear(x.float().flatten(1), self.last)
        return style, F.linear(style, self.motion, self.motion_bias), features[-2::-1]


class Styles(nn.Module):
    """The latent vector and all that the style makes of it, as one affine map of the motion code.

    latent = style + Q alpha, so the scales of all N input channels are (A style + a) + (A Q) alpha; the first part is
    the source's. Demodulation: sqrt(2) / sqrt(energy . scale^2 + 1e-8), energy = the weights' squares summed over taps.
    """

    basis: Tensor
    matrix: Tensor
    bias: Tensor
    motion: Tensor

    def __init__(self, network: Network) -> None:
        super().__init__()
        decoder = network.dec
        levels = decoder.levels()
        convs = [decoder.conv1.conv, *(styled.conv for level in levels for styled in (level.up, level.conv))]
        flows = [level.to_flow.conv for level in levels]
        layers = [conv.modulation for conv in (*convs, *flows)]
        matrix = torch.cat([layer.weight.detach() * layer.scale for layer in layers])
        self.register_buffer("basis", decoder.direction.basis())
        self.register_buffer("matrix", matrix)
        self.register_buffer("bias", torch.cat([layer.bias.detach() for layer in layers]))
        self.register_buffer("motion", (matrix.double() @ self.basis.double()).float())
        self.sizes = [layer.weight.shape[0] for layer in layers]
        for index, conv in enumerate(convs):
            energy = (conv.weight.detach()[0] * conv.scale).square().sum((2, 3))
            self.register_buffer(f"energy{index}", energy)
        self.convs = len(convs)

    def of_source(self, style: Tensor) -> Tensor:
        """Style vector (1, S) -> its share of the scales (1, N)."""
        return F.linear(style, self.matrix, self.bias)

    def forward(self, source: Tensor, motion: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """of_source (1, N), latent motion (T, M) -> scales of every layer (T, C), gains of every 3x3 layer (T, C')."""
        scales = list((source + motion @ self.motion.T).split(self.sizes, dim=1))
        gains = [
            torch.rsqrt(scale.square() @ getattr(self, f"energy{index}").T + DEMODULATION_EPSILON) * GAIN
            for index, scale in enumerate(scales[: self.convs])
        ]
        return scales, gains


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
                self.register_buffer(f"phase{row}{column}", _weights(phase, dtype))
        self.register_buffer("blur", _depthwise(conv.blur.kernel, weight.shape[0]))
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


@dataclass(frozen=True)
class Surface:
    """What the decoder samples from a source: features (R, C) of every level but the finest, colours (R, 3) of all."""

    features: tuple[Tensor, ...]
    colours: tuple[Tensor, ...]


class FastDecoder(nn.Module):
    """Scales and gains of a batch of frames, and one source's surface -> pictures."""

    start: Tensor
    doubling: Tensor

    def __init__(self, network: Network, dtype: torch.dtype) -> None:
        super().__init__()
        decoder = network.dec
        self.dtype = dtype
        self.resolutions = network.shape.resolutions
        self.register_buffer("start", decoder.input.input.detach().contiguous(memory_format=NHWC))
        self.first = FastConv(decoder.conv1, dtype)
        levels = decoder.levels()
        self.ups = nn.ModuleList(FastUpConv(level.up, dtype) for level in levels)
        self.convs = nn.ModuleList(FastConv(level.conv, dtype) for level in levels)
        for level, (_, _, to_flow, to_rgb) in enumerate(levels):
            conv, act = to_rgb.conv.conv, to_rgb.conv.act
            self.register_buffer(f"flow{level}", to_flow.conv.weight.detach()[0, :, :, 0, 0] * to_flow.conv.scale)
            self.register_buffer(f"flow_bias{level}", to_flow.bias.detach().flatten())
            self.register_buffer(f"colour{level}", conv.weight.detach()[:, :, 0, 0] * (conv.scale * GAIN))
            self.register_buffer(f"colour_bias{level}", act.bias.detach().flatten() * GAIN)
            self.register_buffer(f"colour_shift{level}", to_rgb.bias.detach())
        self.register_buffer("doubling", levels[0].to_rgb.upsample.kernel.detach().repeat(3, 1, 1, 1))

    def surface(self, features: list[Tensor]) -> Surface:
        """One source's features, coarse to fine, (1, C, H, W) -> what the decoder samples of it."""
        tables = [table(feature) for feature in features]
        colours = [F.linear(rows, getattr(self, f"colour{level}")) for level, rows in enumerate(tables)]
        return Surface(tuple(tables[:-1]), tuple(colours))

    def forward(
        self, scales: list[Tensor], gains: list[Tensor], surface: Surface
    ) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """Per layer (B, C) -> pictures (B, 3, H, W) float32, and each level's flow and colour maps (B, 3, r, r)."""
        batch = scales[0].shape[0]
        flow_scales = scales[len(gains) :]
        hidden = self.first(self.start.expand(batch, -1, -1, -1).to(self.dtype), scales[0], gains[0])
        flows: list[Tensor] = []
        colours: list[Tensor] = []
        for level, side in enumerate(self.resolutions):
            up, conv = 2 * level + 1, 2 * level + 2
            hidden = self.ups[level](hidden, scales[up], gains[up])
            hidden = self.convs[level](hidden, scales[conv], gains[conv])
            pixels = hidden.permute(0, 2, 3, 1).reshape(batch, side * side, -1).float()
            weight = flow_scales[level][:, None, :] * getattr(self, f"flow{level}")
            flow = torch.matmul(pixels, weight.transpose(1, 2)) + getattr(self, f"flow_bias{level}")
            flow = flow.transpose(1, 2).reshape(batch, 3, side, side)
            if flows:
                flow = flow + self._double(flows[-1])
            flows.append(flow)
            sample, keep = gather(flow)
            colour = sample(surface.colours[level]) + getattr(self, f"colour_bias{level}")
            colour = F.leaky_relu(colour, SLOPE).view(batch, side, side, 3).permute(0, 3, 1, 2)
            colour = colour + getattr(self, f"colour_shift{level}")
            colours.append(colour + self._double(colours[-1]) if colours else colour)
            if level < len(surface.features):
                mixed = torch.addcmul(sample(surface.features[level]), pixels.flatten(0, 1), keep)
                hidden = mixed.view(batch, side, side, -1).permute(0, 3, 1, 2)
        return colours[-1], flows, colours

    def _double(self, small: Tensor) -> Tensor:
        """x2 up-sampling by the filter: a transposed convolution is zero insertion and convolution at once."""
        return F.conv_transpose2d(small, self.doubling, stride=2, padding=1, groups=3)
