"""Convolutions with fewer products equal plain ones, borders and strips included."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from generators import products
from generators.face_vid2vid.depth_columns import DepthColumns
from generators.face_vid2vid.depth_frequencies import DepthFrequencies, transforms
from generators.products import (
    DOUBLED,
    QUADRUPLED,
    WINOGRAD,
    DirectConvolution,
    ProductConvolution,
    Scheme,
    StackedConvolution,
    framed,
)


def random(*shape: int) -> Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(sum(shape)), dtype=torch.float64)


def plain(x: Tensor, weight: Tensor, bias: Tensor, enlarge: int) -> Tensor:
    """The definition: repeat H and W, then convolve with zero padding; x channels last."""
    x = x.repeat_interleave(enlarge, dim=-3).repeat_interleave(enlarge, dim=-2).movedim(-1, 1)
    convolve = functional.conv2d if weight.ndim == 4 else functional.conv3d
    return convolve(x, weight, bias, padding=1).movedim(1, -1)


@pytest.mark.parametrize(("scheme", "enlarge"), [(WINOGRAD, 1), (DOUBLED, 2), (QUADRUPLED, 4)])
@pytest.mark.parametrize("deep", [(), (3,)])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_product_convolution_equals_the_plain_one_everywhere(
    scheme: Scheme, enlarge: int, deep: tuple[int, ...], batch: int
) -> None:
    x = random(batch, *deep, 8, 12, 5)
    weight, bias = random(7, 5, *(3 for _ in deep), 3, 3), random(7)

    y = ProductConvolution(weight, bias, scheme)(framed(x))

    torch.testing.assert_close(y, plain(x, weight, bias, enlarge), rtol=0, atol=1e-12)


@pytest.mark.parametrize("enlarge", [1, 2, 4])
@pytest.mark.parametrize("deep", [(), (3,)])
def test_a_direct_convolution_equals_the_plain_one_everywhere(enlarge: int, deep: tuple[int, ...]) -> None:
    x = random(2, *deep, 8, 12, 5)
    weight, bias = random(7, 5, *(3 for _ in deep), 3, 3), random(7)

    y = DirectConvolution(weight, bias, enlarge)(framed(x))

    torch.testing.assert_close(y, plain(x, weight, bias, enlarge), rtol=0, atol=1e-12)


@pytest.mark.parametrize("enlarge", [2, 3, 4])
@pytest.mark.parametrize("deep", [(), (3,)])
def test_stacked_outputs_of_small_pixels_are_the_enlarged_maps(enlarge: int, deep: tuple[int, ...]) -> None:
    x = random(2, *deep, 8, 12, 5)
    weight, bias = random(7, 5, *(3 for _ in deep), 3, 3), random(7)
    made = StackedConvolution(weight, bias, enlarge)

    torch.testing.assert_close(made(framed(x)), plain(x, weight, bias, enlarge), rtol=0, atol=1e-12)
    assert len(made.weight) == 7 * enlarge**2


@pytest.mark.parametrize("kind", ["winograd", "doubled", "direct", "direct enlarged"])
def test_many_strips_join_to_what_one_strip_gives(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight, bias = framed(random(1, 8, 8, 3)), random(4, 3, 3, 3), random(4)
    made = {
        "winograd": ProductConvolution(weight, bias, WINOGRAD),
        "doubled": ProductConvolution(weight, bias, DOUBLED),
        "direct": DirectConvolution(weight, bias),
        "direct enlarged": DirectConvolution(weight, bias, 2),
    }[kind]
    whole = list(made.strips(x))
    monkeypatch.setattr(products, "PIECE", 1)
    monkeypatch.setattr(products, "TILES", 1)

    pieces = list(made.strips(x))

    assert (len(whole), len(pieces)) == (1, {"winograd": 2, "doubled": 8, "direct": 2, "direct enlarged": 4}[kind])
    first_rows = [row for row, _ in pieces]
    assert first_rows == [sum(strip.shape[1] for _, strip in pieces[:index]) for index in range(len(pieces))]
    torch.testing.assert_close(torch.cat([strip for _, strip in pieces], dim=1), whole[0][1], rtol=0, atol=1e-12)


def test_a_slice_of_channels_is_read_in_place() -> None:
    x, weight, bias = framed(random(1, 8, 8, 6)), random(4, 3, 3, 3), random(4)

    y = ProductConvolution(weight, bias, WINOGRAD)(x[..., 2:5])

    torch.testing.assert_close(y, plain(x[:, 1:-1, 1:-1, 2:5], weight, bias, 1), rtol=0, atol=1e-12)


def test_winograd_in_float32_rounds_little_more_than_the_plain_convolution() -> None:
    x, weight, bias = random(1, 16, 16, 128), random(32, 128, 3, 3) / (9 * 128) ** 0.5, random(32)
    exact = plain(x, weight, bias, 1)
    single = (x.float(), weight.float(), bias.float())

    def error(y: Tensor) -> float:
        return float((y.double() - exact).abs().mean())

    products_error = error(ProductConvolution(single[1], single[2], WINOGRAD)(framed(single[0])))

    assert products_error < 6 * error(plain(*single, 1))
    assert products_error < 2e-6


def test_winograd_refuses_maps_that_its_tiles_do_not_cover() -> None:
    with pytest.raises(AssertionError):
        ProductConvolution(random(2, 3, 3, 3), random(2), WINOGRAD)(framed(random(1, 6, 8, 3)))


@pytest.mark.parametrize(("depth", "taps"), [(16, 7), (5, 7), (4, 3), (1, 3)])
def test_frequencies_in_depth_are_a_zero_padded_correlation(depth: int, taps: int) -> None:
    analysis, weighting, synthesis = transforms(depth, taps)
    x, w = random(depth), random(taps)

    y = synthesis @ ((weighting @ w) * (analysis @ x))

    expected = functional.conv1d(x.view(1, 1, -1), w.view(1, 1, -1), padding=taps // 2)[0, 0]
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-12)


def test_sixteen_slices_and_seven_taps_take_28_products() -> None:
    assert transforms(16, 7)[0].shape == (28, 16)


@pytest.mark.parametrize("batch", [1, 2])
def test_a_deep_convolution_by_frequencies_or_columns_equals_the_plain_one(batch: int) -> None:
    x, weight, bias = random(batch, 6, 9, 8, 4), random(3, 4, 7, 7, 7), random(3)

    y = DepthFrequencies(weight, bias, 6)(x)
    z = DepthColumns(weight, bias, torch.float64)(x)

    expected = functional.conv3d(x.movedim(-1, 1), weight, bias, padding=3).movedim(1, -1)
    torch.testing.assert_close(y, expected, rtol=0, atol=1e-11)
    assert z.dtype == torch.float32  # whatever the convolution computes in
    torch.testing.assert_close(z.double(), expected, rtol=0, atol=1e-4)
