"""Triplets of the graph network: who is anchor, positive and negative of an epoch, and their loss.

Legend: V videos, R triplets, D embedding size, T frames of a window.
"""

from __future__ import annotations

import numpy as np
import torch
from torch.nn import functional

from benchmark.training.avaprintdb.dev_videos import DevVideos
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_DISTANCE_EPSILON = 1e-6  # added to each coordinate of a difference, as PyTorch's triplet loss does


def draw_triplets(videos: DevVideos, window: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Video numbers of an epoch's anchors, positives and negatives (3, R), and where each window starts (3, R)."""
    triplets = np.stack(draw_epoch(videos, rng))
    lengths = np.array([len(points) for points in videos.points])
    return triplets, (rng.random(triplets.shape) * (lengths[triplets] - window + 1)).astype(np.int64)


def windows_at(videos: DevVideos, numbers: np.ndarray, starts: np.ndarray, length: int) -> torch.Tensor:
    """Windows (R, T, ...) of the videos `numbers` (R,), from the frames `starts` (R,) on."""
    return torch.stack(
        [videos.points[number][begin : begin + length] for number, begin in zip(numbers, starts, strict=True)]
    )


def draw_epoch(videos: DevVideos, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (V,) of the anchors, positives and negatives of an epoch; see the top of this file.

    A driver with one video is an anchor of nobody's and stays a negative of others. Raises NvfairError where there are
    not two drivers, or none with two videos.
    """
    drivers, driver = np.unique([name.driver for name in videos.names], return_inverse=True)
    of_driver = [np.flatnonzero(driver == number) for number in range(len(drivers))]
    anchors = rng.permutation(np.flatnonzero([len(of_driver[number]) > 1 for number in driver]))
    if len(drivers) < 2 or not len(anchors):
        raise NvfairError(
            f"{count_text(len(drivers), 'driver')}; with two videos: {sum(len(group) > 1 for group in of_driver)}",
            expected="two drivers or more, and two videos of one of them",
        )
    positives, negatives = np.empty_like(anchors), np.empty_like(anchors)
    for row, anchor in enumerate(anchors):
        group = of_driver[driver[anchor]]
        positives[row] = rng.choice(group[group != anchor])
        other = (driver[anchor] + 1 + rng.integers(len(drivers) - 1)) % len(drivers)
        negatives[row] = rng.choice(of_driver[other])
    return anchors, positives, negatives


def triplet_loss(anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, margin: float) -> torch.Tensor:
    """The mean over R of max(0, |a - p| - |a - n| + margin), for embeddings (R, D)."""
    return functional.triplet_margin_loss(anchor, positive, negative, margin=margin, eps=_DISTANCE_EPSILON)
