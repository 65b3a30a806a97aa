"""Changes to training windows, made where the network runs; all are off unless asked for.

Legend: B windows, T frames, N points of a frame, C coordinates of a point.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Augmentation:
    """noise: standard deviation of what is added to each coordinate of each frame, as a share of the face's size (root
    mean square distance of its points from their centroid): landmarkers differ, but noise drowns small motion.
    speed: each window is played up to this share slower or faster about its middle (the frames beyond its ends repeat
    the last one): takes a person's pace away, which may be what tells them. mirror: share of batches that are seen in
    a mirror, all windows of a batch alike, as a face in a mirror moves like another person's.
    """

    noise: float = 0.0
    speed: float = 0.0
    mirror: float = 0.0

    def __post_init__(self) -> None:
        if self.noise < 0 or not 0 <= self.speed < 1 or not 0 <= self.mirror <= 1:
            raise NvfairError(
                f"augmentation {self}", expected="noise of at least 0, speed in [0, 1), mirror between 0 and 1"
            )

    def __call__(self, points: Tensor, twins: Sequence[int] | Tensor | None) -> Tensor:
        """Windows (B, T, N, C) changed as asked for; draws from torch's random state.

        twins: where each point's mirror image stands, best on the points' device: the host waits while others are
        sent. NvfairError where `mirror` is asked for without them.
        """
        if self.speed:
            points = _played(points, 1 + self.speed * (2 * torch.rand(len(points), device=points.device) - 1))
        if self.mirror:
            if twins is None:
                raise NvfairError("this network's points have no known mirror images", remedy="leave --mirror out")
            # Decided on the device: the host need not know.
            seen = torch.rand((), device=points.device) < self.mirror
            flipped = points[:, :, torch.as_tensor(twins, device=points.device)].clone()
            flipped[..., 0] *= -1
            points = torch.where(seen, flipped, points)
        if self.noise:
            size = (points - points.mean(dim=2, keepdim=True)).square().sum(dim=3).mean(dim=(1, 2)).sqrt()
            points = points + self.noise * size[:, None, None, None] * torch.randn_like(points)
        return points


def _played(points: Tensor, speed: Tensor) -> Tensor:
    """Windows (B, T, N, C) played at `speed` (B,) about their middles, linear between frames."""
    frames = points.shape[1]
    middle = (frames - 1) / 2
    steps = torch.arange(frames, device=points.device)
    at = (middle + (steps - middle) * speed[:, None]).clamp(0, frames - 1)  # (B, T)
    low = at.floor().clamp_max(frames - 2).long()
    share = (at - low)[:, :, None, None]
    shape = (-1, -1, *points.shape[2:])
    before = points.gather(1, low[:, :, None, None].expand(shape))
    after = points.gather(1, (low + 1)[:, :, None, None].expand(shape))
    return before + share * (after - before)
