"""Other losses of metric learning, for comparison: triplet and supervised contrastive.

Legend: B windows, D embedding size, U temporal positions, S = B U samples.
Every temporal position is a sample of its own, with its window's driver, face and clip. Which samples pull and which
push is decided here, on the host, from labels alone, so that samples of one driving clip never pull and the host never
waits for a GPU to count them.
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

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

    Samples are brought to unit length first. "triplet": mean over triplets of max(0, |a - p| - |a - n| + margin),
    Euclidean, one triplet for each sample and each window that pulls it, with a position of that window and a sample
    that pushes drawn by `rng`. "supcon": Khosla et al. 2020, equation 2, over cosines divided by `temperature`, the
    mean over samples that something pulls.
    """
    samples = functional.normalize(embeddings.float().transpose(1, 2), dim=2)  # (B, U, D)
    pull, push = pull_and_push(driver, target, clip, options)
    if not pull.any() or not push.any():
        return samples.sum() * 0
    if options.kind == "triplet":
        return _triplet(samples, triplets(pull, push, samples.shape[1], rng), options.margin)
    return _supcon(samples, pull, push, options.temperature)


def _triplet(samples: Tensor, chosen: tuple[np.ndarray, ...], margin: float) -> Tensor:
    """samples (B, U, D); chosen: as `triplets` gives them."""
    flat = samples.flatten(0, 1)
    anchor, positive, negative = (flat[to_device(torch.from_numpy(index), flat.device)] for index in chosen)
    near, far = (torch.linalg.vector_norm(anchor - other, dim=1) for other in (positive, negative))
    return functional.relu(near - far + margin).mean()


def _supcon(samples: Tensor, pull: np.ndarray, push: np.ndarray, temperature: float) -> Tensor:
    """samples (B, U, D); pull, push (B, B)."""
    positions = samples.shape[1]
    pulling = pull.sum(axis=1)
    # What a pair counts for: its anchor's mean over the samples that pull it, and the mean over anchors that have such.
    share = pull / np.maximum(pulling, 1)[:, None] / (np.count_nonzero(pulling) * positions**2)
    weights, others = (
        to_device(torch.from_numpy(table), samples.device)[:, None, :, None]
        for table in (share.astype(np.float32), ~(pull | push))
    )
    likeness = torch.einsum("bud,cvd->bucv", samples, samples) / temperature
    # A finite number in place of minus infinity, whose gradient through logsumexp would be NaN.
    remaining = likeness.masked_fill(others, torch.finfo(likeness.dtype).min / 4)
    total = torch.logsumexp(remaining, dim=(2, 3), keepdim=True)
    return (weights * (total - likeness)).sum()


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
