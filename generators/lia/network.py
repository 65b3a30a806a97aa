"""LIA as published: `enc` and `dec`, named and shaped like the checkpoint's `gen`, run plainly.

Wang, Yang, Bremond, Dantcheva 2022, "Latent Image Animator: Learning to Animate Images via Latent Space Navigation".
Legend: B batch, H W height and width, S style, M motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from generators.lia.layers import (
    ConvLayer,
    ResidualBlock,
    ScaledConv,
    ScaledLinear,
    StyledConv,
    ToFlow,
    ToRgb,
)

DICTIONARY_OFFSET = 1e-8


@dataclass(frozen=True)
class Architecture:
    """Image side, style and motion dimensions, and the width of the coarse layers; the defaults are the published."""

    size: int = 256
    style: int = 512
    motion: int = 20
    width: int = 512

    def channels(self, resolution: int) -> int:
        """Channels at a resolution: `width` up to 32 pixels, halved with every doubling after that."""
        return min(self.width, self.width * 32 // resolution)

    @property
    def resolutions(self) -> tuple[int, ...]:
        """Those of the decoder's levels: 8, 16, .. size."""
        return tuple(2**power for power in range(3, self.size.bit_length()))


class Appearance(nn.Module):
    """Picture -> style vector and the features the decoder warps."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        widths = [shape.channels(resolution) for resolution in (*reversed(shape.resolutions), 4)]
        blocks: list[nn.Module] = [ConvLayer(3, widths[0], 1)]
        blocks += [ResidualBlock(wide, narrow) for wide, narrow in pairwise(widths)]
        blocks.append(ScaledConv(widths[-1], shape.style, 4))
        self.convs = nn.ModuleList(blocks)

    def forward(self, image: Tensor) -> tuple[Tensor, list[Tensor]]:
        """(B, 3, H, W) in -1..1 -> style (B, S) and features of 8, 16, .. H pixels."""
        features = []
        x = image
        for block in self.convs:
            x = block(x)
            features.append(x)
        # The vector and the 4-pixel features are not among those the decoder warps.
        return x.flatten(1), features[-3::-1]

    def parts(self) -> tuple[ConvLayer, list[ResidualBlock], ScaledConv]:
        """First layer, blocks, last layer."""
        first, *blocks, last = self.convs
        return cast(ConvLayer, first), cast("list[ResidualBlock]", blocks), cast(ScaledConv, last)


class Encoder(nn.Module):
    """Appearance (`net_app`) and five linear layers without activation (`fc`) to the motion code."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.net_app = Appearance(shape)
        widths = [shape.style] * 5 + [shape.motion]
        self.fc = nn.Sequential(*(ScaledLinear(a, b) for a, b in pairwise(widths)))

    def linears(self) -> list[ScaledLinear]:
        """The linear layers that turn appearance into motion codes."""
        return [cast(ScaledLinear, layer) for layer in self.fc]


class Direction(nn.Module):
    """The motion dictionary, made orthonormal by a QR decomposition."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(shape.style, shape.motion))

    def basis(self) -> Tensor:
        """(S, M), orthonormal columns with the signs LAPACK's Householder QR gives (no sign is fixed afterwards)."""
        return torch.linalg.qr(self.weight.detach().float().cpu() + DICTIONARY_OFFSET)[0].to(self.weight.device)

    def forward(self, alpha: Tensor) -> Tensor:
        """(B, M) -> (B, S)."""
        return alpha @ self.basis().T


class Constant(nn.Module):
    """The learned tensor that the decoder starts from."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.input = nn.Parameter(torch.randn(1, channels, 4, 4))


class Level(NamedTuple):
    """The layers of one of the decoder's resolutions."""

    up: StyledConv
    conv: StyledConv
    to_flow: ToFlow
    to_rgb: ToRgb


class Decoder(nn.Module):
    """Latent and source features -> picture, by a flow and a mask at every resolution."""

    def __init__(self, shape: Architecture) -> None:
        super().__init__()
        self.direction = Direction(shape)
        self.input = Constant(shape.channels(4))
        self.conv1 = StyledConv(shape.channels(4), shape.channels(4), shape.style)
        self.to_rgb1 = ToRgb(shape.channels(4), upsample=False)  # in every checkpoint, used by none
        self.convs, self.to_flows, self.to_rgbs = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        inputs = shape.channels(4)
        for resolution in shape.resolutions:
            outputs = shape.channels(resolution)
            self.convs.append(StyledConv(inputs, outputs, shape.style, upsample=True))
            self.convs.append(StyledConv(outputs, outputs, shape.style))
            self.to_flows.append(ToFlow(outputs, shape.style))
            self.to_rgbs.append(ToRgb(outputs))
            inputs = outputs

    def levels(self) -> list[Level]:
        """The decoder's levels from coarse to fine."""
        parts = zip(self.convs[0::2], self.convs[1::2], self.to_flows, self.to_rgbs, strict=True)
        return [Level(*cast(Any, part)) for part in parts]

    def forward(self, latent: Tensor, features: list[Tensor]) -> tuple[Tensor, list[Tensor], list[Tensor]]:
        """latent (B, S), features coarse to fine -> picture (B, 3, H, W), and each level's flow and colour maps."""
        hidden = self.conv1(self.input.input.expand(latent.shape[0], -1, -1, -1), latent)
        flows: list[Tensor] = []
        colours: list[Tensor] = []
        for level, feature in zip(self.levels(), features, strict=True):
            hidden = level.conv(level.up(hidden, latent), latent)
            warped, hidden, flow = level.to_flow(hidden, latent, feature, flows[-1] if flows else None)
            flows.append(flow)
            colours.append(level.to_rgb(warped, colours[-1] if colours else None))
        return colours[-1], flows, colours


class Network(nn.Module):
    """The whole generator, under the names of the checkpoint's `gen`."""

    def __init__(self, shape: Architecture | None = None) -> None:
        super().__init__()
        self.shape = shape or Architecture()
        self.enc = Encoder(self.shape)
        self.dec = Decoder(self.shape)
