"""The SPADE decoder as a GPU wants it: `fast_spade`'s savings, whole maps, and as few passes over them as there can be.

On a GPU adding a bias to a convolution's output costs more than the convolution does. So
* biases before a norm, which takes a map's mean away, are left out; the last block's goes into its shortcut's offset;
* other biases are weights: every condition and hidden map carries a channel of ones, which the middle tap multiplies.
Maps carry a frame of zeros, which that channel shares, so borders are exact.
Legend: B batch, H, W, C; maps are (B, H, W, C); `framed` maps carry a border of one zero pixel.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.fast_spade import EPSILON, Buffers, Build
from generators.face_vid2vid.folding import bias_of
from generators.face_vid2vid.spade import LEAK, Spade, SpadeDecoder, SpadeResidual
from generators.moments import affine, standardising
from generators.products import StackedConvolution

# The channel of ones, and zeros up to whole eights, which matrix units take.
ONES = 8


def with_ones(weight: Tensor, bias: Tensor | None, give: bool = False) -> Tensor:
    """The 3x3 weight (O, C, 3, 3) for maps with `ONES` more channels; give: whether the outputs have them as well."""
    outputs, channels = weight.shape[:2]
    wider = functional.pad(weight, (0, 0, 0, 0, 0, ONES, 0, ONES if give else 0))
    if bias is not None:
        wider[:outputs, channels, 1, 1] = bias
    if give:
        wider[outputs, channels, 1, 1] = 1.0
    return wider


class CardModulation(nn.Module):
    """One SPADE norm, given its framed hidden map: scale and offset."""

    def __init__(
        self, norm: Spade, build: Build, side: int, projection: Tensor | None = None, more: Tensor | None = None
    ) -> None:
        """projection: that follows the norm, for the offset alone. more: a constant of the projected offset."""
        super().__init__()
        gamma, beta = norm.mlp_gamma, norm.mlp_beta
        weight, bias = beta.weight.detach().double(), bias_of(beta).double()
        if projection is not None:
            through = projection.double()
            weight, bias = torch.einsum("oc,cikl->oikl", through, weight), through @ bias
        if more is not None:
            bias = bias + more.double()
        self.channels = gamma.weight.shape[0]
        both = torch.cat((gamma.weight.detach(), weight.to(gamma.weight.dtype)))
        self.convolution = build(with_ones(both, torch.cat((bias_of(gamma) + 1, bias.to(both.dtype)))), None, side)

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor]:
        """Scale and offset of a framed hidden map."""
        both = self.convolution(hidden)
        return both[..., : self.channels], both[..., self.channels :]


class CardResidual(nn.Module):
    """`SpadeResidual` on an input that is first enlarged by `enlarge` (1 or 2); `side` is the output's.

    last: whether its output is not normed again.
    """

    projection: Tensor

    def __init__(self, block: SpadeResidual, build: Build, side: int, enlarge: int = 1, last: bool = False) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.norm_0, self.norm_1 = CardModulation(block.norm_0, build, side), CardModulation(block.norm_1, build, side)
        self.conv_0 = build(block.conv_0.weight.detach(), None, side)
        self.conv_1 = build(block.conv_1.weight.detach(), None, side)
        self.projected = block.projected
        assert self.projected or not last, "the last block projects"
        if block.projected:
            projection = block.conv_s.weight.detach().flatten(1)
            more = bias_of(block.conv_1) if last else None
            self.norm_s = CardModulation(block.norm_s, build, side, projection, more)
            self.register_buffer("projection", projection.to(self.conv_0.weight.dtype), persistent=False)

    def forward(self, x: Tensor, hidden: dict[str, Tensor], buffers: Buffers) -> Tensor:
        """The block's output, float32, up to a constant of each channel unless it is the last."""
        normed = self._normalised(x)
        y = self.conv_0(self._modulated(normed, self.norm_0, hidden["norm_0"], buffers, self.enlarge))
        shortcut = self._projected(normed, hidden["norm_s"]) if self.projected else x
        return shortcut + self.conv_1(self._modulated(self._normalised(y), self.norm_1, hidden["norm_1"], buffers, 1))

    def _normalised(self, x: Tensor) -> Tensor:
        """Mean 0 and variance 1 for each picture and channel, without a float32 copy of the map."""
        kind = self.conv_0.weight.dtype
        return affine(x, *standardising(x, (1, 2), EPSILON), torch.empty_like(x, dtype=kind))

    def _modulated(
        self, normed: Tensor, norm: CardModulation, hidden: Tensor, buffers: Buffers, enlarge: int
    ) -> Tensor:
        scale, offset = norm(hidden)
        out = buffers.framed("modulated", normed, scale.shape[1], scale.shape[2], norm.channels)
        inside = out[:, 1:-1, 1:-1]
        if enlarge == 1:
            torch.addcmul(offset, normed, scale, out=inside)
        else:
            small = normed[:, :, None, :, None]
            torch.addcmul(cells(offset, enlarge), small, cells(scale, enlarge), out=cells(inside, enlarge))
        functional.leaky_relu_(inside, LEAK)
        return out

    def _projected(self, normed: Tensor, hidden: Tensor) -> Tensor:
        scale, offset = self.norm_s(hidden)
        scaled = cells(scale, self.enlarge) * normed[:, :, None, :, None]
        return functional.linear(scaled.view(scale.shape), self.projection).float() + offset


class CardSpadeDecoder(nn.Module):
    """`SpadeDecoder`, folded, by convolutions that `build` makes; `side` is the condition's."""

    last_weight: Tensor
    last_bias: Tensor

    def __init__(self, decoder: SpadeDecoder, build: Build, side: int) -> None:
        super().__init__()
        middle = decoder.middle()
        shared = [norm.shared for block in middle for norm in (block.norm_0, block.norm_1)]
        self.wide = decoder.fc.weight.shape[0]
        self.width = shared[0].weight.shape[0] + ONES
        weights = [with_ones(decoder.fc.weight.detach(), None)]
        weights += [with_ones(first.weight.detach(), bias_of(first), give=True) for first in shared]
        self.first = build(torch.cat(weights), None, side)
        self.middle = nn.ModuleList(CardResidual(block, build, side) for block in middle)
        ups = ((decoder.up_0, 2, False), (decoder.up_1, 4, True))
        self.up = nn.ModuleList(CardResidual(block, build, side * enlarge, 2, last) for block, enlarge, last in ups)
        self.up_hidden = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: build(with_ones(first.weight.detach(), bias_of(first), give=True), None, side, enlarge)
                    for name in ("norm_0", "norm_s", "norm_1")
                    for first in [cast(Spade, block.get_submodule(name)).shared]
                }
            )
            for block, enlarge, _ in ups
        )
        last = decoder.conv_img
        self.kind = self.first.weight.dtype
        weight = last.weight.detach().to(self.kind).contiguous(memory_format=torch.channels_last)
        self.register_buffer("last_weight", weight, persistent=False)
        self.register_buffer("last_bias", bias_of(last).to(self.kind), persistent=False)

    def forward(self, condition: Tensor, buffers: Buffers | None = None) -> Tensor:
        """Pictures (B, 3, 4 H, 4 W) in 0..1, float32, of warped features (B, H, W, narrow)."""
        buffers = buffers or Buffers()
        height, width, channels = condition.shape[1:]
        small = buffers.framed("condition", condition, height, width, channels + ONES)
        small[:, 1:-1, 1:-1, :channels] = condition
        small[:, 1:-1, 1:-1, channels] = 1.0
        both = self.first(small)
        x, rest = both[..., : self.wide].float(), both[..., self.wide :]
        hidden = buffers.framed("first", condition, height, width, rest.shape[-1])
        torch.clamp_min(rest, 0.0, out=hidden[:, 1:-1, 1:-1])
        places = iter(hidden.split(self.width, dim=-1))
        for block in self.middle:
            x = block(x, {"norm_0": next(places), "norm_1": next(places)}, buffers)
        for block, convolutions in zip(self.up, self.up_hidden, strict=True):
            made = cast(nn.ModuleDict, convolutions)
            x = block(x, {name: self._hidden(name, made[name], small, buffers) for name in made}, buffers)
        last = functional.leaky_relu_(x, LEAK).to(self.kind).permute(0, 3, 1, 2)
        return torch.sigmoid(functional.conv2d(last, self.last_weight, self.last_bias, padding=1).float())

    def _hidden(self, name: str, convolution: nn.Module, small: Tensor, buffers: Buffers) -> Tensor:
        assert isinstance(convolution, StackedConvolution)
        enlarge = convolution.magnification
        height, width = (small.shape[1] - 2) * enlarge, (small.shape[2] - 2) * enlarge
        out = buffers.framed(f"hidden {name}", small, height, width, convolution.outputs)
        torch.clamp_min(convolution.cells(small), 0.0, out=cells(out[:, 1:-1, 1:-1], enlarge))
        return out


def cells(x: Tensor, enlarge: int) -> Tensor:
    """(B, H, W, C) as a view (B, h, enlarge, w, enlarge, C)."""
    return x.unflatten(1, (-1, enlarge)).unflatten(3, (-1, enlarge))
