"""The canonical keypoint detector: a portrait's keypoints as if the face looked straight ahead.

Legend: B batch, K keypoints, C channels, D depth, H, W.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.blocks import Down, Up, convolution
from generators.face_vid2vid.grid import axis
from generators.face_vid2vid.sizes import Sizes

TEMPERATURE = 0.1
REDUCTION = 4


class AntiAlias(nn.Module):
    """Gaussian blur of sigma 1.5, 13 taps, zero-padded, then every fourth pixel; the kernel is a stored buffer."""

    weight: Tensor

    def __init__(self, channels: int) -> None:
        super().__init__()
        sigma = (REDUCTION - 1) / 2
        radius = round(4 * sigma)
        taps = torch.exp(-torch.arange(-radius, radius + 1, dtype=torch.float32).square() / (2 * sigma**2))
        kernel = torch.outer(taps, taps)
        self.register_buffer("weight", (kernel / kernel.sum()).repeat(channels, 1, 1, 1))

    def forward(self, x: Tensor) -> Tensor:
        channels, _, taps, _ = self.weight.shape
        # Only the pixels that are kept are blurred.
        return functional.conv2d(x, self.weight, padding=taps // 2, stride=REDUCTION, groups=channels)


class Predictor(nn.Module):
    """Image features to a feature volume: five halvings, a 1x1 convolution read as depth, five 3-D doublings."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        widths = [3] + [
            min(sizes.detector_max, sizes.detector_base << step) for step in range(1, sizes.detector_steps + 1)
        ]
        self.depth = sizes.depth
        self.down_blocks = nn.ModuleDict(
            {f"down{i}": Down(2, widths[i], widths[i + 1]) for i in range(sizes.detector_steps)}
        )
        self.conv = nn.Conv2d(widths[-1], widths[-1] * sizes.depth, 1)
        upward = widths[:0:-1] + [sizes.detector_base]
        self.up_blocks = nn.ModuleDict({f"up{i}": Up(3, upward[i], upward[i + 1]) for i in range(sizes.detector_steps)})

    def forward(self, x: Tensor) -> Tensor:
        for block in self.down_blocks.values():
            x = block(x)
        x = self.conv(x)
        x = x.reshape(x.shape[0], -1, self.depth, *x.shape[2:])
        for block in self.up_blocks.values():
            x = block(x)
        return x


class KeypointDetector(nn.Module):
    """Portraits (B, 3, H, W) in 0..1 to canonical keypoints (B, K, 3).

    antialias: the current configuration looks at the picture reduced by 4 (and stores the kernel); beta at all of it.
    """

    def __init__(self, sizes: Sizes, antialias: bool = True) -> None:
        super().__init__()
        if antialias:
            self.down = AntiAlias(3)
        self.antialias = antialias
        self.predictor = Predictor(sizes)
        self.kp = convolution(3, sizes.detector_base, sizes.keypoints, 3)

    def forward(self, portraits: Tensor) -> Tensor:
        x = self.down(portraits) if self.antialias else portraits
        return expectation(self.kp(self.predictor(x)))


def expectation(logits: Tensor) -> Tensor:
    """Soft argmax: logits (B, K, D, H, W) to the expected (x, y, z), (B, K, 3), under softmax(logits / 0.1)."""
    batch, keypoints, depth, height, width = logits.shape
    share = functional.softmax(logits.float().flatten(2) / TEMPERATURE, dim=2)
    share = share.view(batch, keypoints, depth, height, width)
    device = logits.device
    x = (share.sum(dim=(2, 3)) * axis(width, device)).sum(-1)
    y = (share.sum(dim=(2, 4)) * axis(height, device)).sum(-1)
    z = (share.sum(dim=(3, 4)) * axis(depth, device)).sum(-1)
    return torch.stack((x, y, z), dim=-1)
