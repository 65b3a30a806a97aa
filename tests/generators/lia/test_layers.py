"""The published layers against formulas written out with numpy and scipy in float64."""

import math

import numpy as np
import pytest
import torch
from scipy import ndimage, signal

from generators.lia.layers import ConvLayer, ModulatedConv, ResidualBlock, ScaledLinear, ToFlow, ToRgb

BLUR = np.outer([1.0, 3.0, 3.0, 1.0], [1.0, 3.0, 3.0, 1.0]) / 64.0


@pytest.fixture(autouse=True)
def double_precision():
    torch.manual_seed(5)
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def modulated_weights(layer: ModulatedConv, style: np.ndarray) -> np.ndarray:
    """(C', C, k, k) for one style vector: the paper's formula."""
    weight = layer.weight.detach().numpy()[0] / math.sqrt(np.prod(layer.weight.shape[2:]))
    linear = layer.modulation
    scale = linear.weight.detach().numpy() @ style / math.sqrt(style.size) + linear.bias.detach().numpy()
    weight = weight * scale[None, :, None, None]
    if layer.demodulate:
        weight = weight / np.sqrt((weight**2).sum(axis=(1, 2, 3), keepdims=True) + 1e-8)
    return weight


@pytest.mark.parametrize("demodulate", [True, False])
@pytest.mark.parametrize("size", [1, 3])
def test_modulated_convolution_uses_each_samples_own_weights(size, demodulate):
    layer = ModulatedConv(4, 5, size, 6, demodulate=demodulate)
    x, style = torch.randn(2, 4, 7, 7), torch.randn(2, 6)
    ours = layer(x, style).detach().numpy()
    for b in range(2):
        weight = modulated_weights(layer, style[b].numpy())
        for o in range(5):
            expected = sum(signal.correlate2d(x[b, c].numpy(), weight[o, c], mode="same") for c in range(4))
            np.testing.assert_allclose(ours[b, o], expected, atol=1e-10)


def test_upsampling_modulated_convolution_is_zero_insertion_full_convolution_and_blur():
    layer = ModulatedConv(3, 2, 3, 4, upsample=True)
    x, style = torch.randn(2, 3, 5, 5), torch.randn(2, 4)
    ours = layer(x, style).detach().numpy()
    assert ours.shape == (2, 2, 10, 10)
    for b in range(2):
        weight = modulated_weights(layer, style[b].numpy())
        for o in range(2):
            total = np.zeros((11, 11))
            for c in range(3):
                spread = np.zeros((9, 9))
                spread[::2, ::2] = x[b, c].numpy()
                total += signal.convolve2d(spread, weight[o, c], mode="full")
            expected = signal.convolve2d(np.pad(total, 1), 4.0 * BLUR, mode="valid")
            np.testing.assert_allclose(ours[b, o], expected, atol=1e-6)


def test_scaled_linear_divides_by_the_root_of_its_inputs():
    layer = ScaledLinear(9, 2, bias=0.5)
    x = torch.randn(1, 9)
    expected = x.numpy() @ layer.weight.detach().numpy().T / 3.0 + 0.5
    np.testing.assert_allclose(layer(x).detach().numpy(), expected, atol=1e-12)


def test_halving_layer_blurs_convolves_with_stride_two_and_activates():
    layer = ConvLayer(2, 3, 3, down=True)
    torch.nn.init.normal_(layer.act.bias)
    x = torch.randn(1, 2, 8, 8)
    ours = layer(x).detach().numpy()
    weight = layer.conv.weight.detach().numpy() / math.sqrt(2 * 9)
    for o in range(3):
        total = (
            sum(
                signal.correlate2d(
                    signal.convolve2d(np.pad(x[0, c].numpy(), 2), BLUR, mode="valid"), weight[o, c], mode="valid"
                )[::2, ::2]
                for c in range(2)
            )
            + layer.act.bias[0, o].item()
        )
        expected = np.where(total > 0, total, 0.2 * total) * math.sqrt(2.0)
        np.testing.assert_allclose(ours[0, o], expected, atol=1e-6)


def test_residual_block_halves_and_averages_its_two_ways():
    block = ResidualBlock(4, 6)
    x = torch.randn(2, 4, 8, 8)
    out = block(x)
    assert out.shape == (2, 6, 4, 4)
    torch.testing.assert_close(out * math.sqrt(2.0), block.conv2(block.conv1(x)) + block.skip(x))


def test_flow_reads_corner_aligned_positions_at_pixel_centres_and_blends_by_the_mask():
    layer = ToFlow(3, 4)
    torch.nn.init.normal_(layer.bias)
    hidden, style, feature = torch.randn(1, 3, 8, 8), torch.randn(1, 4), torch.randn(1, 3, 8, 8)
    coarser = torch.randn(1, 3, 4, 4)
    warped, blended, flow_map = (t.detach().numpy() for t in layer(hidden, style, feature, coarser))
    x_flow, y_flow, mask = flow_map[0]
    identity = np.linspace(-1.0, 1.0, 8)
    columns = ((np.tanh(x_flow) + identity[None, :] + 1.0) * 8 - 1.0) / 2.0
    rows = ((np.tanh(y_flow) + identity[:, None] + 1.0) * 8 - 1.0) / 2.0
    share = 1.0 / (1.0 + np.exp(-mask))
    for c in range(3):
        # One ring of zeros: beyond the border, bilinear weights meet zeros.
        padded = np.pad(feature[0, c].numpy(), 2)
        sampled = ndimage.map_coordinates(padded, [rows + 2, columns + 2], order=1, mode="constant")
        np.testing.assert_allclose(warped[0, c], sampled * share, atol=1e-10)
        np.testing.assert_allclose(blended[0, c], sampled * share + hidden[0, c].numpy() * (1.0 - share), atol=1e-10)


def test_colours_are_activated_biased_and_added_to_the_coarser_ones():
    layer = ToRgb(4)
    torch.nn.init.normal_(layer.bias)
    torch.nn.init.normal_(layer.conv.act.bias)
    warped, coarser = torch.randn(1, 4, 6, 6), torch.randn(1, 3, 3, 3)
    weight = layer.conv.conv.weight.detach()[:, :, 0, 0] / 2.0
    linear = torch.einsum("oc,bchw->bohw", weight, warped) + layer.conv.act.bias
    expected = torch.where(linear > 0, linear, 0.2 * linear) * math.sqrt(2.0) + layer.bias
    torch.testing.assert_close(layer(warped, None), expected)
    torch.testing.assert_close(layer(warped, coarser), expected + layer.upsample(coarser))
