"""The fingerprinting loss: the same driver near, other drivers of the same face far, shuffled frames far.

Legend: B windows, D embedding size, U temporal positions (t, t').

With embeddings y_i[t] of window i, driver d_i, face (target) s_i (equations 1-5 of Prashnani et al., ECCV 2024, as
re-implemented publicly):

    S(i, t; j) = max over t' of exp(-|y_i[t] - y_j[t']|^2 / (c tau))
    N(i, t)    = sum of S over j with d_j = d_i                     same driver, any face: pull
    Q(i, t)    = sum of S over j with s_j = s_i and d_j != d_i      same face, another driver: push
    R(i, t)    = sum of S over shuffled j with d_j = d_i            same driver, frames in random order: push
    L          = mean over i, t of -log(N / (N + Q + R))

What the sources leave open is an option: the scale c, tau, whether j = i counts in N (it adds a constant 1 that weakens
gradients; by default it does not) and whether windows of one driving clip pull each other (the same recording on
another face is a near-copy; by default they do not). They are never left out of Q and R.
"""

from __future__ import annotations

import torch
from torch import Tensor

from benchmark.methods.train_options import LossOptions

DEFAULT_LOSS = LossOptions()


def fingerprint_loss(
    embeddings: Tensor,
    shuffled: Tensor | None,
    driver: Tensor,
    target: Tensor,
    clip: Tensor,
    options: LossOptions = DEFAULT_LOSS,
) -> Tensor:
    """The loss L of a batch, a scalar, computed in the embeddings' precision, at least float32.

    embeddings: (B, D, U). shuffled: (B, D, U) of the same windows with frames in random order, or None. driver, target,
    clip: (B,) whole numbers. Windows without any positive in the batch are left out of the mean; a batch in which no
    window has a positive gives zero. Sums are taken in logarithms, so that those of far embeddings do not underflow.
    """
    embeddings = embeddings if embeddings.dtype == torch.float64 else embeddings.float()
    squared = squared_distances(embeddings, embeddings)  # (B, U, B, U)
    if options.scale == "batch":
        c = squared.detach().mean().clamp_min(1e-12)
    else:
        c = embeddings.new_full((), float(options.scale))  # made on the device: nothing is sent there
    similarity = -squared.amin(dim=3) / (c * options.tau)  # log S (B, U, B)

    # Which windows j count in N (pull) and in Q (push) of each window i, (B, B).
    same_driver = driver[:, None] == driver[None, :]
    pull = same_driver.clone()
    if not options.share_driving_clip:
        pull &= clip[:, None] != clip[None, :]
    itself = torch.eye(len(driver), dtype=torch.bool, device=driver.device)
    pull = pull | itself if options.include_self else pull & ~itself
    push = (target[:, None] == target[None, :]) & ~same_driver

    # log N, log Q and log R, (B, U) each.
    near = _log_sum(similarity, pull)
    parts = [near, _log_sum(similarity, push)]
    if shuffled is not None and options.shuffle_weight > 0:
        squared = squared_distances(embeddings, shuffled.to(embeddings.dtype))
        reordered = -squared.amin(dim=3) / (c * options.tau)
        weight = embeddings.new_full((), options.shuffle_weight).log()
        parts.append(_log_sum(reordered, same_driver) + weight)
    # -log(N / (N + Q + R)), and its mean over the windows that have a positive.
    terms = torch.logsumexp(torch.stack(parts), dim=0) - near  # (B, U)
    has_positive = pull.any(dim=1, keepdim=True)  # as a factor: picking rows would make the host wait for the device
    return torch.where(has_positive, terms, 0).sum() / (has_positive.sum() * terms.shape[1]).clamp_min(1)


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances (B, U, C, V) of a (B, D, U) and b (C, D, V)."""
    left = a.transpose(1, 2).reshape(-1, a.shape[1])
    right = b.transpose(1, 2).reshape(-1, b.shape[1])
    squared = left.square().sum(1)[:, None] + right.square().sum(1)[None, :] - 2 * (left @ right.T)
    return squared.clamp_min(0).reshape(a.shape[0], a.shape[2], b.shape[0], b.shape[2])


def _log_sum(similarity: Tensor, counts: Tensor) -> Tensor:
    """Logarithms (B, U) of the sums of S over the j where `counts` (B, B) is true, of log S (B, U, B).

    Where nothing counts, a very low number in place of minus infinity, whose gradient through logsumexp would be NaN.
    """
    lowest = torch.finfo(similarity.dtype).min / 4
    return torch.logsumexp(similarity.masked_fill(~counts[:, None, :], lowest), dim=2)
