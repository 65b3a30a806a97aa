"""The SPADE decoder (Park et al. 2019), as published: each norm's scale and offset are drawn from the warped features.

Legend: B batch, C channels, H, W; `condition` is the warped feature map (B, C, h, w), smaller than or as large as x.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.blocks import SpectralConv2d, doubled
from generators.face_vid2vid.sizes import Sizes

LEAK = 0.2
MIDDLE_BLOCKS = 6


class Spade(nn.Module):
    """Instance norm of x, then scaled by 1 + gamma and moved by beta, both convolved from the condition."""

    def __init__(self, channels: int, condition: int, hidden: int) -> None:
        super().__init__()
        self.mlp_shared = nn.Sequential(nn.Conv2d(condition, hidden, 3, padding=1), nn.ReLU())
        self.mlp_gamma = nn.Conv2d(hidden, channels, 3, padding=1)
        self.mlp_beta = nn.Conv2d(hidden, channels, 3, padding=1)

    @property
    def shared(self) -> nn.Conv2d:
        """The convolution that makes the hidden map."""
        convolution = self.mlp_shared[0]
        assert isinstance(convolution, nn.Conv2d)
        return convolution

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        enlarged = functional.interpolate(condition, size=x.shape[2:], mode="nearest")
        shared = self.mlp_shared(enlarged)
        return functional.instance_norm(x) * (1 + self.mlp_gamma(shared)) + self.mlp_beta(shared)


class SpadeResidual(nn.Module):
    """Two SPADE-normed convolutions beside the input, or beside its SPADE-normed projection where widths differ."""

    def __init__(self, inputs: int, outputs: int, condition: int, hidden: int) -> None:
        super().__init__()
        middle = min(inputs, outputs)
        self.projected = inputs != outputs
        self.conv_0 = SpectralConv2d(inputs, middle, 3)
        self.conv_1 = SpectralConv2d(middle, outputs, 3)
        self.norm_0 = Spade(inputs, condition, hidden)
        self.norm_1 = Spade(middle, condition, hidden)
        if self.projected:
            self.conv_s = SpectralConv2d(inputs, outputs, 1, bias=False)
            self.norm_s = Spade(inputs, condition, hidden)

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        y = self.conv_0(functional.leaky_relu(self.norm_0(x, condition), LEAK))
        y = self.conv_1(functional.leaky_relu(self.norm_1(y, condition), LEAK))
        return y + (self.conv_s(self.norm_s(x, condition)) if self.projected else x)


class SpadeDecoder(nn.Module):
    """Warped features (B, narrow, H, W) to pictures (B, 3, 4 H, 4 W) in 0..1."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        narrow, wide = sizes.narrow, sizes.wide
        self.fc = nn.Conv2d(narrow, wide, 3, padding=1)
        for index in range(MIDDLE_BLOCKS):
            self.add_module(f"G_middle_{index}", SpadeResidual(wide, wide, narrow, sizes.hidden))
        self.up_0 = SpadeResidual(wide, narrow, narrow, sizes.hidden)
        self.up_1 = SpadeResidual(narrow, sizes.base, narrow, sizes.hidden)
        self.conv_img = nn.Conv2d(sizes.base, 3, 3, padding=1)

    def middle(self) -> list[SpadeResidual]:
        """The blocks that work at the feature map's size, in order."""
        return [self.get_submodule(f"G_middle_{index}") for index in range(MIDDLE_BLOCKS)]  # type: ignore[misc]

    def forward(self, condition: Tensor) -> Tensor:
        x = self.fc(condition)
        for block in self.middle():
            x = block(x, condition)
        x = self.up_0(doubled(x), condition)
        x = self.up_1(doubled(x), condition)
        return torch.sigmoid(self.conv_img(functional.leaky_relu(x, LEAK)).float())
