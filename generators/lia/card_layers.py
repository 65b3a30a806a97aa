"""The layers of `fast_layers` as a GPU wants them: the same values by fewer and larger operations.

* Up-sampling: the transposed convolution's 3 taps and the blur's 4 are one filter of 6 taps, which the even and the odd
  output pixels each see 3 of. So four 3x3 convolutions, computed as one with four times the outputs, and no blur.
* The blur before a halving: [1 3 3 1] / 8 is [1 1] / 2 three times over, that is three means of two neighbours.
* Styles and gains are multiplied in float32 while a map is read, and rounded once.

Legend: B batch, C channels, H W height and width; maps are (B, C, H, W) in channels_last memory.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.lia.fast_layers import HalvingBlock, channels_last
from generators.lia.layers import GAIN, SLOPE, StyledConv
from generators.moments import affine, scaled


class CardConv(nn.Module):
    """A modulated 3x3 convolution with its activation."""

    weight: Tensor
    bias: Tensor

    def __init__(self, styled: StyledConv, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        self.register_buffer("weight", channels_last(styled.conv.weight.detach()[0] * styled.conv.scale, dtype))
        self.register_buffer("bias", styled.activate.bias.detach().flatten()[:, None, None] * GAIN)

    def forward(self, x: Tensor, scale: Tensor, gain: Tensor) -> Tensor:
        """x (B, C, H, W), scale (B, C), gain (B, C') -> (B, C', H, W)."""
        x = F.conv2d(scaled(x, scale[:, :, None, None], self.dtype), self.weight, padding=1)
        return F.leaky_relu_(affine(x, gain[:, :, None, None], self.bias, out=x), SLOPE)


class CardUpConv(nn.Module):
    """A modulated transposed convolution, stride 2, then blur and activation."""

    weight: Tensor
    bias: Tensor

    def __init__(self, styled: StyledConv, dtype: torch.dtype) -> None:
        super().__init__()
        self.dtype = dtype
        assert styled.conv.blur is not None
        blur = styled.conv.blur.kernel.detach().double()
        weight = (styled.conv.weight.detach()[0] * styled.conv.scale).double()
        outputs, inputs = weight.shape[:2]
        # The whole filter: every product of a tap of the one and a tap of the other, (O, I, 6, 6).
        whole = F.conv_transpose2d(weight.flatten(0, 1)[:, None], blur[None, None]).view(outputs, inputs, 6, 6)
        # Output 2q + r of a row is the sum of x[q + k - 1] times tap 4 + r - 2k.
        taps = [[4 + odd - 2 * place for place in range(3)] for odd in (0, 1)]
        phases = [whole[:, :, taps[row]][:, :, :, taps[column]] for row in (0, 1) for column in (0, 1)]
        self.register_buffer("weight", channels_last(torch.cat(phases).float(), dtype))
        self.register_buffer("bias", styled.activate.bias.detach().flatten() * GAIN)

    def forward(self, x: Tensor, scale: Tensor, gain: Tensor) -> Tensor:
        """x (B, C, H, W), scale (B, C), gain (B, C') -> (B, C', 2H, 2W)."""
        batch, _, height, width = x.shape
        x = F.conv2d(scaled(x, scale[:, :, None, None], self.dtype), self.weight, padding=1)
        phases = x.permute(0, 2, 3, 1).view(batch, height, width, 2, 2, -1).transpose(2, 3)
        image = x.new_empty(phases.shape)  # (B, H, 2, W, 2, C')
        affine(phases, gain[:, None, None, None, None], self.bias, out=image)
        return F.leaky_relu_(image, SLOPE).view(batch, 2 * height, 2 * width, -1).permute(0, 3, 1, 2)


class CardHalvingBlock(HalvingBlock):
    """A `HalvingBlock` whose blurs are means of neighbours."""

    def forward(self, x: Tensor) -> Tensor:
        """(B, C, H, W) -> (B, C', H/2, W/2)."""
        skip = F.conv2d(blurred(x, self.skip_pad, stride=2), self.skip)
        x = F.leaky_relu_(F.conv2d(x, self.weight1, self.bias1, padding=1), SLOPE)
        x = blurred(x, self.blur_pad)
        x = F.leaky_relu_(F.conv2d(x, self.weight2, self.bias2, stride=2), SLOPE)
        return x.add_(skip)


def blurred(x: Tensor, pad: int, stride: int = 1) -> Tensor:
    """The blur of a map with 1 or 2 zeros around: (B, C, H, W) -> (B, C, (H + 2 pad - 4) // stride + 1, ...)."""
    x = F.avg_pool2d(x, 2, stride=1, padding=1)
    x = F.avg_pool2d(x, 2, stride=1, padding=pad - 1)
    return F.avg_pool2d(x, 2, stride=stride)


def doubled(small: Tensor) -> Tensor:
    """Up-sampling by 2 with the filter: bilinear interpolation, but with zeros around in place of the edge."""
    framed = F.pad(small, (1, 1, 1, 1))
    return F.interpolate(framed, scale_factor=2.0, mode="bilinear", align_corners=False)[:, :, 2:-2, 2:-2]
