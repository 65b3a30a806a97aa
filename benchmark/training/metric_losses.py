"""Other losses of metric learning, for comparison: triplet and supervised contrastive, by pytorch-metric-learning.

Legend: B windows, D embedding size, U temporal positions, S = B U samples.
Every temporal position is a sample of its own, with its window's driver, face and clip. Which samples pull and which
push is decided here, on the host, from labels alone, so that samples of one driving clip never pull.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from benchmark.methods.train_options import LossOptions
from benchmark.windows.device_frames import to_device


def pull_and_push(
    driver: np.ndarray, target: np.ndarray, clip: np.ndarray, options: LossOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (B, B), (B, B): pairs of one driver that pull, pairs of two drivers that push.

    One driver's windows pull where their driving clips differ (unless `share_driving_clip`), a window never itself.
    Two drivers push on the same face where `negatives` is "face" and the batch has such; a window whose face nobody
    else drives in this batch is pushed by all other drivers.
    """
    same = driver[:, None] == driver[None, :]
    pull = same & (clip[:, None] != clip[None, :]) if not options.share_driving_clip else same.copy()
    np.fill_diagonal(pull, False)
    push = ~same
    if options.negatives == "face":
        on_face = push & (target[:, None] == target[None, :])
        push = np.where(on_face.any(axis=1, keepdims=True), on_face, push)
    return pull, push


def metric_loss(
    embeddings: Tensor,
    driver: np.ndarray,
    target: np.ndarray,
    clip: np.ndarray,
    options: LossOptions,
    rng: np.random.Generator,
) -> Tensor:
    """The loss of embeddings (B, D, U), a scalar; zero where nothing in the batch pulls or nothing pushes.

    "triplet": mean over triplets of max(0, |a - p| - |a - n| + margin), Euclidean, one triplet for each sample and each
    window that pulls it, with a position of that window and a sample that pushes drawn by `rng`.
    "supcon": Khosla et al. 2020, equation 2, over cosines divided by `temperature`.
    """
    samples = embeddings.float().transpose(1, 2).flatten(0, 1)  # (S, D)
    positions = embeddings.shape[2]
    indices: tuple[np.ndarray, ...]
    pull, push = pull_and_push(driver, target, clip, options)
    if not pull.any() or not push.any():
        return samples.sum() * 0
    labels = to_device(torch.from_numpy(np.repeat(driver, positions)), samples.device)
    if options.kind == "triplet":
        from pytorch_metric_learning.losses import TripletMarginLoss
        from pytorch_metric_learning.reducers import MeanReducer

        loss = TripletMarginLoss(margin=options.margin, reducer=MeanReducer())
        indices = triplets(pull, push, positions, rng)
    else:
        from pytorch_metric_learning.losses import SupConLoss

        loss = SupConLoss(temperature=options.temperature)
        every = np.ones((positions, positions), dtype=bool)
        indices = (*np.nonzero(np.kron(pull, every)), *np.nonzero(np.kron(push, every)))
    chosen = tuple(to_device(torch.from_numpy(index.astype(np.int64)), samples.device) for index in indices)
    return loss(samples, labels, chosen)


def triplets(
    pull: np.ndarray, push: np.ndarray, positions: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Anchor, positive and negative samples of each triplet; sample = window * positions + position."""
    window, positive = np.nonzero(pull & push.any(axis=1, keepdims=True))
    window, positive = (np.repeat(index, positions) for index in (window, positive))
    anchor = window * positions + np.tile(np.arange(positions), len(window) // positions)
    count = push.sum(axis=1)
    order = np.argsort(~push, axis=1, kind="stable")  # of each window, those that push come first
    negative = order[window, (rng.random(len(window)) * count[window]).astype(np.int64)]
    drawn = rng.integers(positions, size=(2, len(window)))
    return anchor, positive * positions + drawn[0], negative * positions + drawn[1]
