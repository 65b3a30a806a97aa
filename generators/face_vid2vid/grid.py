"""Coordinate grids and Gaussian heatmaps of keypoints, in float32 whatever the convolutions use.

Legend: B batch, K keypoints, D depth, H, W; the last axis of coordinates is (x, y, z) in -1..1, corner-aligned:
pixel i of N lies at 2 i / (N - 1) - 1.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

VARIANCE = 0.01
# Tails below this are taken for zero: they are nothing beside 1, and denormal numbers make convolutions on a CPU
# several times slower.
TAIL = 1e-30


def axis(size: int, device: torch.device | str | None = None) -> Tensor:
    """Corner-aligned coordinates from -1 to 1: (size,)."""
    return 2.0 * (torch.arange(size, dtype=torch.float32, device=device) / (size - 1)) - 1.0


def volume_grid(depth: int, side: int, device: torch.device | str | None = None) -> Tensor:
    """(D, H, W, 3) coordinates of a volume's voxels."""
    z, y, x = torch.meshgrid(axis(depth, device), axis(side, device), axis(side, device), indexing="ij")
    return torch.stack((x, y, z), dim=-1)


def heatmaps(keypoints: Tensor, depth: int, side: int) -> Tensor:
    """(B, K, D, H, W) exp(-|voxel - keypoint|^2 / (2 * 0.01)) of keypoints (B, K, 3).

    A Gaussian is the product of its axes', so only K (D + H + W) exponentials are taken.
    """
    device = keypoints.device
    x, y, z = (
        torch.exp(-0.5 / VARIANCE * (axis(size, device) - keypoints[:, :, index, None]).square())
        for index, size in ((0, side), (1, side), (2, depth))
    )
    maps = z[:, :, :, None, None] * (y[:, :, :, None] * x[:, :, None, :])[:, :, None]
    return functional.threshold(maps, TAIL, 0.0)
