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

import math
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

# Direct convolutions are cut into pieces of about a quarter of so many numbers, which a core's cache holds.
PIECE = 1 << 20
# Tiles of a strip at least: with fewer rows a matrix product is slow.
TILES = 64
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


class Transform(nn.Module):
    """The Kronecker square of a matrix (n, k), times a matrix (k^2, N).

    A large one is two products with the matrix itself, one for each dimension: less work, another pass. With k = 3 one
    product is faster, as measured.
    """

    matrix: Tensor

    def __init__(self, matrix: tuple[tuple[float, ...], ...], dtype: torch.dtype) -> None:
        super().__init__()
        self.rows, self.columns = len(matrix), len(matrix[0])
        self.in_two = self.columns > 3
        values = torch.tensor(matrix, dtype=torch.float64) if self.in_two else square(matrix)
        self.register_buffer("matrix", values.to(dtype), persistent=False)

    def forward(self, x: Tensor, between: Tensor, out: Tensor) -> Tensor:
        """x (k^2, N), contiguous -> (n^2, N), in one of two memories that hold as many and n k N; `out` may be x's."""
        size = x.shape[1]
        if not self.in_two:
            return torch.mm(self.matrix, x, out=_part(between, self.rows**2, size))
        first = torch.mm(self.matrix, x.view(self.columns, -1), out=_part(between, self.rows, self.columns * size))
        matrices = self.matrix.expand(self.rows, -1, -1)
        result = _part(out, self.rows**2, size)
        torch.bmm(matrices, first.view(self.rows, self.columns, size), out=result.view(self.rows, self.rows, size))
        return result


def _part(memory: Tensor, *shape: int) -> Tensor:
    """The beginning of flat memory as a contiguous tensor of a shape."""
    return memory[: math.prod(shape)].view(shape)


class ProductConvolution(nn.Module):
    """A 3x3 or 3x3x3 convolution, zero-padded by 1, by a scheme in H and W; weight (O, C, [3,] 3, 3), bias (O,).

    Depth is summed tap by tap. The transformed weight takes `patch`^2 / 9 times the memory of the plain one.
    """

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
        self.analysis = Transform(scheme.analysis, weight.dtype)
        self.synthesis = Transform(scheme.synthesis, weight.dtype)

    @property
    def magnification(self) -> int:
        """Output pixels for an input pixel, in H and in W."""
        return self.scheme.tile // self.scheme.stride

    def strips(self, framed: Tensor) -> Iterator[tuple[int, Tensor]]:
        """(first row, rows of the output (B, [D,] h, W', O)) from top to bottom.

        framed: the input with its border of zeros, (B, [D + 2,] H + 2, W + 2, C), H and W multiples of the stride.
        A strip's numbers stay in a core's cache from step to step, in memory that all strips share.
        """
        scheme = self.scheme
        volume = framed[:, None] if self.flat else framed
        batch, deep, height, width, channels = volume.shape
        depth = deep + 1 - self.weight.shape[0]
        down, across = (height - 2) // scheme.stride, (width - 2) // scheme.stride
        assert (down * scheme.stride, across * scheme.stride) == (height - 2, width - 2), framed.shape
        coefficients, outputs = self.weight.shape[1], self.outputs
        # So many tiles that their numbers and the weight, which every strip reads anew, are about as many.
        tiles = max(TILES, channels * outputs // (channels + outputs))
        step = max(1, min(down, tiles // (batch * deep * across)))
        numbers = max(coefficients, scheme.tile**2)
        most = numbers * batch * step * across * max(deep * channels, depth * outputs)
        gathered, between, result = volume.new_empty(3, most).unbind()
        of_batch, of_slice, of_row, of_column, of_channel = volume.stride()
        for start in range(0, down, step):
            rows = min(step, down - start)
            patches = volume.as_strided(
                (scheme.patch, scheme.patch, batch, deep, rows, across, channels),
                (of_row, of_column, of_batch, of_slice, scheme.stride * of_row, scheme.stride * of_column, of_channel),
                volume.storage_offset() + start * scheme.stride * of_row,
            )
            copied = _part(gathered, *patches.shape).copy_(patches).view(coefficients, -1)
            values = self._products(self.analysis(copied, between, gathered), batch, deep, channels, result)
            constant = scheme.constant * scheme.patch + scheme.constant
            values[constant] += self.bias
            tiled = self.synthesis(values.view(coefficients, -1), gathered, between).view(
                scheme.tile, scheme.tile, batch, depth, rows, across, outputs
            )
            # A copy even where the order would allow a view: the next strip overwrites this memory.
            ordered = tiled.permute(2, 3, 4, 0, 5, 1, 6).clone(memory_format=torch.contiguous_format)
            strip = ordered.view(batch, depth, rows * scheme.tile, -1, outputs)
            yield start * scheme.tile, strip[:, 0] if self.flat else strip

    def _products(self, values: Tensor, batch: int, deep: int, channels: int, memory: Tensor) -> Tensor:
        """(coefficients, B D tiles, O) in `memory`: each coefficient's matrix product, summed over taps in depth."""
        taps, coefficients = self.weight.shape[:2]
        values = values.view(coefficients, batch, deep, -1, channels)
        total = _part(memory, coefficients, batch * (deep + 1 - taps) * values.shape[3], self.outputs)
        for tap in range(taps):
            part = values[:, :, tap : tap + deep + 1 - taps].reshape(coefficients, -1, channels)
            weight = self.weight[tap]
            if tap == 0:
                torch.bmm(part, weight, out=total)
            else:
                torch.baddbmm(total, part, weight, out=total)
        return total

    def forward(self, framed: Tensor) -> Tensor:
        """The whole output (B, [D,] H', W', O)."""
        height, width = ((side - 2) * self.magnification for side in framed.shape[-3:-1])
        deep = () if self.flat else (framed.shape[1] + 1 - self.weight.shape[0],)
        out = framed.new_empty(framed.shape[0], *deep, height, width, self.outputs)
        for row, strip in self.strips(framed):
            out[..., row : row + strip.shape[-3], :, :] = strip
        return out


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


def bordered(like: Tensor) -> tuple[Tensor, Tensor]:
    """An undefined map of the shape of `like` (B, [D,] H, W, C), in a border of zeros: the whole, and its inside."""
    whole = like.new_empty(like.shape[0], *(side + 2 for side in like.shape[1:-1]), like.shape[-1])
    inside = whole
    for dimension in range(1, like.ndim - 1):
        whole.select(dimension, 0).zero_()
        whole.select(dimension, -1).zero_()
        inside = inside.narrow(dimension, 1, like.shape[dimension])
    return whole, inside


def framed(x: Tensor) -> Tensor:
    """Adds a border of one zero voxel to x (B, [D,] H, W, C)."""
    whole, inside = bordered(x)
    inside.copy_(x)
    return whole
