"""The dense-motion network: from keypoints to one deformation of the picture and how far to trust it where.

This is the plain definition, one picture pair at a time as published; `fast` computes the same with less work.
Legend: B batch, M = 11 motions (background, then 10 splines); maps at 64x64 unless said otherwise.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from generators.tps import thin_plate
from generators.tps.blocks import AntiAlias, Hourglass, Up
from generators.tps.keypoints import GROUPS, KEYPOINTS, POINTS

MOTIONS = GROUPS + 1
CHANNELS = (KEYPOINTS + 1) + 3 * MOTIONS


@dataclass(frozen=True)
class MotionField:
    """Where each pixel comes from.

    contributions: (B, 11, 64, 64) shares of the motions, summing to 1. deformation: (B, 64, 64, 2) source coordinates.
    occlusions: four maps (B, 1, s, s) in 0..1 for s = 32, 64, 128, 256; 1 keeps the warped source, 0 paints anew.
    """

    contributions: Tensor
    deformation: Tensor
    occlusions: tuple[Tensor, ...]


class DenseMotion(nn.Module):
    """Source picture (B, 3, 256, 256) and keypoints (B, 50, 2) of source and driving frame -> MotionField."""

    def __init__(self) -> None:
        super().__init__()
        self.down = AntiAlias()
        self.hourglass = Hourglass(CHANNELS)
        joined = [outputs + skip for (_, outputs), skip in zip(Hourglass.UP[-2:], (128, CHANNELS), strict=True)]
        self.maps = nn.Conv2d(joined[1], MOTIONS, 7, padding=3)
        self.up = nn.ModuleList((Up(joined[1], joined[1] // 2), Up(joined[1] // 2, joined[1] // 4)))
        self.occlusion = nn.ModuleList(
            nn.Conv2d(channels, 1, 7, padding=3) for channels in (joined[0], joined[1], joined[1] // 2, joined[1] // 4)
        )

    def forward(self, image: Tensor, source: Tensor, driving: Tensor) -> MotionField:
        small = self.down(image)
        at = thin_plate.grid(small.shape[2], small.shape[3], like=small)
        motions = motion_candidates(source, driving, thin_plate.inverse(split(driving)), at)
        warped = F.grid_sample(small.repeat_interleave(MOTIONS, dim=0), motions.flatten(0, 1), align_corners=True).view(
            small.shape[0], 3 * MOTIONS, *small.shape[2:]
        )
        heat = thin_plate.heatmaps(driving, at) - thin_plate.heatmaps(source, at)
        features = self.hourglass(torch.cat((torch.zeros_like(heat[:, :1]), heat, warped), dim=1))
        shares = torch.softmax(self.maps(features[-1]), dim=1)
        occlusions = [self.occlusion[0](features[-2]), self.occlusion[1](features[-1])]
        x = features[-1]
        for up, head in zip(self.up, self.occlusion[2:], strict=True):
            x = up(x)
            occlusions.append(head(x))
        deformation = torch.einsum("bmhw,bmhwc->bhwc", shares, motions)
        return MotionField(shares, deformation, tuple(torch.sigmoid(logit) for logit in occlusions))


def split(keypoints: Tensor) -> Tensor:
    """(..., 50, 2) -> (..., 10, 5, 2): the control points of each spline."""
    return keypoints.reshape(*keypoints.shape[:-2], GROUPS, POINTS, 2)


def motion_candidates(source: Tensor, driving: Tensor, inverse: Tensor, at: Tensor) -> Tensor:
    """(B, 11, H, W, 2): where each motion fetches each pixel from; the background (first) stays where it is.

    inverse: `thin_plate.inverse` of the driving frame's control points, (B, 10, 8, 5).
    """
    splines = thin_plate.evaluate(split(driving), inverse @ split(source), at)
    return torch.cat((at.expand(splines.shape[0], 1, *at.shape), splines), dim=1)
