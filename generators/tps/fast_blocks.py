"""The blocks as they are run: channels_last, the convolution chosen for the shape, norm and ReLU in one place.

Built from the plain blocks' weights; convolutions compute in `dtype`, instance statistics in float32.
Plain blocks are typed Any: torch types every child module as `Tensor | Module`.
Legend: (B, C, H, W) in channels_last memory.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from generators.convolution import Products, doubling, same
from generators.moments import activated, affine, standardising
from generators.products import ProductConvolution, StackedConvolution, bordered
from generators.tps import blocks

Norm = Callable[[Tensor], Tensor]


class GroupNorm:
    """Instance norm and ReLU, returned in the input's type."""

    def __init__(self, norm: Any, dtype: torch.dtype = torch.float32) -> None:
        self.weight, self.bias = norm.weight.to(dtype), norm.bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return F.relu_(self._normed(x))

    def framed(self, x: Tensor) -> Tensor:
        """The same as (B, H + 2, W + 2, C) with a border of zeros, as products read it."""
        normed = self._normed(x).permute(0, 2, 3, 1)
        whole, inside = bordered(normed)
        torch.clamp(normed, min=0, out=inside)
        return whole

    def _normed(self, x: Tensor) -> Tensor:
        # A group norm with one channel a group is an instance norm, and keeps channels_last memory.
        return F.group_norm(x, self.weight.numel(), self.weight, self.bias)


class CardNorm:
    """The same on a GPU, whose group norm would leave channels_last memory and have the next convolution return."""

    def __init__(self, weight: Tensor, bias: Tensor, epsilon: float) -> None:
        self.weight, self.bias, self.epsilon = weight.detach(), bias.detach(), epsilon

    def __call__(self, x: Tensor) -> Tensor:
        pixels = self.of_pixels(x.permute(0, 2, 3, 1).flatten(1, 2))
        return pixels.unflatten(1, x.shape[2:]).permute(0, 3, 1, 2)

    def of_pixels(self, x: Tensor) -> Tensor:
        """The same of pixels (B, R, C), in whatever order they are."""
        scale, shift = standardising(x, (1,), self.epsilon)
        scale, shift = scale * self.weight, torch.addcmul(self.bias, shift, self.weight)
        if x.dtype == torch.bfloat16:
            return activated(x, scale[:, 0], shift[:, 0])
        return F.relu_(affine(x, scale, shift, torch.empty_like(x)))


class CardUp:
    """A plain `Up` block on a GPU: a small pixel's four outputs are one convolution's, normed before they part."""

    def __init__(self, weight: Tensor, norm: CardNorm, dtype: torch.dtype) -> None:
        self.convolution = StackedConvolution(weight.detach(), None, 2).to(weight.device, dtype)
        self.norm = norm
        self.dtype = dtype

    def __call__(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        phases = self.convolution.stacked(x.to(self.dtype), padding=1).permute(0, 2, 3, 1)
        outputs = self.convolution.outputs
        phases = self.norm.of_pixels(phases.reshape(batch, -1, outputs)).view(batch, height, width, 2, 2, outputs)
        return phases.transpose(2, 3).reshape(batch, 2 * height, 2 * width, outputs).permute(0, 3, 1, 2)


def make_norm(norm: Any, dtype: torch.dtype, card: bool) -> Norm:
    """The form of a plain instance norm that suits a GPU (`card`) or a CPU."""
    return CardNorm(norm.weight, norm.bias, norm.eps) if card else GroupNorm(norm, dtype)


class Same:
    """A plain `Same`, `Down` or `Up` block for input maps of `size` pixels a side.

    The convolution's bias is left out: the norm after it takes the mean away.
    """

    def __init__(self, block: Any, size: int, dtype: torch.dtype = torch.float32, card: bool = False) -> None:
        up = isinstance(block, blocks.Up)
        self.halve = isinstance(block, blocks.Down)
        norm = make_norm(block.norm, dtype, card)
        if up and isinstance(norm, CardNorm):
            self.step: Norm = CardUp(block.conv.weight, norm, dtype)
            return
        convolution = (doubling if up else same)(block.conv.weight, None, size, dtype)
        self.step = lambda x: norm(convolution(x))

    def __call__(self, x: Tensor) -> Tensor:
        x = self.step(x)
        return F.avg_pool2d(x, 2) if self.halve else x


class Residual:
    """A plain `Residual` block for maps of `size` pixels a side."""

    def __init__(self, block: Any, size: int, dtype: torch.dtype = torch.float32, card: bool = False) -> None:
        self.norms = [make_norm(norm, dtype, card) for norm in (block.norm1, block.norm2)]
        self.first = same(block.conv1.weight, None, size, dtype)
        self.second = same(block.conv2.weight, block.conv2.bias, size, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        before, after = self.norms
        if (
            isinstance(self.first, Products)
            and isinstance(self.second, Products)
            and isinstance(before, GroupNorm)
            and isinstance(after, GroupNorm)
        ):
            return self._by_products(x, before, self.first.convolution, after, self.second.convolution)
        return self.second(after(self.first(before(x)))).add_(x)

    @staticmethod
    def _by_products(
        x: Tensor, before: GroupNorm, first: ProductConvolution, after: GroupNorm, second: ProductConvolution
    ) -> Tensor:
        """Each norm is written where a convolution reads it, and x is added to strips that are still in the cache."""
        inner = first(before.framed(x)).permute(0, 3, 1, 2)
        pixels = x.permute(0, 2, 3, 1)
        out = torch.empty_like(pixels)
        for row, strip in second.strips(after.framed(inner)):
            rows = slice(row, row + strip.shape[1])
            torch.add(strip, pixels[:, rows], out=out[:, rows])
        return out.permute(0, 3, 1, 2)


class Hourglass:
    """A plain `Hourglass` for input maps of `size` pixels a side: the last two joined maps only."""

    def __init__(self, hourglass: Any, size: int, card: bool = False) -> None:
        down, up = hourglass.encoder.down_blocks, hourglass.decoder.up_blocks
        self.down = [Same(block, size >> level, card=card) for level, block in enumerate(down)]
        self.up = [Same(block, size >> (len(up) - level), card=card) for level, block in enumerate(up)]

    def __call__(self, x: Tensor) -> tuple[Tensor, Tensor]:
        skips = [x]
        for block in self.down:
            skips.append(block(skips[-1]))
        out = before = skips.pop()
        for block in self.up:
            before, out = out, torch.cat((block(out), skips.pop()), dim=1)
        return before, out
