"""Convolutions that give what `torch.nn.functional.conv2d` gives with less work, for the shapes generators have.

Each is a small callable that prepares its weights once. All are exact algebra: only float rounding differs.

* `Plain`: conv2d itself, with the weights laid out for channels_last.
* `Products`: 3x3, possibly after nearest x2, by the schemes of `generators.products`: a quarter of the
  multiplications. Pays on CPUs in float32, where the direct product already runs at the machine's rate.
* `Upsampled`: nearest x2 followed by 3x3, as four 2x2 convolutions at the low resolution: 4/9 of the multiplications,
  and the large upsampled map never exists. On large maps it beats `Products`, which moves more memory.
* `FewOutputs`: KxK with one to three outputs, as a Kx1 convolution to K times as many, then K shifted adds: the same
  multiplications, but they fill the vector units.
* `Columns`: KxK with few outputs, as one matrix product that gives what each pixel adds to every pixel around it, and
  the sum of these. For GPUs, whose convolutions would compute tens of outputs to keep a few.

Legend: B batch, C channels in, O channels out, H, W image; tensors are (B, C, H, W) in channels_last memory.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from generators.products import DOUBLED, WINOGRAD, ProductConvolution, Scheme, framed

Convolution = Callable[[Tensor], Tensor]


class Plain:
    """A conv2d with stride 1 and zero padding that keeps the size; `dtype` is what it computes and returns in."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        self.weight = weight.to(dtype).contiguous(memory_format=torch.channels_last)
        self.bias = None if bias is None else bias.to(dtype)
        self.dtype = dtype
        self.padding = weight.shape[-1] // 2

    def __call__(self, x: Tensor) -> Tensor:
        return F.conv2d(x.to(self.dtype), self.weight, self.bias, padding=self.padding)


class Products:
    """3x3, stride 1, padding 1, by fewer products (`generators.products`); H and W are multiples of its stride."""

    def __init__(self, weight: Tensor, bias: Tensor | None, scheme: Scheme = WINOGRAD) -> None:
        bias = weight.new_zeros(len(weight)) if bias is None else bias
        self.convolution = ProductConvolution(weight.detach(), bias, scheme)

    def __call__(self, x: Tensor) -> Tensor:
        return self.convolution(framed(x.permute(0, 2, 3, 1))).permute(0, 3, 1, 2)


class Upsampled:
    """A nearest-neighbour enlargement by 2 and a 3x3 convolution in one: (B, C, H, W) -> (B, O, 2H, 2W).

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


class Columns:
    """KxK, stride 1, zero padding, for few outputs."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        channels, self.kernel = weight.shape[1:3]
        # A pixel meets the filter's taps from the other end: mirrored, (O K K, C).
        self.weight = weight.detach().flip(2, 3).permute(0, 2, 3, 1).reshape(-1, channels).to(dtype)
        self.bias = None if bias is None else bias.detach().to(dtype).view(-1, 1, 1)
        self.dtype = dtype

    def __call__(self, x: Tensor) -> Tensor:
        batch, channels, height, width = x.shape
        pixels = x.to(self.dtype).permute(0, 2, 3, 1).reshape(batch, -1, channels)
        columns = torch.bmm(self.weight.expand(batch, -1, -1), pixels.transpose(1, 2))
        out = F.fold(columns, (height, width), self.kernel, padding=self.kernel // 2)
        return out if self.bias is None else out + self.bias


def _phase(taps: Tensor, axis: int, odd: int) -> Tensor:
    """The two taps along `axis` that three taps become on a map whose rows come in equal pairs."""
    first, middle, last = taps.unbind(axis)
    return torch.stack((first + middle, last) if odd else (first, middle + last), axis)


class Interpolated:
    """The same as `Upsampled`, one after the other: the direct way, which small maps and GPUs prefer."""

    def __init__(self, weight: Tensor, bias: Tensor | None, dtype: torch.dtype = torch.float32) -> None:
        self.convolution = Plain(weight, bias, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        return self.convolution(F.interpolate(x.to(self.convolution.dtype), scale_factor=2, mode="nearest"))


def by_products(weight: Tensor, size: int, least: int = 64) -> bool:
    """Whether a 3x3 convolution of float32 maps of `size` pixels a side is faster by Winograd's products on a CPU.

    least: channels in and out that it needs, by what else the caller would save: a wide one gains more than it pays.
    """
    outputs, channels, kernel, _ = weight.shape
    wide = kernel == 3 and min(outputs, channels) >= least
    return weight.device.type == "cpu" and wide and size >= 16 and size % WINOGRAD.stride == 0


def same(weight: Tensor, bias: Tensor | None, size: int, dtype: torch.dtype = torch.float32) -> Convolution:
    """The fastest size-keeping convolution for maps of `size` pixels a side on the weights' device, as measured.

    On CPUs in float32: Winograd for wide 3x3 filters, `FewOutputs` for large filters with under four outputs. On GPUs
    `FewOutputs` too, and `Columns` with up to 16 outputs.
    """
    outputs, _, kernel, _ = weight.shape
    if weight.device.type != "cpu" and kernel >= 5 and outputs <= 16:
        return (FewOutputs if outputs <= 3 else Columns)(weight, bias, dtype)
    if weight.device.type == "cpu" and dtype == torch.float32:
        if by_products(weight, size):
            return Products(weight, bias)
        if kernel >= 5 and outputs <= 3:
            return FewOutputs(weight, bias)
    return Plain(weight, bias, dtype)


def doubling(weight: Tensor, bias: Tensor | None, size: int, dtype: torch.dtype = torch.float32) -> Convolution:
    """The fastest nearest x2 and 3x3 for input maps of `size` pixels a side on the weights' device, as measured."""
    if weight.device.type != "cpu":
        return Interpolated(weight, bias, dtype)
    if dtype == torch.float32 and size <= 32:
        return Products(weight, bias, DOUBLED)
    return Upsampled(weight, bias, dtype) if dtype == torch.float32 or size >= 16 else Interpolated(weight, bias, dtype)
