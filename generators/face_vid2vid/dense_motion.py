"""Dense motion: keypoints of source and driving face to a 3-D warp of the source's volume and an occlusion map.

Legend: B batch, K keypoints, M motion candidates (K + 1, the background first), C channels, D depth, H, W;
coordinates are (x, y, z), corner-aligned, last.
"""

from __future__ import annotations

from typing import ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.blocks import Down, Pairs, Up, convolution
from generators.face_vid2vid.grid import heatmaps, volume_grid
from generators.face_vid2vid.sizes import Sizes


class Warp(NamedTuple):
    """The dense motion field of B frames.

    deformation: (B, D, H, W, 3). occlusion: (B, 1, H, W) in 0..1. mask: (B, M, D, H, W), summing to 1 over M.
    """

    deformation: Tensor
    occlusion: Tensor
    mask: Tensor


def motion_widths(sizes: Sizes) -> list[int]:
    """Widths of the hourglass's encoder, its input first."""
    steps = range(1, sizes.motion_steps + 1)
    return [sizes.motion_inputs] + [min(sizes.motion_max, sizes.motion_base << step) for step in steps]


class Encoder(nn.Module):
    """Halvings of the hourglass; gives every scale."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        widths = motion_widths(sizes)
        self.down_blocks = nn.ModuleList(Down(3, widths[i], widths[i + 1]) for i in range(sizes.motion_steps))

    def forward(self, x: Tensor) -> list[Tensor]:
        scales = [x]
        for block in self.down_blocks:
            scales.append(block(scales[-1]))
        return scales


class Decoder(nn.Module):
    """Doublings of the hourglass, each joined with the encoder's map of its scale, and a last convolution."""

    folds: ClassVar[Pairs] = (("conv", "norm"),)

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        widths = motion_widths(sizes)
        blocks = []
        for step in reversed(range(sizes.motion_steps)):
            inputs = widths[step + 1] * (1 if step + 1 == sizes.motion_steps else 2)
            blocks.append(Up(3, inputs, widths[step] if step else sizes.motion_base))
        self.up_blocks = nn.ModuleList(blocks)
        self.outputs = sizes.motion_base + sizes.motion_inputs
        self.conv = convolution(3, self.outputs, self.outputs, 3)
        self.norm = nn.BatchNorm3d(self.outputs)

    def forward(self, scales: list[Tensor]) -> Tensor:
        x = scales[-1]
        for block, skip in zip(self.up_blocks, reversed(scales[:-1]), strict=True):
            x = torch.cat((block(x), skip), dim=1)
        return functional.relu(self.norm(self.conv(x)))


class Hourglass(nn.Module):
    """Encoder and decoder under the published names."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.encoder = Encoder(sizes)
        self.decoder = Decoder(sizes)

    def forward(self, x: Tensor) -> Tensor:
        return self.decoder(self.encoder(x))


class DenseMotion(nn.Module):
    """The network that blends the candidates' motions voxel by voxel."""

    folds: ClassVar[Pairs] = (("compress", "norm"),)

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        self.hourglass = Hourglass(sizes)
        outputs = self.hourglass.decoder.outputs
        self.mask = convolution(3, outputs, sizes.motions, 7)
        self.compress = nn.Conv3d(sizes.volume_channels, sizes.squeeze, 1)
        self.norm = nn.BatchNorm3d(sizes.squeeze)
        self.occlusion = convolution(2, outputs * sizes.depth, 1, 7)

    def squeezed(self, volume: Tensor) -> Tensor:
        """What dense motion looks at of a volume (B, C, D, H, W); depends on the source only."""
        return functional.relu(self.norm(self.compress(volume)))

    def forward(self, squeezed: Tensor, driving: Tensor, source: Tensor) -> Warp:
        """Warp for the squeezed volume (B, c, D, H, W) and keypoints (B, K, 3) of the driving and source face."""
        shifts = candidate_shifts(driving, source)
        shape = squeezed.shape[2:]
        heat = heatmaps(driving, shape[0], shape[1]) - heatmaps(source, shape[0], shape[1])
        features = self.hourglass(motion_features(squeezed, shifts, heat))
        mask = functional.softmax(self.mask(features).float(), dim=1)
        occlusion = torch.sigmoid(self.occlusion(features.flatten(1, 2)).float())
        return Warp(blended(mask, shifts), occlusion, mask)


def candidate_shifts(driving: Tensor, source: Tensor) -> Tensor:
    """(B, M, 3): each candidate moves the whole grid by its keypoint's way from driving to source; the first, by 0."""
    return functional.pad(source - driving, (0, 0, 1, 0))


def motion_features(squeezed: Tensor, shifts: Tensor, heat: Tensor) -> Tensor:
    """(B, M (1 + c), D, H, W): for each candidate its heatmap, then the squeezed volume warped by it.

    squeezed: (B, c, D, H, W); shifts: (B, M, 3); heat: (B, K, D, H, W), the background's heatmap being zero.
    """
    batch, channels, depth, height, width = squeezed.shape
    motions = shifts.shape[1]
    grid = volume_grid(depth, height, squeezed.device) + shifts[:, :, None, None, None]
    repeated = squeezed[:, None].expand(-1, motions, -1, -1, -1, -1)
    warped = sampled(repeated.flatten(0, 1), grid.flatten(0, 1)).view(batch, motions, channels, depth, height, width)
    heat = functional.pad(heat, (0, 0, 0, 0, 0, 0, 1, 0))[:, :, None]
    return torch.cat((heat, warped), dim=2).flatten(1, 2)


def blended(mask: Tensor, shifts: Tensor) -> Tensor:
    """(B, D, H, W, 3): the candidates' grids averaged by mask (B, M, D, H, W).

    Each candidate is the identity grid plus a constant, and the mask sums to one, so only constants are averaged.
    """
    depth, height = mask.shape[2:4]
    return volume_grid(depth, height, mask.device) + torch.einsum("bmdhw,bmc->bdhwc", mask, shifts)


def sampled(volume: Tensor, grid: Tensor) -> Tensor:
    """Trilinear samples of (B, C, D, H, W) at a corner-aligned grid (B, D, H, W, 3), zero outside.

    The published networks were trained with the sampler's pixel-edge convention on corner-aligned grids; the slight
    mismatch is part of their weights.
    """
    return functional.grid_sample(volume, grid, mode="bilinear", padding_mode="zeros", align_corners=False)
