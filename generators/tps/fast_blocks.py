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

from generators.convolution import doubling, same
from generators.moments import affine, standardising
from generators.tps import blocks

Norm = Callable[[Tensor], Tensor]


class GroupNorm:
    """Instance norm and ReLU, returned in the input's type."""

    def __init__(self, norm: Any, dtype: torch.dtype = torch.float32) -> None:
        self.weight, self.bias = norm.weight.to(dtype), norm.bias.to(dtype)

    def __call__(self, x: Tensor) -> Tensor:
        # A group norm with one channel a group is an instance norm, and keeps channels_last memory.
        return F.relu_(F.group_norm(x, self.weight.numel(), self.weight, self.bias))


class CardNorm:
    """The same on a GPU, whose group norm would leave channels_last memory and have the next convolution return."""

    def __init__(self, weight: Tensor, bias: Tensor, epsilon: float) -> None:
        self.weight, self.bias, self.epsilon = weight.detach().view(-1, 1, 1), bias.detach().view(-1, 1, 1), epsilon

    def __call__(self, x: Tensor) -> Tensor:
        scale, shift = standardising(x, (2, 3), self.epsilon)
        shift = torch.addcmul(self.bias, shift, self.weight)
        return F.relu_(affine(x, scale * self.weight, shift, torch.empty_like(x)))


def make_norm(norm: Any, dtype: torch.dtype, card: bool) -> Norm:
    """The form of a plain instance norm that suits a GPU (`card`) or a CPU."""
    return CardNorm(norm.weight, norm.bias, norm.eps) if card else GroupNorm(norm, dtype)


class Same:
    """A plain `Same`, `Down` or `Up` block for input maps of `size` pixels a side.

    The convolution's bias is left out: the norm after it takes the mean away.
    """

    def __init__(self, block: Any, size: int, dtype: torch.dtype = torch.float32, card: bool = False) -> None:
        choose = doubling if isinstance(block, blocks.Up) else same
        self.convolution = choose(block.conv.weight, None, size, dtype)
        self.norm = make_norm(block.norm, dtype, card)
        self.halve = isinstance(block, blocks.Down)

    def __call__(self, x: Tensor) -> Tensor:
        x = self.norm(self.convolution(x))
        return F.avg_pool2d(x, 2) if self.halve else x


class Residual:
    """A plain `Residual` block for maps of `size` pixels a side."""

    def __init__(self, block: Any, size: int, dtype: torch.dtype = torch.float32, card: bool = False) -> None:
        self.norms = [make_norm(norm, dtype, card) for norm in (block.norm1, block.norm2)]
        self.first = same(block.conv1.weight, None, size, dtype)
        self.second = same(block.conv2.weight, block.conv2.bias, size, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        inner = self.first(self.norms[0](x))
        return self.second(self.norms[1](inner)).add_(x)


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
