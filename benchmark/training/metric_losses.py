"""Two other losses of metric learning, for comparison: triplet and supervised contrastive.

Legend: B windows, D embedding size, U temporal positions, S = B U samples, R triplets.
Every temporal position is a sample of its own, with its window's driver, face and clip. Which samples pull and which
push is decided here, on the host, from labels alone, so that samples of one driving clip never pull and the host never
waits for a GPU to count them.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from benchmark.methods.train_options import LossOptions
from benchmark.windows.device_frames import to_device


def pull_and_push(
    driver: np.ndarray, target: np.ndarray, clip: np.ndarray, options: LossOptions
) -> tuple[np.ndarray, np.ndarray]:
    """Masks (B, B), (B, B): pairs of windows of one driver that pull each other, pairs of two drivers that push.

    driver, target, clip: (B,) whole numbers. Windows of one driver pull where their driving clips differ (with
    `share_driving_clip` also where they do not), and a window never pulls itself. Where `negatives` is "face", windows
    of two drivers push on the same face; a window whose face nobody else drives in this batch is pushed by all other
    drivers.
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
    mean over samples that something pulls; with `floor`, the sum in its denominator has that share of exp(1 /
    temperature) more.
    """
    samples = functional.normalize(embeddings.float().transpose(1, 2), dim=2)  # (B, U, D)
    pull, push = pull_and_push(driver, target, clip, options)
    if not pull.any() or not push.any():
        return samples.sum() * 0
    if options.kind == "triplet":
        return _triplet_loss(samples, draw_triplets(pull, push, samples.shape[1], rng), options.margin)
    return _supcon_loss(samples, pull, push, options)


def _triplet_loss(samples: Tensor, triplet_indices: tuple[np.ndarray, ...], margin: float) -> Tensor:
    """The triplet loss of samples (B, U, D); triplet_indices: as `draw_triplets` returns them."""
    flat_samples = samples.flatten(0, 1)  # (S, D)
    anchor, positive, negative = (
        flat_samples[to_device(torch.from_numpy(indices), samples.device)] for indices in triplet_indices
    )
    positive_distance, negative_distance = (
        torch.linalg.vector_norm(anchor - sample, dim=1) for sample in (positive, negative)
    )
    return functional.relu(positive_distance - negative_distance + margin).mean()


def _supcon_loss(samples: Tensor, pull: np.ndarray, push: np.ndarray, options: LossOptions) -> Tensor:
    """The supervised contrastive loss of samples (B, U, D) with the masks pull and push (B, B)."""
    positions = samples.shape[1]
    pull_counts = pull.sum(axis=1)
    # The weight of a pair: the mean over the samples that pull its anchor, and the mean over anchors that have such.
    weight = pull / np.maximum(pull_counts, 1)[:, None] / (np.count_nonzero(pull_counts) * positions**2)
    weights, left_out = (
        to_device(torch.from_numpy(table), samples.device)[:, None, :, None]
        for table in (weight.astype(np.float32), ~(pull | push))
    )
    similarity = torch.einsum("bud,cvd->bucv", samples, samples) / options.temperature
    # A finite number in place of minus infinity, whose gradient through logsumexp would be NaN.
    counted = similarity.masked_fill(left_out, torch.finfo(similarity.dtype).min / 4)
    log_total = torch.logsumexp(counted, dim=(2, 3), keepdim=True)
    if options.floor:  # a sample's similarity to itself is 1 / temperature
        log_total = torch.logaddexp(
            log_total, torch.full_like(log_total, math.log(options.floor) + 1 / options.temperature)
        )
    return (weights * (log_total - similarity)).sum()


def draw_triplets(
    pull: np.ndarray, push: np.ndarray, positions: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Anchor, positive and negative samples (R,) of each triplet; sample = window * positions + position.

    positions: U. There is one triplet for each sample and each window that pulls it; the position of that window and
    the negative sample are drawn.
    """
    # One row for each pair of windows that pull each other, and each position of the first.
    window, positive = np.nonzero(pull & push.any(axis=1, keepdims=True))
    window, positive = (np.repeat(index, positions) for index in (window, positive))
    anchor = window * positions + np.tile(np.arange(positions), len(window) // positions)
    # A window that pushes: one of the first in an order in which these come first.
    push_counts = push.sum(axis=1)
    order = np.argsort(~push, axis=1, kind="stable")
    negative = order[window, (rng.random(len(window)) * push_counts[window]).astype(np.int64)]
    # And a position of either.
    drawn_positions = rng.integers(positions, size=(2, len(window)))
    return anchor, positive * positions + drawn_positions[0], negative * positions + drawn_positions[1]
