"""Folding: after loading, a batch norm becomes part of the layer before it.

In evaluation mode y = (W x + b - mean) * gamma / sqrt(var + eps) + beta is one affine map of each channel, so the norm
costs nothing. Exact in real arithmetic; computed in float64.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def affine(norm: Any) -> tuple[Tensor, Tensor]:
    """(scale, offset) of a batch norm in evaluation mode, each (C,), float64."""
    assert norm.running_mean is not None, "the published norms keep running statistics"
    assert norm.running_var is not None, "the published norms keep running statistics"
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def absorb(layer: Any, norm: Any) -> None:
    """Changes a convolution or linear layer, in place, into itself followed by `norm`."""
    with torch.no_grad():
        scale, offset = affine(norm)
        weight = layer.weight.double() * scale.view(-1, *(1,) * (layer.weight.ndim - 1))
        bias = 0.0 if layer.bias is None else layer.bias.double() * scale
        kind = layer.weight.dtype
        layer.weight = nn.Parameter(weight.to(kind), requires_grad=False)
        layer.bias = nn.Parameter((offset + bias).to(kind), requires_grad=False)
