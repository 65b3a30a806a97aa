"""The dense-motion network as it is run: what depends on the source alone comes in prepared.

What leads to coordinates stays float32, as rounding there moves pixels (with bfloat16 convolutions the worst pixel of
the golden frames was wrong by 0.09, against 0.02 with bfloat16 in the inpainting network alone).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from generators.convolution import same
from generators.tps import thin_plate
from generators.tps.dense_motion import MOTIONS, MotionField, motion_candidates
from generators.tps.fast_blocks import Hourglass
from generators.tps.visibility import CardVisibility, FinerVisibility

SIZE = 64


@dataclass(frozen=True)
class SourceMotion:
    """What the network needs of the source: keypoints (1, 50, 2), picture (1, 3, 64, 64), heatmaps (1, 50, 64, 64)."""

    keypoints: Tensor
    small: Tensor
    heat: Tensor


class FastDenseMotion:
    """`DenseMotion` (the given network) with the same values."""

    def __init__(self, network: Any, dtype: torch.dtype = torch.float32, card: bool = False) -> None:
        """card: whether layers take the form that suits a GPU. dtype: there, of the finer occlusion maps' layers."""
        self.down = network.down
        self.hourglass = Hourglass(network.hourglass, SIZE, card)
        # Both heads read the same maps: one convolution.
        maps, visible = network.maps, network.occlusion[1]
        self.shares_and_visible = same(
            torch.cat((maps.weight, visible.weight)), torch.cat((maps.bias, visible.bias)), SIZE
        )
        occlusion = network.occlusion
        self.coarse_visible = same(occlusion[0].weight, occlusion[0].bias, SIZE // 2)
        self.finer_visible = (
            CardVisibility(network.up, occlusion[2:], SIZE, dtype)
            if card
            else FinerVisibility(network.up, occlusion[2:], SIZE)
        )
        self.grid = thin_plate.grid(SIZE, SIZE, like=network.maps.weight)

    def prepare(self, image: Tensor, keypoints: Tensor) -> SourceMotion:
        """Encodes what depends on the source alone. image: (1, 3, 256, 256). keypoints: (1, 50, 2)."""
        return SourceMotion(keypoints, self.down(image), thin_plate.heatmaps(keypoints, self.grid))

    def __call__(self, source: SourceMotion, driving: Tensor, inverse: Tensor) -> MotionField:
        """Motion of B frames. driving: (B, 50, 2). inverse: `thin_plate.inverse` of its points (B, 10, 8, 5)."""
        batch = driving.shape[0]
        motions = motion_candidates(source.keypoints, driving, inverse, self.grid)
        small = source.small.expand(batch * MOTIONS, -1, -1, -1)
        warped = F.grid_sample(small, motions.flatten(0, 1), align_corners=True).view(batch, -1, SIZE, SIZE)
        heat = thin_plate.heatmaps(driving, self.grid) - source.heat
        features = torch.cat((torch.zeros_like(heat[:, :1]), heat, warped), dim=1)
        coarse, fine = self.hourglass(features.contiguous(memory_format=torch.channels_last))
        heads = self.shares_and_visible(fine)
        shares = torch.softmax(heads[:, :MOTIONS], dim=1)
        logits = [self.coarse_visible(coarse), heads[:, MOTIONS:], *self.finer_visible(fine)]
        deformation = (shares[..., None] * motions).sum(dim=1)
        return MotionField(shares, deformation, tuple(torch.sigmoid(logit) for logit in logits))
