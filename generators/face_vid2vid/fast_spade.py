"""The SPADE decoder rearranged for speed; equal to `spade.SpadeDecoder` up to rounding.

What is saved, exactly in real arithmetic:
* a norm's hidden map is computed from the small condition, before it is enlarged (see `products`);
* the hidden maps of all norms at the feature map's size are one convolution, together with the decoder's first one;
* gamma and beta are one convolution; gamma's bias carries the 1 of 1 + gamma;
* an enlarged map is normed before it is enlarged: repetition changes neither mean nor variance;
* a projection is linear, so its offset is convolved straight to the projection's width.
Legend: B batch, H, W, C; maps are (B, H, W, C); `framed` maps carry a border of one zero pixel.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Protocol, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.folding import bias_of
from generators.face_vid2vid.spade import LEAK, Spade, SpadeDecoder, SpadeResidual
from generators.products import Convolution, framed

EPSILON = 1e-5


class Build(Protocol):
    """Makes a 3x3 or 3x3x3 convolution of (weight, bias) of maps with `side`, enlarged so many times first."""

    def __call__(self, weight: Tensor, bias: Tensor | None, side: int, enlarge: int = 1) -> Convolution: ...


class Buffers:
    """Large maps that are written anew for each frame, so that their memory is asked for once a rendering."""

    def __init__(self) -> None:
        self._held: dict[tuple[object, ...], Tensor] = {}

    def framed(
        self, name: str, like: Tensor, height: int, width: int, channels: int, depth: int | None = None
    ) -> Tensor:
        """A framed map (B, [depth + 2,] height + 2, width + 2, channels), its inside undefined, its frame zero.

        Batch, type and device are those of `like`. A name asked for again gives the same memory.
        """
        key = (name, like.shape[0], depth, height, width, channels, like.dtype, like.device)
        if key not in self._held:
            deep = () if depth is None else (depth + 2,)
            self._held[key] = like.new_zeros(like.shape[0], *deep, height + 2, width + 2, channels)
        return self._held[key]


class Modulation(nn.Module):
    """One SPADE norm, given its framed hidden map: scale and offset, strip by strip."""

    def __init__(self, norm: Spade, build: Build, side: int, projection: Tensor | None = None) -> None:
        super().__init__()
        gamma, beta = norm.mlp_gamma, norm.mlp_beta
        weight, bias = beta.weight.detach(), bias_of(beta)
        if projection is not None:
            through = projection.double()
            weight = torch.einsum("oc,cikl->oikl", through, weight.double()).to(weight.dtype)
            bias = (through @ bias.double()).to(bias.dtype)
        self.channels = gamma.weight.shape[0]
        self.convolution = build(
            torch.cat((gamma.weight.detach(), weight)), torch.cat((bias_of(gamma) + 1, bias)), side
        )

    def strips(self, hidden: Tensor) -> Iterator[tuple[int, Tensor, Tensor]]:
        """(first row, scale, offset) of strips from top to bottom."""
        for row, both in self.convolution.strips(hidden):
            yield row, both[..., : self.channels], both[..., self.channels :]


class FastResidual(nn.Module):
    """`SpadeResidual` on an input that is first enlarged by `enlarge` (1 or 2); `side` is the output's."""

    projection: Tensor

    def __init__(self, block: SpadeResidual, build: Build, side: int, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.norm_0, self.norm_1 = Modulation(block.norm_0, build, side), Modulation(block.norm_1, build, side)
        self.conv_0 = build(block.conv_0.weight.detach(), bias_of(block.conv_0), side)
        self.conv_1 = build(block.conv_1.weight.detach(), bias_of(block.conv_1), side)
        self.projected = block.projected
        if block.projected:
            projection = block.conv_s.weight.detach().flatten(1)
            self.norm_s = Modulation(block.norm_s, build, side, projection)
            self.register_buffer("projection", projection.to(self.conv_0.weight.dtype), persistent=False)

    def forward(self, x: Tensor, hidden: Callable[[str], Tensor], buffers: Buffers) -> Tensor:
        """The block's output; `hidden(name)` gives a norm's framed hidden map, which the next call may overwrite."""
        normed = normalised(x).to(self.conv_0.weight.dtype)
        y = self._modulated(normed, self.norm_0, hidden("norm_0"), buffers, self.enlarge)
        y = torch.cat([strip for _, strip in self.conv_0.strips(y)], dim=1)
        shortcut = self._projected(normed, hidden("norm_s")) if self.projected else x
        y = self._modulated(normalised(y), self.norm_1, hidden("norm_1"), buffers, 1)
        for row, strip in self.conv_1.strips(y):
            shortcut[:, row : row + strip.shape[1]] += strip
        return shortcut

    def _modulated(self, normed: Tensor, norm: Modulation, hidden: Tensor, buffers: Buffers, enlarge: int) -> Tensor:
        height, width = normed.shape[1] * enlarge, normed.shape[2] * enlarge
        out = buffers.framed("modulated", normed, height, width, norm.channels)
        for row, scale, offset in norm.strips(hidden):
            strip = _applied(torch.addcmul, offset, _rows(normed, row, scale.shape[1], enlarge), scale, enlarge)
            inside = out[:, row + 1 : row + 1 + scale.shape[1], 1:-1]
            inside.copy_(functional.leaky_relu_(strip, LEAK))
        return out

    def _projected(self, normed: Tensor, hidden: Tensor) -> Tensor:
        strips = []
        for row, scale, offset in self.norm_s.strips(hidden):
            part = _rows(normed, row, scale.shape[1], self.enlarge)
            scaled = _applied(lambda _, a, b: a * b, scale, part, scale, self.enlarge)
            strips.append(functional.linear(scaled, self.projection) + offset)
        return torch.cat(strips, dim=1).float()


class FastSpadeDecoder(nn.Module):
    """`SpadeDecoder`, folded, by convolutions that `build` makes; `side` is the condition's."""

    last_weight: Tensor
    last_bias: Tensor

    def __init__(self, decoder: SpadeDecoder, build: Build, side: int) -> None:
        super().__init__()
        middle = decoder.middle()
        norms = [norm for block in middle for norm in (block.norm_0, block.norm_1)]
        firsts = [decoder.fc, *(norm.shared for norm in norms)]
        self.wide = decoder.fc.weight.shape[0]
        self.width = norms[0].mlp_gamma.weight.shape[1]
        weights, biases = [first.weight.detach() for first in firsts], [bias_of(first) for first in firsts]
        self.first = build(torch.cat(weights), torch.cat(biases), side)
        self.middle = nn.ModuleList(FastResidual(block, build, side) for block in middle)
        ups = ((decoder.up_0, 2), (decoder.up_1, 4))
        self.up = nn.ModuleList(FastResidual(block, build, side * enlarge, 2) for block, enlarge in ups)
        self.up_hidden = nn.ModuleList(
            nn.ModuleDict(
                {
                    name: build(first.weight.detach(), bias_of(first), side, enlarge)
                    for name in ("norm_0", "norm_s", "norm_1")
                    for first in [cast(Spade, block.get_submodule(name)).shared]
                }
            )
            for block, enlarge in ups
        )
        last = decoder.conv_img
        self.kind = self.first.weight.dtype
        kind = self.kind
        weight = last.weight.detach().to(kind).contiguous(memory_format=torch.channels_last)
        self.register_buffer("last_weight", weight, persistent=False)
        self.register_buffer("last_bias", bias_of(last).to(kind), persistent=False)

    def forward(self, condition: Tensor, buffers: Buffers | None = None) -> Tensor:
        """Pictures (B, 3, 4 H, 4 W) in 0..1, float32, of warped features (B, H, W, narrow)."""
        buffers = buffers or Buffers()
        small = framed(condition)
        height, width = condition.shape[1:3]
        count = 2 * len(self.middle)
        hidden = buffers.framed("first", condition, height, width, count * self.width)
        strips = []
        for row, strip in self.first.strips(small):
            strips.append(strip[..., : self.wide].float())
            hidden[:, row + 1 : row + 1 + strip.shape[1], 1:-1] = functional.relu(strip[..., self.wide :])
        x = torch.cat(strips, dim=1)
        for index, block in enumerate(self.middle):
            places = {"norm_0": 2 * index * self.width, "norm_1": (2 * index + 1) * self.width}
            x = block(x, lambda name, places=places: hidden[..., places[name] : places[name] + self.width], buffers)
        for block, convolutions in zip(self.up, self.up_hidden, strict=True):
            x = block(
                x, lambda name, made=convolutions: _hidden(cast(Convolution, made[name]), small, buffers), buffers
            )
        last = functional.leaky_relu_(x, LEAK).to(self.kind).permute(0, 3, 1, 2)
        return torch.sigmoid(functional.conv2d(last, self.last_weight, self.last_bias, padding=1).float())


def normalised(x: Tensor) -> Tensor:
    """Instance norm of (B, H, W, C): mean 0 and variance 1 for each picture and channel, as x's type."""
    centred = x.float() - x.float().mean(dim=(1, 2), keepdim=True)
    variance = centred.square().mean(dim=(1, 2), keepdim=True)
    return (centred * torch.rsqrt(variance + EPSILON)).to(x.dtype)


def _hidden(convolution: Convolution, small: Tensor, buffers: Buffers) -> Tensor:
    factor = convolution.magnification
    height, width = (small.shape[1] - 2) * factor, (small.shape[2] - 2) * factor
    out = buffers.framed("hidden", small, height, width, convolution.outputs)
    for row, strip in convolution.strips(small):
        out[:, row + 1 : row + 1 + strip.shape[1], 1:-1].copy_(functional.relu_(strip))
    return out


def _rows(normed: Tensor, row: int, rows: int, enlarge: int) -> Tensor:
    """The rows of a small map that the enlarged rows row..row + rows repeat."""
    assert row % enlarge == 0, "strips begin at whole small rows"
    assert rows % enlarge == 0, "strips end at whole small rows"
    return normed[:, row // enlarge : (row + rows) // enlarge]


def _applied(
    operation: Callable[[Tensor, Tensor, Tensor], Tensor], offset: Tensor, small: Tensor, scale: Tensor, enlarge: int
) -> Tensor:
    """operation(offset, small enlarged by repetition, scale), without making the enlarged map."""
    if enlarge == 1:
        return operation(offset, small, scale)
    batch, rows, width, channels = scale.shape

    def cells(x: Tensor) -> Tensor:
        return x.unflatten(1, (-1, enlarge)).unflatten(3, (-1, enlarge))

    result = operation(cells(offset), small[:, :, None, :, None], cells(scale))
    return result.reshape(batch, rows, width, channels)
