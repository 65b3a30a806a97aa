"""Convolutions that give what `torch.nn.functional.conv2d` gives with less work, for the shapes generators have.

Each is a small callable that prepares its weights once. All are exact algebra: only float rounding differs.

* `Plain`: conv2d itself, with the weights laid out for channels_last.
* `Winograd`: 3x3, F(4x4, 3x3) (Lavin and Gray, "Fast algorithms for convolutional neural networks", 2016): a quarter
  of the multiplications. Pays on CPUs in float32, where the direct product already runs at the machine's rate;
  about four times the direct convolution's rounding error.
* `Upsampled`: nearest x2 followed by 3x3, as four 2x2 convolutions at the low resolution: 4/9 of the multiplications,
  and the large upsampled map never exists.
* `FewOutputs`: KxK with one to three outputs, as a Kx1 convolution to K times as many, then K shifted adds: the same
  multiplications, but they fill the vector units.

Legend: B batch, C channels in, O channels out, H, W image; tensors are (B, C, H, W) in channels_last memory.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Convolution = Callable[[Tensor], Tensor]

# Winograd's G (6, 3): filter taps -> transformed taps, for output tiles of 4 and the points 0, 1, -1, 2, -2, infinity.
_FILTER_TRANSFORM = (
    (1 / 4, 0.0, 0.0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0.0, 0.0, 1.0),
)


class Plain:
    """conv2d with stride 1 and zero padding that keeps the size; `dtype` is what it computes and returns in."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        self.weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self.bias = None if bias is None else bias.to(dtype)
        self.dtype = dtype
        self.padding = weight.shape[-1] // 2

    def __call__(self, x: Tensor) -> Tensor:
        return F.conv2d(x.to(self.dtype), self.weight, self.bias, padding=self.padding)


class Winograd:
    """3x3, stride 1, padding 1, float32; H and W must be multiples of 4."""

    def __init__(self, weight: Tensor, bias: Tensor | None, scratch: int = 6 << 20) -> None:
        self.scratch = scratch
        transform = torch.tensor(_FILTER_TRANSFORM, dtype=torch.float64, device=weight.device)
        # (6, 6, C, O): a C x O matrix for each of the 36 transformed positions.
        self.weight = torch.einsum("ai,ocij,bj->abco", transform, weight.double(), transform).float().contiguous()
        self.bias = bias

    def __call__(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        padded = x.new_zeros(batch, height + 2, width + 2, channels)
        padded[:, 1:-1, 1:-1] = x.permute(0, 2, 3, 1)
        image = x.new_empty(batch, height, width, self.weight.shape[-1])
        # In bands of whole tile rows: scratch memory stays small enough to be reused instead of mapped anew.
        row_bytes = 4 * 36 * batch * (width // 4) * channels
        band = 4 * max(1, self.scratch // row_bytes)
        for top in range(0, height, band):
            self._band(padded[:, top : top + band + 2], image[:, top : top + band])
        if self.bias is not None:
            image += self.bias
        return image.permute(0, 3, 1, 2)

    def _band(self, padded: Tensor, image: Tensor) -> None:
        batch, height, width, outputs = image.shape
        rows, columns, channels = height // 4, width // 4, padded.shape[-1]
        tall = padded.new_empty(6, batch, rows, width + 2, channels)
        _transform_input([padded[:, k : k + height - 3 : 4] for k in range(6)], tall)
        tiles = padded.new_empty(6, 6, batch, rows, columns, channels)
        _transform_input([tall[..., k : k + width - 3 : 4, :] for k in range(6)], tiles.transpose(0, 1))
        product = torch.bmm(tiles.view(36, -1, channels), self.weight.view(36, channels, -1))
        product = product.view(6, 6, batch, rows, columns, outputs)
        short = product.new_empty(4, *product.shape[1:])
        _transform_output(list(product), list(short))
        by_position = image.view(batch, rows, 4, columns, 4, outputs).permute(2, 4, 0, 1, 3, 5)
        _transform_output(list(short.unbind(1)), list(by_position.unbind(1)))


class Upsampled:
    """nearest x2, then 3x3 with padding 1: (B, C, H, W) -> (B, O, 2H, 2W).

    Output row 2i sees the upsampled rows 2i-1, 2i, 2i+1, which are the rows i-1, i, i; row 2i+1 sees i, i, i+1. So
    each of the four output phases is a 2x2 convolution whose taps are sums of the 3x3's; zero padding stays zero.
    """

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        taps = weight.double()
        self.phases = [
            Plain(_phase(_phase(taps, 2, down), 3, across), bias, dtype) for down in (0, 1) for across in (0, 1)
        ]
        self.dtype = dtype

    def __call__(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        x = x.to(self.dtype)
        first = self.phases[0]
        outputs = first.weight.shape[0]
        image = x.new_empty(batch, height, 2, width, 2, outputs)
        for index, phase in enumerate(self.phases):
            down, across = divmod(index, 2)
            # Padding 1 all round gives H + 1 rows; even phases want the first H of them, odd ones the last.
            full = F.conv2d(x, phase.weight, phase.bias, padding=1)
            part = full[:, :, down : down + height, across : across + width]
            image[:, :, down, :, across] = part.permute(0, 2, 3, 1)
        return image.view(batch, 2 * height, 2 * width, outputs).permute(0, 3, 1, 2)


class FewOutputs:
    """KxK, stride 1, zero padding, for few outputs."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        outputs, channels, self.kernel, _ = weight.shape
        # Output o * K + j holds column j of filter o.
        columns = weight.permute(0, 3, 1, 2).reshape(outputs * self.kernel, channels, self.kernel, 1)
        self.weight = columns.to(dtype).contiguous(memory_format=torch.channels_last)
        self.bias = None if bias is None else bias.float()
        self.dtype = dtype

    def __call__(self, x: Tensor) -> Tensor:
        batch, _, height, width = x.shape
        half = self.kernel // 2
        columns = F.conv2d(x.to(self.dtype), self.weight, padding=(half, half))
        columns = columns.view(batch, -1, self.kernel, height, width + 2 * half)
        out = columns[:, :, 0, :, :width].float()
        for shift in range(1, self.kernel):
            out = out + columns[:, :, shift, :, shift : shift + width]
        return out if self.bias is None else out + self.bias.view(1, -1, 1, 1)


def _phase(taps: Tensor, axis: int, odd: int) -> Tensor:
    """The two taps along `axis` that three taps become on a map whose rows come in equal pairs."""
    first, middle, last = taps.unbind(axis)
    return torch.stack((first + middle, last) if odd else (first, middle + last), axis)


def _transform_input(x: list[Tensor], out: Tensor) -> None:
    """out[a] = sum_k Bt[a, k] x[k] of F(4, 3), with the shared terms formed once."""
    even, odd = torch.sub(x[4], x[2], alpha=4), torch.sub(x[3], x[1], alpha=4)
    torch.add(even, odd, out=out[1])
    torch.sub(even, odd, out=out[2])
    even, odd = torch.sub(x[4], x[2]), torch.sub(x[3], x[1])
    torch.add(even, odd, alpha=2, out=out[3])
    torch.sub(even, odd, alpha=2, out=out[4])
    torch.add(torch.sub(x[4], x[2], alpha=5), x[0], alpha=4, out=out[0])
    torch.add(torch.sub(x[5], x[3], alpha=5), x[1], alpha=4, out=out[5])


def _transform_output(m: list[Tensor], out: list[Tensor]) -> None:
    """out[i] = sum_a At[i, a] m[a] of F(4, 3), with the shared terms formed once."""
    one_plus, one_minus = m[1] + m[2], m[1] - m[2]
    two_plus, two_minus = m[3] + m[4], m[3] - m[4]
    torch.add(m[0] + one_plus, two_plus, out=out[0])
    torch.add(one_minus, two_minus, alpha=2, out=out[1])
    torch.add(one_plus, two_plus, alpha=4, out=out[2])
    torch.add(torch.add(one_minus, two_minus, alpha=8), m[5], out=out[3])


class Interpolated:
    """nearest x2, then 3x3: the direct way, which small maps and GPUs prefer."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        self.convolution = Plain(weight, bias, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return self.convolution(F.interpolate(x.to(self.convolution.dtype), scale_factor=2, mode="nearest"))


def same(weight: Tensor, bias: Tensor | None, size: int, dtype: torch.dtype = torch.float32) -> Convolution:
    """The fastest size-keeping convolution for maps of `size` pixels a side on the weights' device, as measured.

    On CPUs in float32: Winograd for wide 3x3 filters, `FewOutputs` for large filters with under four outputs.
    """
    outputs, channels, kernel, _ = weight.shape
    if weight.device.type == "cpu" and dtype == torch.float32:
        if kernel == 3 and min(outputs, channels) >= 64 and size >= 16 and size % 4 == 0:
            return Winograd(weight, bias)
        if kernel >= 5 and outputs <= 3:
            return FewOutputs(weight, bias)
    return Plain(weight, bias, dtype)


def doubling(weight: Tensor, bias: Tensor | None, size: int, dtype: torch.dtype = torch.float32) -> Convolution:
    """The fastest nearest x2 and 3x3 for input maps of `size` pixels a side on the weights' device, as measured."""
    sub_pixel = weight.device.type == "cpu" and size >= (16 if dtype == torch.bfloat16 else 4)
    return Upsampled(weight, bias, dtype) if sub_pixel else Interpolated(weight, bias, dtype)
