"""Dense motion rearranged for speed; equal to `dense_motion.DenseMotion` up to rounding.

What is saved: convolutions after an up-sampling are computed at the small size (see `products`); the 7x7x7
convolution goes to frequencies in depth; the occlusion map's convolution, which has one output channel, becomes a
matrix product whose columns are folded together; joined maps are written where the next convolution reads them.
Legend: B batch, K keypoints, M motion candidates, C channels, D depth, H, W; maps are (B, D, H, W, C), channels last.
"""

from __future__ import annotations

from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.blocks import Down, Up
from generators.face_vid2vid.dense_motion import DenseMotion, Warp, blended, candidate_shifts, motion_features
from generators.face_vid2vid.depth_columns import DepthColumns
from generators.face_vid2vid.depth_frequencies import DepthFrequencies
from generators.face_vid2vid.fast_spade import Buffers, Build
from generators.face_vid2vid.folding import bias_of
from generators.face_vid2vid.grid import heatmaps
from generators.face_vid2vid.sizes import Sizes
from generators.products import Convolution


class FastDenseMotion(nn.Module):
    """`DenseMotion`, folded, by convolutions that `build` makes.

    dtype: of the convolutions. frequencies: whether the mask's convolution goes to frequencies in depth. card: whether
    it becomes a flat one, as suits a GPU.
    """

    mask_weight: Tensor
    mask_bias: Tensor
    occlusion: Tensor
    occlusion_bias: Tensor

    def __init__(
        self,
        motion: DenseMotion,
        build: Build,
        sizes: Sizes,
        dtype: torch.dtype,
        frequencies: bool,
        card: bool = False,
    ) -> None:
        super().__init__()
        self.dtype = dtype
        depth, side = sizes.depth, sizes.feature
        encoder, decoder = motion.hourglass.encoder, motion.hourglass.decoder
        self.down = nn.ModuleList(_built(block, build, side >> i) for i, block in enumerate(encoder.down_blocks))
        deepest = side >> len(self.down)
        self.up = nn.ModuleList(_built(block, build, deepest << i) for i, block in enumerate(decoder.up_blocks))
        self.last = build(decoder.conv.weight.detach(), bias_of(decoder.conv), side)
        mask = motion.mask
        self.flattened: DepthFrequencies | DepthColumns | None = None
        if frequencies:
            self.flattened = DepthFrequencies(mask.weight.detach(), bias_of(mask), depth)
        elif card:
            self.flattened = DepthColumns(mask.weight.detach(), bias_of(mask), dtype)
        else:
            weight = mask.weight.detach().to(dtype).contiguous(memory_format=torch.channels_last_3d)
            self.register_buffer("mask_weight", weight, persistent=False)
            self.register_buffer("mask_bias", bias_of(mask).to(dtype), persistent=False)
        occlusion = motion.occlusion.weight.detach()[0].unflatten(0, (-1, depth))
        self.kernel = occlusion.shape[-1]
        # A column holds what a pixel adds to each pixel around it: the kernel, mirrored.
        columns = occlusion.flip(-1, -2).flatten(2)
        self.register_buffer("occlusion", columns.permute(1, 0, 2).contiguous().to(dtype), persistent=False)
        self.register_buffer("occlusion_bias", bias_of(motion.occlusion).clone(), persistent=False)

    def forward(self, squeezed: Tensor, heat: Tensor, driving: Tensor, source: Tensor, buffers: Buffers) -> Warp:
        """Warp for the squeezed volume (B, c, D, H, W), the source keypoints' heatmaps (B, K, D, H, W) and the
        keypoints (B, K, 3) of the driving and source face."""
        shifts = candidate_shifts(driving, source)
        depth, side = squeezed.shape[2:4]
        inputs = motion_features(squeezed, shifts, heatmaps(driving, depth, side) - heat)
        features = self._hourglass(inputs.permute(0, 2, 3, 4, 1).to(self.dtype), buffers)
        mask = functional.softmax(self._mask(features).float(), dim=-1)
        mask = mask.permute(0, 4, 1, 2, 3).contiguous()
        return Warp(blended(mask, shifts), torch.sigmoid(self._occlusion(features)), mask)

    def _hourglass(self, x: Tensor, buffers: Buffers) -> Tensor:
        joined = []
        downs, ups = cast(list[Convolution], list(self.down)), cast(list[Convolution], list(self.up))
        for index, (down, up) in enumerate(zip(downs, reversed(ups), strict=True)):
            # The map as the next step down reads it is the last part of what the last step up reads.
            both = buffers.framed(f"scale{index}", x, x.shape[2], x.shape[3], up.outputs + x.shape[-1], x.shape[1])
            skip = both[..., up.outputs :]
            skip[:, 1:-1, 1:-1, 1:-1] = x
            joined.append(both)
            x = torch.cat([_halved(functional.relu_(strip)) for _, strip in down.strips(skip)], dim=2)
        framed = buffers.framed("deepest", x, x.shape[2], x.shape[3], x.shape[-1], x.shape[1])
        framed[:, 1:-1, 1:-1, 1:-1] = x
        for up, both in zip(ups, reversed(joined), strict=True):
            for row, strip in up.strips(framed):
                both[:, 1:-1, row + 1 : row + 1 + strip.shape[2], 1:-1, : up.outputs] = functional.relu_(strip)
            framed = both
        return torch.cat([functional.relu_(strip) for _, strip in self.last.strips(framed)], dim=2)

    def _mask(self, features: Tensor) -> Tensor:
        if self.flattened is not None:
            return self.flattened(features)
        y = functional.conv3d(
            features.permute(0, 4, 1, 2, 3), self.mask_weight, self.mask_bias, padding=self.mask_weight.shape[-1] // 2
        )
        return y.permute(0, 2, 3, 4, 1)

    def _occlusion(self, features: Tensor) -> Tensor:
        batch, depth, height, width, channels = features.shape
        slices = features.permute(1, 0, 2, 3, 4).reshape(depth, -1, channels)
        columns = torch.bmm(slices, self.occlusion).float().sum(0).view(batch, height * width, -1).transpose(1, 2)
        folded = functional.fold(columns, (height, width), self.kernel, padding=self.kernel // 2)
        return folded + self.occlusion_bias


def _built(block: nn.Module, build: Build, side: int) -> Convolution:
    assert isinstance(block, (Down, Up))
    convolution = block.conv
    return build(convolution.weight.detach(), bias_of(convolution), side, 2 if isinstance(block, Up) else 1)


def _halved(x: Tensor) -> Tensor:
    """H and W halved by averaging, channels last."""
    flat = x.flatten(0, 1).permute(0, 3, 1, 2)
    return functional.avg_pool2d(flat, 2).permute(0, 2, 3, 1).unflatten(0, x.shape[:2])
