"""The loss of AVAPrintDB's attention network: all pairs of positives and negatives, and the hardest pair.

Legend: A anchors, P positives and Q negatives of each, D embedding size.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

MARGIN = 0.3  # the authors' code; their settings file names another one that it does not use
_MEAN_SHARE = 0.7


def anchor_distances(anchors: Tensor, others: Tensor) -> Tensor:
    """Euclidean distances (A, P) of anchors (A, D) to others (A, P, D), all brought to unit length."""
    anchors, others = functional.normalize(anchors, dim=-1), functional.normalize(others, dim=-1)
    return torch.linalg.vector_norm(anchors[:, None] - others, dim=2)


def hardest_pair_loss(positive: Tensor, negative: Tensor, margin: float = MARGIN) -> Tensor:
    """The loss, a scalar, of distances to positives (A, P) and to negatives (A, Q).

    0.7 times the mean over all anchors and pairs (p, q) of max(0, p - q + margin), and 0.3 times the mean over anchors
    of max(0, largest p - smallest q + margin).
    """
    every_pair = functional.relu(positive[:, :, None] - negative[:, None, :] + margin).mean()
    hardest = functional.relu(positive.amax(dim=1) - negative.amin(dim=1) + margin).mean()
    return _MEAN_SHARE * every_pair + (1 - _MEAN_SHARE) * hardest
