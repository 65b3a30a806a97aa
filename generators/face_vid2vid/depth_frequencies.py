"""A deep convolution taken to frequencies in depth: many taps in depth cost no more than few.

Along depth, a convolution is a product of Fourier coefficients; each complex product takes three real ones (Gauss),
here three 2-D convolutions. With 16 slices and 7 taps that is 28 convolutions instead of 7 for each of 16 slices.
Frequencies are orthogonal, so little is lost to rounding.
Legend: B batch, D depth, H, W, C, O; volumes are (B, D, H, W, C); N the length of the Fourier transform.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

# Convolutions whose inputs are made at once, so that these stay small.
AT_ONCE = 4


def transforms(depth: int, taps: int) -> tuple[Tensor, Tensor, Tensor]:
    """(analysis (V, D), weighting (V, taps), synthesis (D, V)), float64, of a zero-padded correlation along depth.

    output = synthesis (weighting w * analysis x), of the input's length. N is odd and long enough that what wraps
    around is zero.
    """
    reach = taps // 2
    length = depth + reach + (depth + reach + 1) % 2
    place = torch.arange(depth, dtype=torch.float64)
    tap = torch.arange(taps, dtype=torch.float64) - reach
    analysis, weighting, synthesis = [torch.ones_like(place)], [torch.ones_like(tap)], [torch.ones_like(place)]
    for frequency in range(1, length // 2 + 1):
        turn = 2 * math.pi * frequency / length
        x_real, x_imaginary = (turn * place).cos(), -(turn * place).sin()
        w_real, w_imaginary = (turn * tap).cos(), (turn * tap).sin()
        analysis += [x_real + x_imaginary, x_real, x_imaginary]
        weighting += [w_real, w_imaginary - w_real, w_real + w_imaginary]
        back_real, back_imaginary = 2 * (turn * place).cos(), -2 * (turn * place).sin()
        synthesis += [back_real + back_imaginary, back_imaginary, -back_real]
    return torch.stack(analysis), torch.stack(weighting), torch.stack(synthesis, dim=1) / length


class DepthFrequencies(nn.Module):
    """A convolution with an odd cubic kernel, zero-padded to keep the size, of volumes of one fixed depth."""

    analysis: Tensor
    synthesis: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, depth: int) -> None:
        super().__init__()
        self.kernel = weight.shape[-1]
        analysis, weighting, synthesis = transforms(depth, weight.shape[2])
        units = torch.einsum("vk,ockij->voijc", weighting, weight.double()).to(weight.dtype)
        # Stored channels last, used as (V, O, C, h, w).
        self.register_buffer("weight", units.contiguous().permute(0, 1, 4, 2, 3), persistent=False)
        self.register_buffer("bias", bias.detach().clone(), persistent=False)
        self.register_buffer("analysis", analysis.to(weight.dtype), persistent=False)
        self.register_buffer("synthesis", synthesis.to(weight.dtype), persistent=False)

    def forward(self, volume: Tensor) -> Tensor:
        """(B, D, H, W, O) of (B, D, H, W, C)."""
        batch, depth, height, width, channels = volume.shape
        columns = volume.reshape(batch, depth, -1)
        products = []
        for first in range(0, len(self.analysis), AT_ONCE):
            units = (self.analysis[first : first + AT_ONCE] @ columns).view(batch, -1, height, width, channels)
            for index in range(units.shape[1]):
                unit = units[:, index].permute(0, 3, 1, 2)
                y = functional.conv2d(unit, self.weight[first + index], padding=self.kernel // 2)
                products.append(y.permute(0, 2, 3, 1).flatten(1))
        total = self.synthesis @ torch.stack(products, dim=1)
        return total.view(batch, depth, height, width, -1) + self.bias
