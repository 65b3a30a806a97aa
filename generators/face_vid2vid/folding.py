"""Folding of whole networks: batch norms go into the convolutions before them (`generators.folding`), and a spectrally
normed weight, a constant at inference, becomes a plain one."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from generators.face_vid2vid.blocks import SpectralConv2d
from generators.folding import absorb


def fold(network: nn.Module) -> None:
    """Folds, in place, each pair that a block declares in `folds`, and each spectral norm. Folding twice is safe."""
    with torch.no_grad():
        for block in list(network.modules()):
            for convolution, norm in getattr(block, "folds", ()):
                if isinstance(getattr(block, norm, None), (nn.BatchNorm2d, nn.BatchNorm3d)):
                    absorb(getattr(block, convolution), getattr(block, norm))
                    setattr(block, norm, nn.Identity())
            for name, child in list(block.named_children()):
                if isinstance(child, SpectralConv2d):
                    setattr(block, name, plain(child))


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
