"""The inpainting network as it is run: the source is encoded once, each frame only warps and paints.

Warps and blends stay float32; convolutions compute in `dtype`.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from generators.convolution import same
from generators.tps.dense_motion import MotionField
from generators.tps.fast_blocks import Residual, Same
from generators.tps.inpainting import warp

SIZES = (32, 64, 128, 256)


class FastInpainting:
    """`Inpainting` (the given network) with the same values."""

    def __init__(self, network: Any, dtype: torch.dtype, card: bool = False) -> None:
        """dtype: of the convolutions. card: whether blocks take the form that suits a GPU."""
        self.network = network
        self.dtype = dtype
        self.residual = [
            Residual(block, SIZES[index // 2], dtype, card) for index, block in enumerate(network.resblock)
        ]
        self.up = [Same(block, SIZES[level], dtype, card) for level, block in enumerate(network.up_blocks)]
        self.final = same(network.final.weight, network.final.bias, SIZES[-1], dtype)

    def prepare(self, image: Tensor) -> list[Tensor]:
        """The source's maps, coarse first, then the picture itself. Always float32: they are made once a source."""
        maps = [*self.network.encode(image.contiguous(memory_format=torch.channels_last)), image]
        return [layer.contiguous(memory_format=torch.channels_last) for layer in maps]

    def __call__(self, source: list[Tensor], field: MotionField) -> Tensor:
        """(B, 3, 256, 256) in [0, 1] for the prepared source and the field of B frames."""
        batch = field.deformation.shape[0]
        warped = (warp(layer.expand(batch, -1, -1, -1), field.deformation) for layer in source)
        x = next(warped) * field.occlusions[0]
        for level, up in enumerate(self.up):
            x = x.to(self.dtype)
            for block in self.residual[2 * level : 2 * level + 2]:
                x = block(x)
            x = up(x)
            if level < 2:
                x = torch.cat((x, next(warped) * field.occlusions[level + 1]), dim=1)
        visible = field.occlusions[3]
        painted = torch.sigmoid(self.final(torch.lerp(x.float(), next(warped), visible)).float())
        return torch.lerp(painted, next(warped), visible)
