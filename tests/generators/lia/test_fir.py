"""The filter against scipy's."""

import numpy as np
import pytest
import torch
from scipy import signal

from generators.lia.fir import Blur, Upsample, kernel, upfirdn

BINOMIAL = np.array([1.0, 3.0, 3.0, 1.0])


def scipy_upfirdn(x: np.ndarray, taps: np.ndarray, up: int, down: int, pad: tuple[int, int]) -> np.ndarray:
    """Zero insertion and padding by hand, the convolution by scipy."""
    spread = np.zeros((x.shape[0] * up, x.shape[1] * up))
    spread[::up, ::up] = x
    return signal.convolve2d(np.pad(spread, pad), taps, mode="valid")[::down, ::down]


@pytest.mark.parametrize(
    ("up", "down", "pad"), [(1, 1, (1, 1)), (1, 1, (2, 2)), (2, 1, (2, 1)), (1, 2, (1, 1)), (2, 2, (3, 0))]
)
def test_upfirdn_is_scipys_true_convolution_even_for_a_lopsided_kernel(up, down, pad):
    random = np.random.default_rng(up * 10 + down)
    x, taps = random.normal(size=(2, 3, 7, 9)), random.normal(size=(4, 4))
    ours = upfirdn(torch.from_numpy(x), torch.from_numpy(taps), up, down, pad).numpy()
    for b in range(2):
        for c in range(3):
            np.testing.assert_allclose(ours[b, c], scipy_upfirdn(x[b, c], taps, up, down, pad), atol=1e-12)


@pytest.mark.parametrize("gain", [1.0, 4.0])
def test_kernel_is_the_outer_product_of_binomials_with_the_asked_sum(gain):
    np.testing.assert_allclose(kernel(gain).numpy(), gain * np.outer(BINOMIAL, BINOMIAL) / 64.0, rtol=1e-7)


def test_blur_keeps_a_constant_away_from_the_border():
    blurred = Blur((2, 2))(torch.ones(1, 2, 12, 12))
    assert blurred.shape == (1, 2, 13, 13)
    torch.testing.assert_close(blurred[:, :, 2:-2, 2:-2], torch.ones(1, 2, 9, 9))


def test_upsample_is_scipys_polyphase_filter_on_both_axes():
    x = np.random.default_rng(3).normal(size=(6, 5))
    taps = BINOMIAL / 4.0
    # scipy's output starts with the filter's first tap on the first sample; ours is one sample later.
    rows = signal.upfirdn(taps, x, up=2, axis=0)[1 : 1 + 12]
    expected = signal.upfirdn(taps, rows, up=2, axis=1)[:, 1 : 1 + 10]
    ours = Upsample()(torch.from_numpy(x)[None, None])[0, 0].numpy()
    np.testing.assert_allclose(ours, expected, atol=1e-6)


def test_upsample_keeps_a_constant_away_from_the_border():
    up = Upsample()(torch.full((1, 1, 8, 8), 3.0))
    torch.testing.assert_close(up[:, :, 1:-1, 1:-1], torch.full((1, 1, 14, 14), 3.0))
