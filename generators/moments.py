"""Instance statistics in channels_last memory: what a GPU's own instance and group norms would reorder the map for.

Legend: B batch, C channels, H, W; statistics are float32 whatever the map's type.
"""

from __future__ import annotations

import torch
from torch import Tensor


def moments(x: Tensor, dims: tuple[int, int]) -> tuple[Tensor, Tensor]:
    """Mean and variance (of all, not of a sample) over two dimensions, which are kept with length 1; float32."""
    if x.dtype == torch.float32:
        variance, mean = torch.var_mean(x, dim=dims, correction=0, keepdim=True)
        return mean, variance
    # Both sums are taken in float32 while the map is read in its own type.
    mean = x.mean(dim=dims, keepdim=True, dtype=torch.float32)
    length = torch.linalg.vector_norm(x, dim=dims, keepdim=True, dtype=torch.float32)
    return mean, (length.square() / (x.shape[dims[0]] * x.shape[dims[1]]) - mean.square()).clamp_min(0)


def standardising(x: Tensor, dims: tuple[int, int], epsilon: float) -> tuple[Tensor, Tensor]:
    """(scale, shift), float32: x * scale + shift has mean 0 and variance 1 over `dims`."""
    mean, variance = moments(x, dims)
    scale = torch.rsqrt(variance + epsilon)
    return scale, -mean * scale


def scaled(x: Tensor, scale: Tensor, dtype: torch.dtype) -> Tensor:
    """The map times `scale`, multiplied in float32 and rounded to `dtype`, in one pass and in x's memory order."""
    return torch.mul(x, scale, out=torch.empty_like(x, dtype=dtype))


def affine(x: Tensor, scale: Tensor, shift: Tensor, out: Tensor) -> Tensor:
    """The map times `scale` plus `shift`, computed in float32 and rounded to the type of `out`, in one pass."""
    return torch.addcmul(shift, x, scale, out=out)
