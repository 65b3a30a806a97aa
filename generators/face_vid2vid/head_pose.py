"""The head pose and expression estimator: what a frame's face does, in about 250 numbers.

Legend: B batch, K keypoints.
"""

from __future__ import annotations

from typing import ClassVar

from torch import Tensor, nn
from torch.nn import functional

from generators.face_vid2vid.blocks import Bottleneck, Pairs
from generators.face_vid2vid.sizes import Sizes


class Stage(nn.ModuleDict):
    """Bottlenecks in sequence, under the published names b<stage>_<index>."""

    def __init__(self, number: int, length: int, channels: int) -> None:
        super().__init__({f"b{number}_{index}": Bottleneck(channels) for index in range(length)})

    def forward(self, x: Tensor) -> Tensor:
        for block in self.values():
            x = block(x)
        return x


class HeadPoseEstimator(nn.Module):
    """Frames (B, 3, H, W) in 0..1 to yaw, pitch, roll logits (B, bins), translation (B, 3), expression (B, 3 K).

    The published training wired the layer called fc_roll to the output called yaw and fc_yaw to roll; the published
    weights have learnt it so.
    """

    folds: ClassVar[Pairs] = tuple((f"conv{index}", f"norm{index}") for index in range(1, 6))

    def __init__(self, sizes: Sizes) -> None:
        super().__init__()
        width = sizes.pose
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3)
        self.norm1 = nn.BatchNorm2d(width)
        widths = [width * 4, width * 8, width * 16, width * 32]
        self.conv2 = nn.Conv2d(width, widths[0], 1)
        self.norm2 = nn.BatchNorm2d(widths[0])
        self.block1 = Stage(1, 3, widths[0])
        self.conv3 = nn.Conv2d(widths[0], widths[1], 1)
        self.norm3 = nn.BatchNorm2d(widths[1])
        self.block2 = Bottleneck(widths[1], stride=2)
        self.block3 = Stage(3, 3, widths[1])
        self.conv4 = nn.Conv2d(widths[1], widths[2], 1)
        self.norm4 = nn.BatchNorm2d(widths[2])
        self.block4 = Bottleneck(widths[2], stride=2)
        self.block5 = Stage(5, 5, widths[2])
        self.conv5 = nn.Conv2d(widths[2], widths[3], 1)
        self.norm5 = nn.BatchNorm2d(widths[3])
        self.block6 = Bottleneck(widths[3], stride=2)
        self.block7 = Stage(7, 2, widths[3])
        self.fc_roll = nn.Linear(widths[3], sizes.bins)
        self.fc_pitch = nn.Linear(widths[3], sizes.bins)
        self.fc_yaw = nn.Linear(widths[3], sizes.bins)
        self.fc_t = nn.Linear(widths[3], 3)
        self.fc_exp = nn.Linear(widths[3], 3 * sizes.keypoints)

    def forward(self, frames: Tensor) -> dict[str, Tensor]:
        x = functional.relu(self.norm1(self.conv1(frames)))
        x = functional.max_pool2d(x, 3, stride=2, padding=1)
        x = self.block1(functional.relu(self.norm2(self.conv2(x))))
        x = self.block3(self.block2(functional.relu(self.norm3(self.conv3(x)))))
        x = self.block5(self.block4(functional.relu(self.norm4(self.conv4(x)))))
        x = self.block7(self.block6(functional.relu(self.norm5(self.conv5(x)))))
        x = x.mean(dim=(2, 3))
        return {
            "yaw": self.fc_roll(x),
            "pitch": self.fc_pitch(x),
            "roll": self.fc_yaw(x),
            "translation": self.fc_t(x),
            "expression": self.fc_exp(x),
        }
