"""Histograms of genuine and impostor scores over the same bins."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.roc import checked


@dataclass(frozen=True)
class Histogram:
    """edges (bins + 1,), counts (bins,) of each kind; the trials that are "no match" (-inf) are counted apart."""

    edges: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray
    genuine_no_match: int
    impostor_no_match: int


def histogram(genuine: np.ndarray, impostor: np.ndarray, bins: int = 60) -> Histogram:
    """Counts in equal bins from the smallest to the largest finite score of both kinds.

    Constant scores fill the middle of bins one unit wide in all; without a finite score the bins run from 0 to 1.
    """
    genuine, impostor = checked(genuine, "genuine"), checked(impostor, "impostor")
    finite = [kind[np.isfinite(kind)] for kind in (genuine, impostor)]
    ends = [float(end) for kind in finite if len(kind) for end in (kind.min(), kind.max())]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    edges = np.linspace(low, high, bins + 1)
    if not np.all(np.diff(edges) > 0):  # so close together that no bins fit between
        edges = np.linspace(low - max(0.5, abs(low) * 1e-6), high + max(0.5, abs(high) * 1e-6), bins + 1)
    counts = [np.histogram(kind.astype(np.float64), edges)[0] for kind in finite]
    return Histogram(edges, counts[0], counts[1], len(genuine) - len(finite[0]), len(impostor) - len(finite[1]))
