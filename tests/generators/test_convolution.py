"""Each fast convolution against torch's own direct convolution in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from generators.convolution import Columns, FewOutputs, Plain, Products, Upsampled, doubling, same
from generators.products import DOUBLED


def case(outputs: int, channels: int, kernel: int, height: int, width: int, batch: int = 2):
    random = torch.Generator().manual_seed(outputs * 1000 + channels)
    x = torch.randn(batch, channels, height, width, generator=random)
    weight = torch.randn(outputs, channels, kernel, kernel, generator=random) / (channels * kernel**2) ** 0.5
    return x, weight, torch.randn(outputs, generator=random)


def direct(x, weight, bias):
    return F.conv2d(x.double(), weight.double(), None if bias is None else bias.double(), padding=weight.shape[-1] // 2)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (32, 12)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_products_are_the_direct_convolution(height, width, layout):
    x, weight, bias = case(7, 5, 3, height, width)
    out = Products(weight, bias)(x.contiguous(memory_format=layout))
    assert out.shape == (2, 7, height, width)
    assert out.is_contiguous(memory_format=torch.channels_last)
    assert (out - direct(x, weight, bias)).abs().max() < 5e-5


def test_products_without_a_bias():
    x, weight, _ = case(3, 4, 3, 8, 8)
    assert (Products(weight, None)(x) - direct(x, weight, None)).abs().max() < 5e-5


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (9, 4)])
def test_upsampled_is_nearest_upsampling_and_a_convolution(height, width):
    x, weight, bias = case(3, 6, 3, height, width)
    truth = direct(F.interpolate(x, scale_factor=2, mode="nearest"), weight, bias)
    for way in (Upsampled(weight, bias), Products(weight, bias, DOUBLED)):
        out = way(x)
        assert out.shape == truth.shape
        assert (out - truth).abs().max() < 1e-5


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("kernel", [3, 7])
@pytest.mark.parametrize("kind", [FewOutputs, Columns])
def test_few_outputs_is_the_direct_convolution(kind, outputs, kernel):
    x, weight, bias = case(outputs, 5, kernel, 11, 6)
    truth = direct(x, weight, bias)
    out = kind(weight, bias)(x)
    assert out.shape == truth.shape
    assert (out - truth).abs().max() < 1e-5


@pytest.mark.parametrize("kind", [Plain, Upsampled, FewOutputs, Columns])
def test_bfloat16_stays_within_its_own_rounding(kind):
    x, weight, bias = case(3, 16, 3, 8, 8)
    truth = direct(F.interpolate(x, scale_factor=2) if kind is Upsampled else x, weight, bias)
    error = (kind(weight, bias, torch.bfloat16)(x).double() - truth).abs().max()
    # Unit-sized outputs of weights and inputs rounded to 8 bits: clearly wrong in float32's terms, near in bfloat16's.
    assert 1e-4 < error < 5e-2


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("size", [4, 18, 32, 36])
def test_whatever_is_chosen_for_a_size_is_the_same_convolution(size, dtype):
    x, weight, bias = case(64, 64, 3, size, size, batch=1)
    bound = 5e-5 if dtype == torch.float32 else 5e-2
    larger = F.interpolate(x, scale_factor=2, mode="nearest")
    assert (same(weight, bias, size, dtype)(x) - direct(x, weight, bias)).abs().max() < bound
    assert (doubling(weight, bias, size, dtype)(x) - direct(larger, weight, bias)).abs().max() < bound
