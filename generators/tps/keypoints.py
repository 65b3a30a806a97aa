"""The keypoint detector and the background predictor: ResNet-18s that end in a handful of numbers.

Layer names are those of the ResNet-18 in common use, which the published files keep.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

GROUPS = 10  # thin-plate splines
POINTS = 5  # control points of each
KEYPOINTS = GROUPS * POINTS


class BasicBlock(nn.Module):
    """Two 3x3 convolutions with batch norms around a shortcut (He et al., "Deep residual learning", 2016)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample: nn.Module | None = None
        if stride != 1 or inputs != outputs:
            self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x if self.downsample is None else self.downsample(x)
        inner = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(inner)) + shortcut)


class ResNet18(nn.Module):
    """(B, inputs, H, W) -> (B, outputs)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, 64, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        self.layer1 = nn.Sequential(BasicBlock(64, 64, 1), BasicBlock(64, 64, 1))
        self.layer2 = nn.Sequential(BasicBlock(64, 128, 2), BasicBlock(128, 128, 1))
        self.layer3 = nn.Sequential(BasicBlock(128, 256, 2), BasicBlock(256, 256, 1))
        self.layer4 = nn.Sequential(BasicBlock(256, 512, 2), BasicBlock(512, 512, 1))
        self.fc = nn.Linear(512, outputs)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.bn1(self.conv1(x))), 3, stride=2, padding=1)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(x.mean(dim=(2, 3)))


class KeypointDetector(nn.Module):
    """RGB in [0, 1] (B, 3, H, W) -> keypoints (B, 50, 2), x and y in -1..1 (corner-aligned)."""

    def __init__(self) -> None:
        super().__init__()
        self.fg_encoder = ResNet18(3, 2 * KEYPOINTS)

    def forward(self, image: Tensor) -> Tensor:
        return (2 * torch.sigmoid(self.fg_encoder(image)) - 1).view(-1, KEYPOINTS, 2)


class BackgroundPredictor(nn.Module):
    """Source and driving RGB -> the background's affine map (B, 3, 3), last row 0, 0, 1.

    Trained with the rest and published beside it; the animation modes take the identity instead.
    """

    def __init__(self) -> None:
        super().__init__()
        self.bg_encoder = ResNet18(6, 6)

    def forward(self, source: Tensor, driving: Tensor) -> Tensor:
        rows = self.bg_encoder(torch.cat((source, driving), dim=1)).view(-1, 2, 3)
        last = rows.new_tensor([0.0, 0.0, 1.0]).expand(rows.shape[0], 1, 3)
        return torch.cat((rows, last), dim=1)
