"""Chart data: bands of ROC curves by resampling people, and histograms of scores.

Vertical bands: at each false match rate of a fixed grid, percentiles of the resampled true match rate. They cover too
little where that rate is near 1 (docs/intervals.md). Resamples work on counts of accepted trials by group of people at
a grid of thresholds, never on trials, so that millions of trials cost one pass.

Legend: K people, R resamples, G groups of genuine or impostor trials, T thresholds, F grid points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.intervals import FEWEST_PEOPLE, GroupedScores, group_people, group_weights, resampling_error
from benchmark.metrics.roc import checked_scores

FMR_GRID = np.concatenate([np.geomspace(1e-3, 0.1, 13), np.linspace(0.15, 0.95, 17)])
_THRESHOLDS_PER_KIND = 400
# With more (group, threshold) cells than these the two tables of counts take more than 160 MB each: no band then.
_MOST_CELLS = 20_000_000
_RESAMPLES_AT_ONCE = 100


@dataclass(frozen=True)
class RocBand:
    """A ROC curve with its band.

    fmr (F,): the grid; tpr (F,): largest TPR at FMR not above it; low, high (F,): the band, NaN where there is none;
    reason: why there is none ("" where there is a band). For a DET curve take 1 - tpr.
    """

    fmr: np.ndarray
    tpr: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reason: str = ""


@dataclass(frozen=True)
class ScoreHistogram:
    """Counts of genuine and impostor scores in shared bins.

    edges (bins + 1,); genuine, impostor (bins,): counts. Trials that are "no match" (-inf) are counted apart.
    """

    edges: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray
    genuine_no_match: int
    impostor_no_match: int


def roc_band(
    parts: Sequence[GroupedScores],
    weights: np.ndarray,
    confidence: float,
    grid: np.ndarray = FMR_GRID,
    *,
    fewest: int = FEWEST_PEOPLE,
) -> RocBand:
    """The band of the pooled ROC curve of all `parts` under people's weights (R, K).

    Pointwise percentiles of the resamples. Thresholds are quantiles of the scores, close together where few impostors
    are accepted; between two of them a resample takes the stricter one, so that TPR errs to the low side. With fewer
    than `fewest` people there is no band.
    """
    genuine, impostor = (np.concatenate([getattr(part, kind) for part in parts]) for kind in ("genuine", "impostor"))
    thresholds = _band_thresholds(genuine, impostor)
    # The curve itself: one group, one resample in which everybody has weight 1.
    rates = _error_rates(
        _accepted_counts(genuine, np.zeros(len(genuine), np.int64), 1, thresholds),
        _accepted_counts(impostor, np.zeros(len(impostor), np.int64), 1, thresholds),
        np.ones((1, 1)),
        np.ones((1, 1)),
    )
    tpr = _tpr_on_grid(*rates, grid)[0]
    people = int(np.count_nonzero(weights.any(axis=0)))
    no_band = np.full(len(grid), np.nan)
    # Accepted trials of each group of people: a resample weighs groups, and never looks at trials.
    groups = [
        group_people(np.concatenate([getattr(part, kind) for part in parts]))
        for kind in ("genuine_people", "impostor_people")
    ]
    if sum(len(people_of_group) for people_of_group, _ in groups) * len(thresholds) > _MOST_CELLS:
        return RocBand(grid, tpr, no_band, no_band, "too many groups of people for a band")
    tables = [
        _accepted_counts(scores, group, len(people_of_group), thresholds)
        for scores, (people_of_group, group) in zip((genuine, impostor), groups, strict=True)
    ]
    blocks = [weights[at : at + _RESAMPLES_AT_ONCE] for at in range(0, len(weights), _RESAMPLES_AT_ONCE)]
    samples = np.concatenate(
        [
            _tpr_on_grid(*_error_rates(*tables, *(group_weights(rows, block) for rows, _ in groups)), grid)
            for block in blocks
        ]
        or [np.empty((0, len(grid)))]
    )
    _, reason = resampling_error(samples.mean(axis=1), people, fewest)
    if reason:
        return RocBand(grid, tpr, no_band, no_band, reason)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail], axis=0)
    return RocBand(grid, tpr, low, high)


def score_histogram(genuine: np.ndarray, impostor: np.ndarray, bins: int = 60) -> ScoreHistogram:
    """Counts in equal bins from the smallest to the largest finite score of both kinds.

    Constant scores fill the middle of bins one unit wide in all; without a finite score the bins run from 0 to 1.
    """
    genuine, impostor = checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor")
    finite_scores = [scores[np.isfinite(scores)] for scores in (genuine, impostor)]
    ends = [float(end) for scores in finite_scores if len(scores) for end in (scores.min(), scores.max())]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    edges = np.linspace(low, high, bins + 1)
    if not np.all(np.diff(edges) > 0):  # the scores are so close together that no bins fit between them
        edges = np.linspace(low - max(0.5, abs(low) * 1e-6), high + max(0.5, abs(high) * 1e-6), bins + 1)
    counts = [np.histogram(scores.astype(np.float64), edges)[0] for scores in finite_scores]
    no_match = [len(genuine) - len(finite_scores[0]), len(impostor) - len(finite_scores[1])]
    return ScoreHistogram(edges, counts[0], counts[1], no_match[0], no_match[1])


def _band_thresholds(genuine: np.ndarray, impostor: np.ndarray) -> np.ndarray:
    """Distinct scores, at most about three times _THRESHOLDS_PER_KIND, highest first."""
    # Even quantiles of both kinds, and impostor ranks on a logarithmic scale for the low false match rates.
    ranked = [np.sort(scores)[::-1] for scores in (genuine, impostor)]
    ranks = [np.linspace(0, len(scores) - 1, _THRESHOLDS_PER_KIND).astype(np.int64) for scores in ranked]
    top_ranks = np.unique(np.geomspace(1, len(impostor), _THRESHOLDS_PER_KIND).astype(np.int64)) - 1
    thresholds = np.unique(np.concatenate([ranked[0][ranks[0]], ranked[1][ranks[1]], ranked[1][top_ranks]]))
    return np.asarray(thresholds[::-1], dtype=np.float64)


def _accepted_counts(scores: np.ndarray, group: np.ndarray, groups: int, thresholds: np.ndarray) -> np.ndarray:
    """(groups, T + 1): trials of each group with score >= threshold; the last column is all of them."""
    # The first threshold (they fall) that a score reaches.
    first = np.searchsorted(-thresholds, -scores.astype(np.float64, copy=False), side="left")
    width = len(thresholds) + 1
    counts = np.bincount(group * width + first, minlength=groups * width).reshape(groups, width)
    return np.cumsum(counts, axis=1).astype(np.float64)


def _error_rates(
    genuine_counts: np.ndarray, impostor_counts: np.ndarray, genuine_weights: np.ndarray, impostor_weights: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(fmr, tpr), (R, T + 1) each, under groups' weights; NaN where a weighting leaves no trial of a kind."""
    rates = []
    for counts, weights in ((impostor_counts, impostor_weights), (genuine_counts, genuine_weights)):
        accepted = weights @ counts
        total = accepted[:, -1:]
        rates.append(np.divide(accepted, total, out=np.full(accepted.shape, np.nan), where=total > 0))
    return rates[0], rates[1]


def _tpr_on_grid(fmr: np.ndarray, tpr: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(R, F): TPR at the most lenient threshold whose FMR does not exceed each grid point."""
    result = np.full((len(fmr), len(grid)), np.nan)
    for resample, (fmr_row, tpr_row) in enumerate(zip(fmr, tpr, strict=True)):
        if not np.isnan(fmr_row[-1] + tpr_row[-1]):
            allowed = np.searchsorted(fmr_row, grid + 1e-12, side="right")
            result[resample] = np.where(allowed > 0, tpr_row[np.maximum(allowed - 1, 0)], 0.0)
    return result
