"""Changes to training windows, made where the network runs; all are off by default.

Legend: B windows, T frames, N points of a frame, C coordinates of a point.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from benchmark.methods.re_rendering import ReRenderer
from benchmark.methods.train_options import Augmentation
from nvfair_tools.errors import NvfairError


def augment(
    points: Tensor,
    mirror_indices: Sequence[int] | Tensor | None,
    options: Augmentation,
    re_renderer: ReRenderer | None = None,
) -> Tensor:
    """Windows (B, T, N, C) changed as `options` say, with random numbers of torch's state.

    mirror_indices: index of each point's mirror image, best as a tensor on the points' device, as the host waits
    while others are sent. re_renderer: makes the changes of `options.re_rendering`, after all others; None: none are
    made. Raises NvfairError where `mirror` is on without them.
    """
    if points.dtype == torch.uint8 and options != Augmentation():
        raise NvfairError(
            "augmentation changes landmarks, and this network sees pictures",
            remedy="leave --augment, --noise, --speed and --mirror out",
        )
    if options.speed:
        points = _at_speed(points, 1 + options.speed * (2 * torch.rand(len(points), device=points.device) - 1))
    if options.mirror:
        if mirror_indices is None:
            raise NvfairError("this network's points have no known mirror images", remedy="leave --mirror out")
        # Decided on the device, so that the host does not wait for it.
        in_mirror = torch.rand((), device=points.device) < options.mirror
        flipped = points[:, :, torch.as_tensor(mirror_indices, device=points.device)].clone()
        flipped[..., 0] *= -1
        points = torch.where(in_mirror, flipped, points)
    if options.noise:
        size = (points - points.mean(dim=2, keepdim=True)).square().sum(dim=3).mean(dim=(1, 2)).sqrt()
        points = points + options.noise * size[:, None, None, None] * torch.randn_like(points)
    return points if re_renderer is None else re_renderer(points)


def _at_speed(points: Tensor, speed: Tensor) -> Tensor:
    """Windows (B, T, N, C) played at `speed` (B,) about their middles, interpolated linearly between frames."""
    frames = points.shape[1]
    middle = (frames - 1) / 2
    steps = torch.arange(frames, device=points.device)
    position = (middle + (steps - middle) * speed[:, None]).clamp(0, frames - 1)  # (B, T)
    low = position.floor().clamp_max(frames - 2).long()
    share = (position - low)[:, :, None, None]
    shape = (-1, -1, *points.shape[2:])
    before = points.gather(1, low[:, :, None, None].expand(shape))
    after = points.gather(1, (low + 1)[:, :, None, None].expand(shape))
    return before + share * (after - before)
