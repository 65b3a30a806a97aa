"""Bilinear sampling of a map kept as a table: zeros outside, one weighted sum of four rows for each output pixel.

Legend: B batch, S side of a square map, C channels, R = S * S rows. A map is a table (R, C) whose rows are pixels, so
the four neighbours of a point are four contiguous rows; `embedding_bag` sums them, one table serves a whole batch, and
the result is in channels_last order. Positions and weights are float32 throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor


def table(feature: Tensor) -> Tensor:
    """(1, C, H, W) -> contiguous float32 (R, C)."""
    return feature[0].float().permute(1, 2, 0).reshape(-1, feature.shape[1]).contiguous()


@dataclass(frozen=True, eq=False)  # equal only to itself: torch 2.11's compiler hashes what is called
class Gather:
    """Where each output pixel takes its four rows (B*R, 4) int64 and with which weights (B*R, 4) float32."""

    rows: Tensor
    weights: Tensor

    def __call__(self, source: Tensor) -> Tensor:
        """Table (R, C) -> (B*R, C)."""
        return F.embedding_bag(self.rows, source, mode="sum", per_sample_weights=self.weights)


def bilinear(positions: Tensor, side: int, shares: Tensor) -> Gather:
    """Samples of a map of `side` pixels at positions (B, S, S, 2), x then y in its pixels, times `shares` (B, S, S).

    Both axes and both neighbours are worked out together: on a GPU the number of small operations is what costs.
    """
    neighbours = positions.floor()[..., None] + torch.arange(2, device=positions.device)  # (B, S, S, axis, 2)
    index = neighbours.long()
    inside = index.clamp(0, side - 1)
    weights = (1.0 - (positions[..., None] - neighbours).abs()) * (index == inside)
    rows = inside[..., 1, :, None] * side + inside[..., 0, None, :]
    across = weights[..., 0, :] * shares[..., None]
    both = weights[..., 1, :, None] * across[..., None, :]
    return Gather(rows.reshape(-1, 4), both.reshape(-1, 4))
