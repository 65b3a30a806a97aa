"""The inpainting network: the source's feature maps, warped, and what the warp cannot show painted anew.

This is the plain definition as published, less the second set of warps that only a training loss reads; `fast`
computes the same with less work.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.tps.blocks import Down, Residual, Same, Up
from generators.tps.dense_motion import MotionField


class Inpainting(nn.Module):
    """Source picture (B, 3, 256, 256) in [0, 1] and a MotionField -> picture (B, 3, 256, 256) in [0, 1]."""

    def __init__(self) -> None:
        super().__init__()
        self.first = Same(3, 64, kernel=7)
        self.down_blocks = nn.ModuleList((Down(64, 128), Down(128, 256), Down(256, 512)))
        self.resblock = nn.ModuleList(Residual(channels) for channels in (512, 512, 512, 512, 256, 256))
        self.up_blocks = nn.ModuleList((Up(512, 256), Up(512, 128), Up(256, 64)))
        self.final = nn.Conv2d(64, 3, 7, padding=3)

    def encode(self, image: Tensor) -> list[Tensor]:
        """The source's maps, coarse first: 512 channels at 32, 256 at 64, 128 at 128, 64 at 256 pixels."""
        maps = [self.first(image)]
        for block in self.down_blocks:
            maps.append(block(maps[-1]))
        return maps[::-1]

    def forward(self, image: Tensor, field: MotionField) -> Tensor:
        maps = self.encode(image)
        occlusions = field.occlusions
        x = warp(maps[0], field.deformation) * occlusions[0]
        for level, up in enumerate(self.up_blocks):
            x = up(self.resblock[2 * level + 1](self.resblock[2 * level](x)))
            visible = warp(maps[level + 1], field.deformation) * occlusions[level + 1]
            x = torch.cat((x, visible), dim=1) if level < 2 else x * (1 - occlusions[3]) + visible
        painted = torch.sigmoid(self.final(x))
        return painted * (1 - occlusions[3]) + warp(image, field.deformation) * occlusions[3]


def resize_field(deformation: Tensor, height: int, width: int) -> Tensor:
    """(B, h, w, 2) source coordinates at another resolution, bilinear and corner-aligned."""
    if deformation.shape[1:3] == (height, width):
        return deformation
    channels_first = deformation.permute(0, 3, 1, 2)
    resized = F.interpolate(channels_first, size=(height, width), mode="bilinear", align_corners=True)
    return resized.permute(0, 2, 3, 1)


def warp(maps: Tensor, deformation: Tensor) -> Tensor:
    """Maps (B, C, H, W) fetched from the source coordinates of `deformation`; zero outside."""
    return F.grid_sample(maps, resize_field(deformation, *maps.shape[2:]), align_corners=True)
