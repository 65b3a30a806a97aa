"""The decoder made fast: scales and gains of a batch of frames, and one source's surface -> pictures.

Colours are a weighted sum of pixels and a 1x1 convolution, which commute: each source's features are turned into
colours once, and the finest features need never be warped. Everything else that is folded: `fast_layers`.
Legend: B batch, C channels, H W height and width, r a level's side, R = r * r rows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.lia.fast_layers import NHWC, FastUpConv, styled_convolution
from generators.lia.layers import GAIN, SLOPE, StyledConv
from generators.lia.network import Network
from generators.lia.sampling import gather
from generators.table_sampling import table


@dataclass(frozen=True)
class Surface:
    """What the decoder samples from a source: features (R, C) of every level but the finest, colours (R, 3) of all."""

    features: tuple[Tensor, ...]
    colours: tuple[Tensor, ...]


class FastDecoder(nn.Module):
    """Scales and gains of a batch of frames, and one source's surface -> pictures."""

    start: Tensor
    doubling: Tensor
    conv_layer: Callable[[StyledConv, torch.dtype, int], nn.Module] = staticmethod(styled_convolution)
    up_layer: Callable[[StyledConv, torch.dtype], nn.Module] = FastUpConv

    def __init__(self, network: Network, dtype: torch.dtype) -> None:
        super().__init__()
        decoder = network.dec
        self.dtype = dtype
        self.resolutions = network.shape.resolutions
        self.register_buffer("start", decoder.input.input.detach().contiguous(memory_format=NHWC))
        self.first = self.conv_layer(decoder.conv1, dtype, decoder.input.input.shape[-1])
        levels = decoder.levels()
        self.ups = nn.ModuleList(self.up_layer(level.up, dtype) for level in levels)
        self.convs = nn.ModuleList(
            self.conv_layer(level.conv, dtype, side) for level, side in zip(levels, self.resolutions, strict=True)
        )
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
