"""Changes to training windows, made where the network runs; all are off unless asked for.

Legend: B windows, T frames, N points of a frame, C coordinates of a point.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.methods.train_options import Augmentation
from nvfair_tools.errors import NvfairError


def augment(points: Tensor, twins: Sequence[int] | Tensor | None, options: Augmentation) -> Tensor:
    """Windows (B, T, N, C) changed as asked for; draws from torch's random state.

    twins: where each point's mirror image stands, best on the points' device: the host waits while others are sent.
    Raises NvfairError where `mirror` is asked for without them.
    """
    if options.speed:
        points = _played(points, 1 + options.speed * (2 * torch.rand(len(points), device=points.device) - 1))
    if options.mirror:
        if twins is None:
            raise NvfairError("this network's points have no known mirror images", remedy="leave --mirror out")
        # Decided on the device: the host need not know.
        seen = torch.rand((), device=points.device) < options.mirror
        flipped = points[:, :, torch.as_tensor(twins, device=points.device)].clone()
        flipped[..., 0] *= -1
        points = torch.where(seen, flipped, points)
    if options.noise:
        size = (points - points.mean(dim=2, keepdim=True)).square().sum(dim=3).mean(dim=(1, 2)).sqrt()
        points = points + options.noise * size[:, None, None, None] * torch.randn_like(points)
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
