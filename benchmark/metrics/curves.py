"""What charts are drawn from: DET curves, bands of ROC curves by resampling people, and histograms of scores.

Vertical bands: at each false match rate of a fixed grid, how far the true match rate goes. Resamples work on counts of
accepted trials by group of people at a grid of thresholds, never on trials, so that millions cost one pass.

Legend: K people, R resamples, C groups of genuine trials, E groups of impostor trials, T thresholds, F grid points.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.intervals import GroupedScores, group_people, group_weights, resampling_error
from benchmark.metrics.roc import RocCurve, checked_scores

FMR_GRID = np.concatenate([np.geomspace(1e-3, 0.1, 13), np.linspace(0.15, 0.95, 17)])
_THRESHOLDS = 400
# Counts of more groups at all thresholds would not fit in a little memory.
_CELLS = 20_000_000
_BLOCK = 100


@dataclass(frozen=True)
class DetCurve:
    """Detection error trade-off: the points (R,) at which FMR or FNMR changes, strictest first.

    Rates, not probits: an axis that bends them is the chart's business (Martin et al., 1997, "The DET curve in
    assessment of detection task performance").
    """

    fmr: np.ndarray
    fnmr: np.ndarray


@dataclass(frozen=True)
class RocBand:
    """fmr (F,): the grid; tpr (F,): largest TPR at FMR not above it; low, high (F,): the band, NaN where none can be
    trusted, and `reason` why. For a DET curve take 1 - tpr."""

    fmr: np.ndarray
    tpr: np.ndarray
    low: np.ndarray
    high: np.ndarray
    reason: str = ""


@dataclass(frozen=True)
class ScoreHistogram:
    """edges (bins + 1,), counts (bins,) of each kind; the trials that are "no match" (-inf) are counted apart."""

    edges: np.ndarray
    genuine: np.ndarray
    impostor: np.ndarray
    genuine_no_match: int
    impostor_no_match: int


def det_curve(curve: RocCurve) -> DetCurve:
    """The corners of a detection error trade-off curve: points on a straight stretch along one axis are left out."""
    fmr, fnmr = curve.fmr, curve.fnmr
    moves_fmr, moves_fnmr = np.diff(fmr) > 0, np.diff(fnmr) < 0
    # A point between two steps along one axis only is no corner.
    straight = (~moves_fnmr[:-1] & ~moves_fnmr[1:]) | (~moves_fmr[:-1] & ~moves_fmr[1:])
    keep = np.concatenate([[True], ~straight, [True]])
    return DetCurve(fmr[keep], fnmr[keep])


def roc_band(
    parts: Sequence[GroupedScores], weights: np.ndarray, confidence: float, grid: np.ndarray = FMR_GRID
) -> RocBand:
    """The band of the pooled ROC curve under people's weights (R, K).

    Pointwise percentiles of the resamples. Thresholds are quantiles of the scores, close together where few impostors
    are accepted; between two of them a resample takes the stricter one, so that TPR errs to the low side.
    """
    genuine, impostor = (np.concatenate([getattr(p, name) for p in parts]) for name in ("genuine", "impostor"))
    thresholds = _thresholds(genuine, impostor)
    plain = _rates(
        _accepted(genuine, np.zeros(len(genuine), np.int64), 1, thresholds),
        _accepted(impostor, np.zeros(len(impostor), np.int64), 1, thresholds),
        np.ones((1, 1)),
        np.ones((1, 1)),
    )
    tpr = _at_most(*plain, grid)[0]
    people = int(np.count_nonzero(weights.any(axis=0)))
    nothing = np.full(len(grid), np.nan)
    groups = [_groups([getattr(p, name) for p in parts]) for name in ("genuine_people", "impostor_people")]
    if sum(len(rows) for rows, _ in groups) * len(thresholds) > _CELLS:
        return RocBand(grid, tpr, nothing, nothing, "too many groups of people for a band")
    tables = [
        _accepted(scores, number, len(rows), thresholds)
        for scores, (rows, number) in zip((genuine, impostor), groups, strict=True)
    ]
    samples = np.concatenate(
        [
            _at_most(*_rates(*tables, *(group_weights(rows, some, -1) for rows, _ in groups)), grid)
            for some in (weights[at : at + _BLOCK] for at in range(0, len(weights), _BLOCK))
        ]
        or [np.empty((0, len(grid)))]
    )
    _, reason = resampling_error(samples.mean(axis=1), people)
    if reason:
        return RocBand(grid, tpr, nothing, nothing, reason)
    tail = (1 - confidence) / 2
    low, high = np.nanquantile(samples, [tail, 1 - tail], axis=0)
    return RocBand(grid, tpr, low, high)


def score_histogram(genuine: np.ndarray, impostor: np.ndarray, bins: int = 60) -> ScoreHistogram:
    """Counts in equal bins from the smallest to the largest finite score of both kinds.

    Constant scores fill the middle of bins one unit wide in all; without a finite score the bins run from 0 to 1.
    """
    genuine, impostor = checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor")
    finite = [kind[np.isfinite(kind)] for kind in (genuine, impostor)]
    ends = [float(end) for kind in finite if len(kind) for end in (kind.min(), kind.max())]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    edges = np.linspace(low, high, bins + 1)
    if not np.all(np.diff(edges) > 0):  # so close together that no bins fit between
        edges = np.linspace(low - max(0.5, abs(low) * 1e-6), high + max(0.5, abs(high) * 1e-6), bins + 1)
    counts = [np.histogram(kind.astype(np.float64), edges)[0] for kind in finite]
    return ScoreHistogram(edges, counts[0], counts[1], len(genuine) - len(finite[0]), len(impostor) - len(finite[1]))


def _thresholds(genuine: np.ndarray, impostor: np.ndarray) -> np.ndarray:
    """At most about three times _THRESHOLDS scores, highest first."""
    ranked = [np.sort(scores)[::-1] for scores in (genuine, impostor)]
    picks = [np.linspace(0, len(some) - 1, _THRESHOLDS).astype(np.int64) for some in ranked]
    tail = np.unique(np.geomspace(1, len(impostor), _THRESHOLDS).astype(np.int64)) - 1
    chosen = np.unique(np.concatenate([ranked[0][picks[0]], ranked[1][picks[1]], ranked[1][tail]]))
    return np.asarray(chosen[::-1], dtype=np.float64)


def _accepted(scores: np.ndarray, group: np.ndarray, groups: int, thresholds: np.ndarray) -> np.ndarray:
    """(groups, T + 1): trials of each group with score >= threshold; the last column is all of them."""
    # The first threshold (they fall) that a score reaches.
    first = np.searchsorted(-thresholds, -scores.astype(np.float64, copy=False), side="left")
    width = len(thresholds) + 1
    counts = np.bincount(group * width + first, minlength=groups * width).reshape(groups, width)
    return np.cumsum(counts, axis=1).astype(np.float64)


def _rates(
    genuine: np.ndarray, impostor: np.ndarray, genuine_weight: np.ndarray, impostor_weight: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """(fmr, tpr), (R, T + 1) each, under groups' weights; NaN where a weighting leaves no trial of a kind."""
    rates = []
    for table, weight in ((impostor, impostor_weight), (genuine, genuine_weight)):
        accepted = weight @ table
        whole = accepted[:, -1:]
        rates.append(np.divide(accepted, whole, out=np.full(accepted.shape, np.nan), where=whole > 0))
    return rates[0], rates[1]


def _at_most(fmr: np.ndarray, tpr: np.ndarray, grid: np.ndarray) -> np.ndarray:
    """(R, F): TPR at the most lenient threshold whose FMR does not exceed each grid point."""
    found = np.full((len(fmr), len(grid)), np.nan)
    for n, (x, y) in enumerate(zip(fmr, tpr, strict=True)):
        if not np.isnan(x[-1] + y[-1]):
            allowed = np.searchsorted(x, grid + 1e-12, side="right")
            found[n] = np.where(allowed > 0, y[np.maximum(allowed - 1, 0)], 0.0)
    return found


def _groups(tables: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    rows, number = group_people(np.concatenate(tables))
    return rows, number.astype(np.int64)
