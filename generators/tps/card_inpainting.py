"""`FastInpainting` as a GPU wants it: the source's maps are tables whose rows are summed, times what is visible.

So the warped maps come in channels_last order, no map is repeated for the frames of a batch, and one set of positions
serves all maps of a size. Legend: B batch, S side of a map, C channels; tables are (S * S, C).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from generators.moments import affine
from generators.table_sampling import Gather, bilinear, table
from generators.tps.dense_motion import MotionField
from generators.tps.fast_inpainting import SIZES, FastInpainting
from generators.tps.inpainting import resize_field, warp


class CardInpainting(FastInpainting):
    """`FastInpainting` with the same values."""

    def __init__(self, network: Any, dtype: torch.dtype) -> None:
        super().__init__(network, dtype, card=True)

    def __call__(self, source: list[Tensor], field: MotionField) -> Tensor:
        """Pictures (B, 3, 256, 256) in [0, 1], as `FastInpainting` gives them."""
        tables = [table(layer) for layer in source[:4]]
        samples = [
            _visible(field.deformation, visible, side) for visible, side in zip(field.occlusions, SIZES, strict=True)
        ]
        x = self._sampled(samples[0], tables[0], SIZES[0]).to(self.dtype)
        for level, up in enumerate(self.up):
            for block in self.residual[2 * level : 2 * level + 2]:
                x = block(x)
            x = up(x)
            if level < 2:
                seen = self._sampled(samples[level + 1], tables[level + 1], SIZES[level + 1])
                x = torch.cat((x, seen.to(self.dtype)), dim=1)
        hidden = 1.0 - field.occlusions[3]
        blended = affine(x, hidden, self._sampled(samples[3], tables[3], SIZES[3]), torch.empty_like(x))
        painted = torch.sigmoid(self.final(blended).float())
        # Three channels are too few for rows of a table.
        picture = warp(source[4].expand(len(x), -1, -1, -1), field.deformation) * field.occlusions[3]
        return torch.addcmul(picture, painted, hidden)

    @staticmethod
    def _sampled(sample: Gather, source: Tensor, side: int) -> Tensor:
        return sample(source).view(-1, side, side, source.shape[1]).permute(0, 3, 1, 2)


def _visible(deformation: Tensor, visible: Tensor, side: int) -> Gather:
    """Samples at a field (B, h, w, 2) resized to `side`, times how visible each is (B, 1, S, S)."""
    places = (resize_field(deformation, side, side) + 1.0) * ((side - 1) / 2)
    return bilinear(places, side, visible[:, 0])
