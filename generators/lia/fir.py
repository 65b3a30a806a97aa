"""The one filter of this network: a 4-tap binomial, used as blur, as x2 up-sampler and before x2 down-sampling.

Legend: B batch, C channels, H W height and width. Kernel: outer([1, 3, 3, 1]) / 64, which sums to 1; up-sampling
multiplies it by 4 because three quarters of the samples it sees are inserted zeros.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

TAPS = (1.0, 3.0, 3.0, 1.0)


def kernel(gain: float = 1.0) -> Tensor:
    """The (4, 4) kernel, float32, summing to `gain`."""
    taps = torch.tensor(TAPS, dtype=torch.float32)
    outer = torch.outer(taps, taps)
    return outer * (gain / outer.sum())


def upfirdn(x: Tensor, taps: Tensor, up: int = 1, down: int = 1, pad: tuple[int, int] = (0, 0)) -> Tensor:
    """Insert `up` - 1 zeros after each sample, pad both axes (before, after), convolve, keep every `down`-th sample.

    x (B, C, H, W) -> (B, C, (H*up + sum(pad) - 3 - 1) // down + 1, ...). A true convolution: the kernel is flipped.
    """
    batch, channels, height, width = x.shape
    if up > 1:
        spread = x.new_zeros(batch, channels, height, up, width, up)
        spread[:, :, :, 0, :, 0] = x
        x = spread.reshape(batch, channels, height * up, width * up)
    x = F.pad(x, (pad[0], pad[1], pad[0], pad[1]))
    weight = taps.flip(0, 1).to(x.dtype).expand(channels, 1, *taps.shape)
    return F.conv2d(x, weight, stride=down, groups=channels)


class Blur(nn.Module):
    """The filter at one resolution; `kernel` is a buffer because published checkpoints carry it."""

    kernel: Tensor

    def __init__(self, pad: tuple[int, int], gain: float = 1.0) -> None:
        super().__init__()
        self.register_buffer("kernel", kernel(gain))
        self.pad = pad

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, H + sum(pad) - 3, W + sum(pad) - 3)."""
        return upfirdn(x, self.kernel, pad=self.pad)


class Upsample(nn.Module):
    """Doubles the size of the small flow and colour maps with the FIR filter."""

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("kernel", kernel(4.0))

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C, 2H, 2W)."""
        return upfirdn(x, self.kernel, up=2, pad=(2, 1))
