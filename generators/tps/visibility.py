"""How much of the warped source is visible, at the sizes finer than the motion's: two doublings, with a head each.

These maps blend two pictures and move nothing, so on a GPU they are computed in the type of the pictures.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from generators.convolution import same
from generators.tps.fast_blocks import CardNorm, CardUp, Same

# A GPU's matrix units take channels in eights.
WHOLE = 8


class FinerVisibility:
    """Logits of the two finest occlusion maps, in float32."""

    def __init__(self, ups: Sequence[Any], heads: Sequence[Any], size: int) -> None:
        self.ups = [Same(block, size << level) for level, block in enumerate(ups)]
        self.heads = [same(head.weight, head.bias, size << 1 + level) for level, head in enumerate(heads)]

    def __call__(self, x: Tensor) -> list[Tensor]:
        """(B, C, S, S) -> (B, 1, 2 S, 2 S) and (B, 1, 4 S, 4 S)."""
        logits = []
        for up, head in zip(self.ups, self.heads, strict=True):
            x = up(x)
            logits.append(head(x))
        return logits


class CardVisibility:
    """The same on a GPU in `dtype`, with channels of zeros up to whole eights; float32 logits."""

    def __init__(self, ups: Sequence[Any], heads: Sequence[Any], size: int, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self.ups, self.heads = [], []
        for level, (up, head) in enumerate(zip(ups, heads, strict=True)):
            outputs, inputs = (whole(count) for count in up.conv.weight.shape[:2])
            weight = filled(filled(up.conv.weight, 0, outputs), 1, inputs)
            norm = CardNorm(filled(up.norm.weight, 0, outputs), filled(up.norm.bias, 0, outputs), up.norm.eps)
            self.ups.append(CardUp(weight, norm, dtype))
            self.heads.append(same(filled(head.weight, 1, outputs), head.bias, size << 1 + level, dtype))

    def __call__(self, x: Tensor) -> list[Tensor]:
        """(B, C, S, S) -> (B, 1, 2 S, 2 S) and (B, 1, 4 S, 4 S)."""
        x = filled(x.to(self.dtype), 1, whole(x.shape[1]))
        logits = []
        for up, head in zip(self.ups, self.heads, strict=True):
            x = up(x)
            logits.append(head(x).float())
        return logits


def whole(count: int) -> int:
    """The next multiple of eight."""
    return -(-count // WHOLE) * WHOLE


def filled(values: Tensor, dim: int, count: int) -> Tensor:
    """`values` with zeros after them along `dim`, up to `count`."""
    after = [0, 0] * (values.ndim - 1 - dim) + [0, count - values.shape[dim]]
    return F.pad(values.detach(), after)
