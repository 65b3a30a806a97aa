"""Sizes of the networks; the defaults are the published 256 x 256 VoxCeleb configuration."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sizes:
    """Widths and extents that fix every tensor's shape.

    image: side of the square pictures; the feature map and the volume have a quarter of it. keypoints: canonical
    keypoints. bins: bins of each head angle. volume_channels x depth: the appearance volume. base, wide: first and
    widest 2-D feature. hidden: width of a SPADE norm's hidden map. motion_*, detector_*: base width, widest layer and
    number of halvings of the two hourglasses. squeeze: channels of the volume that dense motion looks at.
    pose: width of the head pose network's first layer (its last is 32 times that).
    """

    image: int = 256
    keypoints: int = 15
    bins: int = 66
    base: int = 64
    wide: int = 512
    volume_channels: int = 32
    depth: int = 16
    residual_blocks: int = 6
    hidden: int = 128
    squeeze: int = 4
    motion_base: int = 32
    motion_max: int = 1024
    motion_steps: int = 5
    detector_base: int = 32
    detector_max: int = 1024
    detector_steps: int = 5
    pose: int = 64

    def __post_init__(self) -> None:
        assert self.volume_channels * self.depth == self.wide, "the volume is the widest map, reshaped"
        assert self.image % (4 << max(self.motion_steps, self.detector_steps)) == 0

    @property
    def feature(self) -> int:
        """Side of the feature map."""
        return self.image // 4

    @property
    def narrow(self) -> int:
        """Width of the map before it becomes the volume, and after it is flat again."""
        return self.base * 4

    @property
    def motions(self) -> int:
        """Motion candidates: the background and one a keypoint."""
        return self.keypoints + 1

    @property
    def motion_inputs(self) -> int:
        """Channels that dense motion looks at: for each candidate a heatmap and the warped squeezed volume."""
        return self.motions * (self.squeeze + 1)
