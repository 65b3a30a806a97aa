"""3x3 convolutions with fewer multiplications: as transforms, one matrix product a transform coefficient, and back.

A `Scheme` computes an output tile from an input patch in one dimension; two dimensions are its Kronecker square.
* WINOGRAD: F(4, 3) of Lavin and Gray 2016, by Toom-Cook at 0, 1, -1, 2, -1/2 and infinity: 36 products for 16 output
  pixels instead of 144. The point -1/2 in the place of -2 halves the rounding error (measured).
* DOUBLED, QUADRUPLED: a convolution after H and W were enlarged by repetition, computed at the small size. In one
  dimension, with weights (a, b, c) and small pixels p, x, n around x, the enlarged outputs are
      a p + (b + c) x,  (a + b + c) x,  ...,  (a + b) x + c n
  which three products give: a (p - x), (a + b + c) x, c (n - x). So nine products give 4 or 16 output pixels instead
  of 36 or 144, and nothing is rounded but differences of neighbours. Zero padding of the enlarged map is zero padding
  of the small one, so borders are exact as well.
Legend: B batch, H, W, C; maps are (B, H, W, C). C is last so that every transform moves whole rows of channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

# Pieces of about this many coefficients stay in a core's cache between the three steps.
PIECE = 1 << 20
# Strips begin and end at multiples of this, so that they hold whole pixels of any map they enlarge.
WHOLE = 4


@dataclass(frozen=True)
class Scheme:
    """One dimension of a bilinear convolution algorithm.

    stride: input pixels from patch to patch; a patch begins one pixel before its tile. analysis: (coefficients,
    patch); weighting: (coefficients, 3); synthesis: (tile, coefficients). output = synthesis (weighting w * analysis x).
    constant: the coefficient that enters every output with weight 1, where a bias is added once.
    """

    stride: int
    analysis: tuple[tuple[float, ...], ...]
    weighting: tuple[tuple[float, ...], ...]
    synthesis: tuple[tuple[float, ...], ...]
    constant: int

    @property
    def patch(self) -> int:
        """Input pixels that a tile depends on."""
        return len(self.analysis[0])

    @property
    def tile(self) -> int:
        """Output pixels of a patch."""
        return len(self.synthesis)


def toom_cook(tile: int, taps: int, points: tuple[Fraction, ...]) -> Scheme:
    """Correlation of `taps` weights for `tile` outputs from values at `points` and infinity, one of them being 1."""
    assert len(points) == tile + taps - 2
    weighting, analysis = [], []
    for index, point in enumerate(points):
        others = points[:index] + points[index + 1 :]
        product = [Fraction(1)]
        scale = Fraction(1)
        for other in others:
            product = [
                low - other * high
                for low, high in zip([Fraction(0), *product], [*product, Fraction(0)], strict=True)
            ]
            scale *= point - other
        weighting.append(tuple(float(point**power / scale) for power in range(taps)))
        analysis.append(tuple(float(value) for value in [*product, Fraction(0)]))
    weighting.append((0.0,) * (taps - 1) + (1.0,))
    whole = [Fraction(1)]
    for point in points:
        whole = [low - point * high for low, high in zip([Fraction(0), *whole], [*whole, Fraction(0)], strict=True)]
    analysis.append(tuple(float(value) for value in whole))
    synthesis = tuple(
        tuple(float(point**power) for point in points) + (float(power == tile - 1),) for power in range(tile)
    )
    return Scheme(tile, tuple(analysis), tuple(weighting), synthesis, points.index(Fraction(1)))


WINOGRAD = toom_cook(4, 3, (Fraction(0), Fraction(1), Fraction(-1), Fraction(2), Fraction(-1, 2)))
_NEIGHBOURS = ((1.0, -1.0, 0.0), (0.0, 1.0, 0.0), (0.0, -1.0, 1.0))
_SUMS = ((1.0, 0.0, 0.0), (1.0, 1.0, 1.0), (0.0, 0.0, 1.0))
_FIRST, _MIDDLE, _LAST = (1.0, 1.0, 0.0), (0.0, 1.0, 0.0), (0.0, 1.0, 1.0)
DOUBLED = Scheme(1, _NEIGHBOURS, _SUMS, (_FIRST, _LAST), 1)
QUADRUPLED = Scheme(1, _NEIGHBOURS, _SUMS, (_FIRST, _MIDDLE, _MIDDLE, _LAST), 1)


def square(matrix: tuple[tuple[float, ...], ...]) -> Tensor:
    """Kronecker square of a one-dimensional transform, float64."""
    values = torch.tensor(matrix, dtype=torch.float64)
    return torch.kron(values, values)


class ProductConvolution(nn.Module):
    """A 3x3 convolution, zero-padded by 1, by a scheme; weight (O, C, 3, 3), bias (O,).

    The transformed weight takes `patch`^2 / 9 times the memory of the plain one.
    """

    analysis: Tensor
    synthesis: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, scheme: Scheme) -> None:
        super().__init__()
        self.scheme = scheme
        outputs, inputs = weight.shape[:2]
        self.outputs = outputs
        transform = square(scheme.weighting)
        values = transform @ weight.double().permute(2, 3, 1, 0).reshape(9, inputs * outputs)
        self.register_buffer("weight", values.view(-1, inputs, outputs).to(weight.dtype), persistent=False)
        self.register_buffer("bias", bias.detach().clone(), persistent=False)
        self.register_buffer("analysis", square(scheme.analysis).to(weight.dtype), persistent=False)
        self.register_buffer("synthesis", square(scheme.synthesis).to(weight.dtype), persistent=False)

    @property
    def magnification(self) -> int:
        """Output pixels for an input pixel, in one dimension."""
        return self.scheme.tile // self.scheme.stride

    def strips(self, framed: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(first row, rows of the output (B, h, W', O)) from top to bottom.

        framed: the input with its border of zeros, (B, H + 2, W + 2, C), H and W multiples of the scheme's stride.
        """
        scheme = self.scheme
        batch, height, width, channels = framed.shape
        down, across = (height - 2) // scheme.stride, (width - 2) // scheme.stride
        assert (down * scheme.stride, across * scheme.stride) == (height - 2, width - 2), framed.shape
        coefficients = self.weight.shape[0]
        step = max(1, min(down, PIECE // (batch * across * (channels + self.outputs) * coefficients // 4)))
        strides = framed.stride()
        for start in range(0, down, step):
            rows = min(step, down - start)
            count = batch * rows * across
            patches = framed.as_strided(
                (scheme.patch, scheme.patch, batch, rows, across, channels),
                (strides[1], strides[2], strides[0], scheme.stride * strides[1], scheme.stride * strides[2], 1),
                framed.storage_offset() + start * scheme.stride * strides[1],
            )
            values = (self.analysis @ patches.reshape(coefficients, count * channels)).view(-1, count, channels)
            values = torch.bmm(values, self.weight)
            constant = scheme.constant * scheme.patch + scheme.constant
            values[constant] += self.bias
            tiles = self.synthesis @ values.view(coefficients, count * self.outputs)
            tiles = tiles.view(scheme.tile, scheme.tile, batch, rows, across, self.outputs)
            strip = tiles.permute(2, 3, 0, 4, 1, 5).reshape(batch, rows * scheme.tile, -1, self.outputs)
            yield start * scheme.tile, strip

    def forward(self, framed: Tensor) -> Tensor:
        """The whole output (B, H', W', O)."""
        return torch.cat([strip for _, strip in self.strips(framed)], dim=1)


class DirectConvolution(nn.Module):
    """The same interface by the library's own convolution: for GPUs, for bfloat16, and as the plain form in tests.

    enlarge: H and W are repeated so many times before the convolution.
    """

    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.outputs = weight.shape[0]
        self.register_buffer("weight", weight.contiguous(memory_format=torch.channels_last), persistent=False)
        self.register_buffer("bias", bias.detach().clone(), persistent=False)

    @property
    def magnification(self) -> int:
        """Output pixels for an input pixel, in one dimension."""
        return self.enlarge

    def strips(self, framed: Tensor) -> Iterator[tuple[int, Tensor]]:
        """As `ProductConvolution.strips`; on a GPU the whole map is one strip."""
        batch, height, width, channels = framed.shape
        across = (width - 2) * self.enlarge
        rows = (height - 2) * self.enlarge
        step = rows
        if not framed.is_cuda:
            step = 4 * PIECE // (batch * across * max(channels, self.outputs))
            step = max(WHOLE, step // WHOLE * WHOLE)
        for start in range(0, rows, step):
            stop = min(rows, start + step)
            yield start, self._rows(framed, start, stop)

    def _rows(self, framed: Tensor, start: int, stop: int) -> Tensor:
        if self.enlarge == 1:
            piece = framed[:, start : stop + 2]
        else:
            factor = self.enlarge
            first, last = start // factor, (stop - 1) // factor
            small = framed[:, first : last + 3]
            piece = small.repeat_interleave(factor, dim=1).repeat_interleave(factor, dim=2)
            piece = piece[:, factor - 1 : 1 - factor, factor - 1 : 1 - factor]
        y = functional.conv2d(piece.permute(0, 3, 1, 2), self.weight, self.bias)
        return y.permute(0, 2, 3, 1)

    def forward(self, framed: Tensor) -> Tensor:
        """The whole output (B, H', W', O)."""
        return torch.cat([strip for _, strip in self.strips(framed)], dim=1)


Convolution = ProductConvolution | DirectConvolution


def framed(x: Tensor) -> Tensor:
    """x (B, H, W, C) with a border of one zero pixel."""
    return functional.pad(x, (0, 0, 1, 1, 1, 1))
