"""The encoder made fast: picture -> style vector, motion code, features. What is folded: `fast_layers`.

Legend: B batch, H W height and width, S style, M motion.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.lia.card_layers import CardHalvingBlock
from generators.lia.fast_layers import NHWC, HalvingBlock, channels_last
from generators.lia.layers import GAIN, SLOPE
from generators.lia.network import Network


class FastEncoder(nn.Module):
    """Picture -> style vector, motion code, features."""

    first: Tensor
    first_bias: Tensor
    last: Tensor
    motion: Tensor
    motion_bias: Tensor

    def __init__(self, network: Network, dtype: torch.dtype, card: bool = False) -> None:
        """dtype: of the convolutions. card: whether blocks take the form that suits a GPU."""
        super().__init__()
        self.dtype = dtype
        first, blocks, last = network.enc.net_app.parts()
        self.register_buffer("first", channels_last(first.conv.weight * (first.conv.scale * GAIN), dtype))
        self.register_buffer("first_bias", (first.act.bias.detach().flatten() * GAIN).to(dtype))
        sides = [network.shape.size >> halved for halved in range(len(blocks))]
        self.blocks = nn.ModuleList(
            CardHalvingBlock(block, dtype) if card else HalvingBlock(block, dtype, side)
            for block, side in zip(blocks, sides, strict=True)
        )
        # The style vector and the motion code steer everything and cost nothing: float32 always.
        self.register_buffer("last", (last.weight.detach() * last.scale).flatten(1))
        matrix = torch.eye(network.shape.style, dtype=torch.float64)
        offset = torch.zeros(network.shape.style, dtype=torch.float64)
        for layer in network.enc.linears():
            weight = layer.weight.detach().double().cpu() * layer.scale
            matrix = weight @ matrix
            offset = weight @ offset + layer.bias.detach().double().cpu()
        self.register_buffer("motion", matrix.float())
        self.register_buffer("motion_bias", offset.float())

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, list[Tensor]]:
        """(B, 3, H, W) in -1..1 -> style (B, S), motion code (B, M), features of 8, 16, .. H pixels in `dtype`."""
        x = image.to(self.dtype).contiguous(memory_format=NHWC)
        x = F.leaky_relu_(F.conv2d(x, self.first, self.first_bias), SLOPE)
        features = [x]
        for block in self.blocks:
            x = block(x)
            features.append(x)
        style = F.linear(x.float().flatten(1), self.last)
        return style, F.linear(style, self.motion, self.motion_bias), features[-2::-1]
