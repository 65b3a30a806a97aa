"""Moving a source's features by a flow: bilinear, zeros outside, as one weighted sum of four rows.

Legend: B batch, H W height and width, C channels, R = H * W rows. Tables and their sums: `generators.table_sampling`;
on a CPU they are several times faster than `grid_sample`. Coordinates and weights are float32 throughout.
"""

from __future__ import annotations

import torch
from torch import Tensor

from generators.table_sampling import Gather, bilinear

NEIGHBOURS = ((0, 0), (0, 1), (1, 0), (1, 1))  # (down, right)


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


def gather_together(flow_map: Tensor, places: Tensor) -> tuple[Gather, Tensor]:
    """The same of (B, S, S, 3) in fewer, larger operations, as a GPU wants them; places: `corner_aligned(S)`."""
    side = flow_map.shape[1]
    mask = torch.sigmoid(flow_map[..., 2])
    positions = ((torch.tanh(flow_map[..., :2]) + places) * side - 1.0) * 0.5
    return bilinear(positions, side, mask), (1.0 - mask).view(-1, 1)


def corner_aligned(side: int) -> Tensor:
    """(S, S, 2): each pixel's corner-aligned coordinates x, y in -1..1, plus 1."""
    line = torch.linspace(-1.0, 1.0, side)
    return torch.stack((line.expand(side, side), line[:, None].expand(side, side)), dim=-1) + 1.0


def _axis(first: Tensor, share: Tensor, length: int) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(index, weight) of the nearer and the farther sample; samples outside get weight 0 and a harmless index."""
    second = first + 1
    near = (1.0 - share) * ((first >= 0) & (first < length))
    far = share * ((second >= 0) & (second < length))
    return (first.clamp(0, length - 1), near), (second.clamp(0, length - 1), far)
