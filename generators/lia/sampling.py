"""Moving a source's features by a flow: bilinear, zeros outside, as one weighted sum of four rows.

Legend: B batch, H W height and width, C channels, R = H * W rows. A feature map is kept as a table (R, C) whose rows
are pixels, so the four neighbours of a point are four contiguous rows; `embedding_bag` sums them several times faster
than `grid_sample` does on a CPU, and one table serves a whole batch. Coordinates and weights are float32 throughout.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (down, right)


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


def gather(flow_map: Tensor) -> tuple[Gather, Tensor]:
    """A level's raw map (B, 3, H, W): x flow, y flow, mask -> the masked sampling and 1 - mask (B*R, 1).

    Position = tanh(flow) + the pixel's corner-aligned coordinate, read in `grid_sample`'s align_corners=False sense;
    the sampling weights are multiplied by sigmoid(mask), which saves a pass over the warped features.
    """
    batch, _, height, width = flow_map.shape
    columns = torch.linspace(-1.0, 1.0, width, device=flow_map.device)
    lines = torch.linspace(-1.0, 1.0, height, device=flow_map.device)[:, None]
    mask = torch.sigmoid(flow_map[:, 2])
    x = ((torch.tanh(flow_map[:, 0]) + columns + 1.0) * width - 1.0) * 0.5
    y = ((torch.tanh(flow_map[:, 1]) + lines + 1.0) * height - 1.0) * 0.5
    left, top = x.floor(), y.floor()
    right_share, down_share = x - left, y - top
    left, top = left.long(), top.long()
    across = _axis(left, right_share, width)
    along = _axis(top, down_share, height)
    rows = torch.stack([along[down][0] * width + across[right][0] for down, right in NEIGHBOURS], dim=-1)
    weights = torch.stack([along[down][1] * across[right][1] for down, right in NEIGHBOURS], dim=-1)
    weights = weights * mask[..., None]
    count = batch * height * width
    return Gather(rows.view(count, 4), weights.view(count, 4)), (1.0 - mask).view(count, 1)


def _axis(first: Tensor, share: Tensor, length: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(index, weight) of the nearer and the farther sample; samples outside get weight 0 and a harmless index."""
    second = first + 1
    near = (1.0 - share) * ((first >= 0) & (first < length))
    far = share * ((second >= 0) & (second < length))
    return (first.clamp(0, length - 1), near), (second.clamp(0, length - 1), far)
