"""Each fast convolution against torch's own direct convolution in float64."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from generators.convolution import FewOutputs, Plain, Upsampled, Winograd


def case(outputs: int, channels: int, kernel: int, height: int, width: int, batch: int = 2):
    random = torch.Generator().manual_seed(outputs * 1000 + channels)
    x = torch.randn(batch, channels, height, width, generator=random)
    weight = torch.randn(outputs, channels, kernel, kernel, generator=random) / (channels * kernel**2) ** 0.5
    return x, weight, torch.randn(outputs, generator=random)


def direct(x, weight, bias):
    return F.conv2d(x.double(), weight.double(), None if bias is None else bias.double(), padding=weight.shape[-1] // 2)


@pytest.mark.parametrize(("height", "width"), [(4, 4), (8, 20), (32, 12)])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_winograd_is_the_direct_convolution(height, width, layout):
    x, weight, bias = case(7, 5, 3, height, width)
    out = Winograd(weight, bias)(x.contiguous(memory_format=layout))
    assert out.shape == (2, 7, height, width)
    assert (out - direct(x, weight, bias)).abs().max() < 5e-5


def test_winograd_gives_the_same_in_many_bands_as_in_one():
    x, weight, bias = case(6, 4, 3, 24, 16)
    one, many = Winograd(weight, bias), Winograd(weight, bias, scratch=1)
    torch.testing.assert_close(many(x), one(x), rtol=0, atol=2e-5)


def test_winograd_without_a_bias():
    x, weight, _ = case(3, 4, 3, 8, 8)
    assert (Winograd(weight, None)(x) - direct(x, weight, None)).abs().max() < 5e-5


@pytest.mark.parametrize(("height", "width"), [(1, 1), (2, 5), (9, 4)])
def test_upsampled_is_nearest_upsampling_and_a_convolution(height, width):
    x, weight, bias = case(3, 6, 3, height, width)
    truth = direct(F.interpolate(x, scale_factor=2, mode="nearest"), weight, bias)
    out = Upsampled(weight, bias)(x)
    assert out.shape == truth.shape
    assert (out - truth).abs().max() < 1e-5


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("kernel", [3, 7])
def test_few_outputs_is_the_direct_convolution(outputs, kernel):
    x, weight, bias = case(outputs, 5, kernel, 11, 6)
    truth = direct(x, weight, bias)
    out = FewOutputs(weight, bias)(x)
    assert out.shape == truth.shape
    assert (out - truth).abs().max() < 1e-5


@pytest.mark.parametrize("kind", [Plain, Upsampled, FewOutputs])
def test_bfloat16_stays_within_its_own_rounding(kind):
    x, weight, bias = case(3, 16, 3, 8, 8)
    truth = direct(F.interpolate(x, scale_factor=2) if kind is Upsampled else x, weight, bias)
    error = (kind(weight, bias, torch.bfloat16)(x).double() - truth).abs().max()
    # Unit-sized outputs of weights and inputs rounded to 8 bits: clearly wrong in float32's terms, near in bfloat16's.
    assert 1e-4 < error < 5e-2
