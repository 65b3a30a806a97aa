"""Folding: after loading, norms that are constant at inference become part of the convolution before them.

Exact in real arithmetic: batch norm in evaluation mode is an affine map of each channel, and a spectrally normed
weight is a constant.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from generators.face_vid2vid.blocks import SpectralConv2d


def fold(network: nn.Module) -> None:
    """Folds, in place, each pair that a block declares in `folds`, and each spectral norm. Folding twice is safe."""
    with torch.no_grad():
        for block in list(network.modules()):
            for convolution, norm in getattr(block, "folds", ()):
                if isinstance(getattr(block, norm, None), (nn.BatchNorm2d, nn.BatchNorm3d)):
                    _absorb(getattr(block, convolution), getattr(block, norm))
                    setattr(block, norm, nn.Identity())
            for name, child in list(block.named_children()):
                if isinstance(child, SpectralConv2d):
                    setattr(block, name, plain(child))


def affine(norm: nn.BatchNorm2d | nn.BatchNorm3d) -> tuple[Tensor, Tensor]:
    """(scale, offset) of a batch norm in evaluation mode, each (C,), computed in float64."""
    assert norm.running_mean is not None, "the published norms keep running statistics"
    assert norm.running_var is not None, "the published norms keep running statistics"
    scale = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
    return scale, norm.bias.double() - norm.running_mean.double() * scale


def bias_of(convolution: nn.Module) -> Tensor:
    """The bias of a convolution that has one."""
    assert isinstance(convolution.bias, Tensor), "this published convolution carries a bias"
    return convolution.bias.detach()


def plain(spectral: SpectralConv2d) -> nn.Conv2d:
    """The ordinary convolution that a spectrally normed one amounts to."""
    outputs, inputs, kernel, _ = spectral.weight_orig.shape
    with torch.device("meta"):
        convolution = nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2, bias=spectral.bias is not None)
    weight = spectral.weight_orig.double()
    sigma = spectral.weight_u.double() @ (weight.flatten(1) @ spectral.weight_v.double())
    convolution.weight = nn.Parameter((weight / sigma).to(spectral.weight_orig.dtype), requires_grad=False)
    if spectral.bias is not None:
        convolution.bias = nn.Parameter(spectral.bias.detach(), requires_grad=False)
    return convolution


def _absorb(convolution: nn.Conv2d | nn.Conv3d, norm: nn.BatchNorm2d | nn.BatchNorm3d) -> None:
    scale, offset = affine(norm)
    shape = (-1,) + (1,) * (convolution.weight.ndim - 1)
    weight = convolution.weight.double() * scale.view(shape)
    bias = 0.0 if convolution.bias is None else convolution.bias.double() * scale
    kind = convolution.weight.dtype
    convolution.weight = nn.Parameter(weight.to(kind), requires_grad=False)
    convolution.bias = nn.Parameter((offset + bias).to(kind), requires_grad=False)
