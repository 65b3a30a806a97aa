"""A layer that has absorbed its batch norm computes what both computed."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from generators.folding import absorb


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(
    ("layer", "norm", "shape"),
    [
        (lambda bias: nn.Linear(5, 4, bias=bias), nn.BatchNorm1d, (3, 5)),
        (lambda bias: nn.Conv2d(5, 4, 3, bias=bias), nn.BatchNorm2d, (2, 5, 6, 7)),
        (lambda bias: nn.Conv3d(5, 4, 3, bias=bias), nn.BatchNorm3d, (2, 5, 4, 6, 7)),
    ],
    ids=["linear", "2-D", "3-D"],
)
@torch.no_grad()
def test_a_layer_absorbs_the_norm_after_it(layer, norm, shape, bias):
    torch.manual_seed(0)
    first, second = layer(bias), norm(4).eval()
    for tensor in (second.weight, second.bias, second.running_mean):
        tensor.normal_()
    second.running_var.uniform_(0.5, 2.0)
    x = torch.randn(shape)
    expected = second(first(x))
    absorb(first, second)
    torch.testing.assert_close(first(x), expected, rtol=1e-5, atol=1e-5)
