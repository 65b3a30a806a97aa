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
Legend: B batch, D depth, H, W, C; maps are (B, H, W, C) or (B, D, H, W, C). C is last so that every transform moves
whole rows of channels.
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
    patch); weighting: (coefficients, 3); synthesis: (tile, coefficients). An output tile is
    synthesis (weighting w * analysis x).
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
                low - other * high for low, high in zip([Fraction(0), *product], [*product, Fraction(0)], strict=True)
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
    """A 3x3 or 3x3x3 convolution, zero-padded by 1, by a scheme in H and W; weight (O, C, [3,] 3, 3), bias (O,).

    Depth is summed tap by tap. The transformed weight takes `patch`^2 / 9 times the memory of the plain one.
    """

    analysis: Tensor
    synthesis: Tensor
    weight: Tensor
    bias: Tensor

    def __init__(self, weight: Tensor, bias: Tensor, scheme: Scheme) -> None:
        super().__init__()
        self.scheme = scheme
        self.outputs = weight.shape[0]
        self.flat = weight.ndim == 4
        taps = weight.double()[:, :, None] if self.flat else weight.double()
        transformed = torch.einsum("vij,ocdij->dvco", square(scheme.weighting).view(-1, 3, 3), taps)
        self.register_buffer("weight", transformed.to(weight.dtype).contiguous(), persistent=False)
        self.register_buffer("bias", bias.detach().clone(), persistent=False)
        self.register_buffer("analysis", square(scheme.analysis).to(weight.dtype), persistent=False)
        self.register_buffer("synthesis", square(scheme.synthesis).to(weight.dtype), persistent=False)

    @property
    def magnification(self) -> int:
        """Output pixels for an input pixel, in H and in W."""
        return self.scheme.tile // self.scheme.stride

    def strips(self, framed: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(first row, rows of the output (B, [D,] h, W', O)) from top to bottom.

        framed: the input with its border of zeros, (B, [D + 2,] H + 2, W + 2, C), H and W multiples of the stride.
        """
        scheme = self.scheme
        volume = framed[:, None] if self.flat else framed
        batch, deep, height, width, channels = volume.shape
        depth = deep + 1 - self.weight.shape[0]
        down, across = (height - 2) // scheme.stride, (width - 2) // scheme.stride
        assert (down * scheme.stride, across * scheme.stride) == (height - 2, width - 2), framed.shape
        coefficients = self.weight.shape[1]
        row_size = batch * deep * across * (channels + self.outputs) * coefficients
        step = max(1, min(down, 4 * PIECE // row_size))
        of_batch, of_slice, of_row, of_column, of_channel = volume.stride()
        for start in range(0, down, step):
            rows = min(step, down - start)
            patches = volume.as_strided(
                (scheme.patch, scheme.patch, batch, deep, rows, across, channels),
                (of_row, of_column, of_batch, of_slice, scheme.stride * of_row, scheme.stride * of_column, of_channel),
                volume.storage_offset() + start * scheme.stride * of_row,
            )
            values = self._products(self.analysis @ patches.reshape(coefficients, -1), batch, deep, channels)
            constant = scheme.constant * scheme.patch + scheme.constant
            values[constant] += self.bias
            tiles = (self.synthesis @ values.view(coefficients, -1)).view(
                scheme.tile, scheme.tile, batch, depth, rows, across, self.outputs
            )
            strip = tiles.permute(2, 3, 4, 0, 5, 1, 6).reshape(batch, depth, rows * scheme.tile, -1, self.outputs)
            yield start * scheme.tile, strip[:, 0] if self.flat else strip

    def _products(self, values: Tensor, batch: int, deep: int, channels: int) -> Tensor:
        """(coefficients, B D tiles, O): each coefficient's matrix product, summed over the taps in depth."""
        taps, coefficients = self.weight.shape[:2]
        values = values.view(coefficients, batch, deep, -1, channels)
        total = None
        for tap in range(taps):
            part = values[:, :, tap : tap + deep + 1 - taps].reshape(coefficients, -1, channels)
            weight = self.weight[tap]
            total = torch.bmm(part, weight) if total is None else torch.baddbmm(total, part, weight, out=total)
        assert total is not None
        return total

    def forward(self, framed: Tensor) -> Tensor:
        """The whole output (B, [D,] H', W', O)."""
        return torch.cat([strip for _, strip in self.strips(framed)], dim=-3)


class DirectConvolution(nn.Module):
    """The same interface by the library's own convolution: for GPUs and for bfloat16.

    enlarge: H and W are repeated so many times before the convolution.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, enlarge: int = 1) -> None:
        super().__init__()
        self.enlarge = enlarge
        self.outputs = weight.shape[0]
        self.flat = weight.ndim == 4
        layout = torch.channels_last if self.flat else torch.channels_last_3d
        self.register_buffer("weight", weight.detach().contiguous(memory_format=layout), persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach().clone(), persistent=False)

    @property
    def magnification(self) -> int:
        """Output pixels for an input pixel, in H and in W."""
        return self.enlarge

    def strips(self, framed: Tensor) -> Iterator[tuple[int, Tensor]]:
        """As `ProductConvolution.strips`; on a GPU the whole map is one strip."""
        height, width, channels = framed.shape[-3:]
        rows, across = (height - 2) * self.enlarge, (width - 2) * self.enlarge
        step = rows
        if framed.device.type == "cpu":
            step = 4 * PIECE // (framed.shape[:-3].numel() * across * max(channels, self.outputs))
            step = max(WHOLE, step // WHOLE * WHOLE)
        for start in range(0, rows, step):
            yield start, self._rows(framed, start, min(rows, start + step))

    def _rows(self, framed: Tensor, start: int, stop: int) -> Tensor:
        factor = self.enlarge
        first, last = start // factor, (stop - 1) // factor
        piece = framed[..., first : last + 3, :, :]
        if factor > 1:
            piece = piece.repeat_interleave(factor, dim=-3).repeat_interleave(factor, dim=-2)
            piece = piece[..., factor - 1 : 1 - factor, factor - 1 : 1 - factor, :]
        if self.flat:
            return functional.conv2d(piece.permute(0, 3, 1, 2), self.weight, self.bias).permute(0, 2, 3, 1)
        return functional.conv3d(piece.permute(0, 4, 1, 2, 3), self.weight, self.bias).permute(0, 2, 3, 4, 1)

    def forward(self, framed: Tensor) -> Tensor:
        """The whole output (B, [D,] H', W', O)."""
        return torch.cat([strip for _, strip in self.strips(framed)], dim=-3)


class StackedConvolution(nn.Module):
    """The same interface for an enlarged map on a GPU: all that a small pixel becomes as outputs of one convolution.

    Along a dimension an enlarged output sees one or two small pixels, by sums of the taps. It takes as many products
    as the enlarged map would, but that map never exists.
    """

    weight: Tensor
    bias: Tensor | None

    def __init__(self, weight: Tensor, bias: Tensor | None, enlarge: int) -> None:
        super().__init__()
        self.magnification = enlarge
        self.outputs = weight.shape[0]
        self.flat = weight.ndim == 4
        # The small pixel that tap t of the output at a place falls on.
        which = torch.tensor([[(place + tap) // enlarge + 1 for tap in (-1, 0, 1)] for place in range(enlarge)])
        taps = functional.one_hot(which, 3).to(weight.device, torch.float64)  # (place, tap, small pixel)
        stacked = torch.einsum("pas,qbt,oc...ab->pqoc...st", taps, taps, weight.double())
        layout = torch.channels_last if self.flat else torch.channels_last_3d
        stacked = stacked.flatten(0, 2).to(weight.dtype).contiguous(memory_format=layout)
        self.register_buffer("weight", stacked, persistent=False)
        self.register_buffer("bias", None if bias is None else bias.detach().repeat(enlarge**2), persistent=False)

    def stacked(self, x: Tensor, padding: int = 0) -> Tensor:
        """(B, enlarge^2 O, [D,] h, w) of small maps (B, C, [D,] h, w): outputs of the upper left place first."""
        convolve = functional.conv2d if self.flat else functional.conv3d
        return convolve(x, self.weight, self.bias, padding=padding)

    def cells(self, framed: Tensor) -> Tensor:
        """The output as a view (B, [D,] h, enlarge, w, enlarge, O), of a framed small map."""
        y = self.stacked(framed.movedim(-1, 1)).movedim(1, -1)
        return y.unflatten(-1, (self.magnification, self.magnification, self.outputs)).transpose(-3, -4)

    def strips(self, framed: Tensor) -> Iterator[tuple[int, Tensor]]:
        """As `ProductConvolution.strips`, the whole map as one strip."""
        yield 0, self.cells(framed).flatten(-3, -2).flatten(-4, -3)

    def forward(self, framed: Tensor) -> Tensor:
        """The whole output (B, [D,] H', W', O)."""
        return next(self.strips(framed))[1]


Convolution = ProductConvolution | DirectConvolution | StackedConvolution


def framed(x: Tensor) -> Tensor:
    """Adds a border of one zero voxel to x (B, [D,] H, W, C)."""
    return functional.pad(x, (0, 0) + (1, 1) * (x.ndim - 2))
