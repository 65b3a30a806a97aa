"""Paired comparison of two methods: the same trials, the same people, one weight a person for both.

People make a trial easy or hard for both methods at once; a difference that shares its weights leaves that out, where
two intervals side by side would count it twice.

Legend: K people, R resamples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.intervals import (
    FEWEST_PEOPLE,
    PairStatistics,
    mean_auc,
    mean_auc_samples,
    resampling_error,
    student_t_quantile,
)
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class PairedDifference:
    """First minus second. superiority: share of resamples in which the first is ahead, ties one half (NaN without
    an interval). low, high: NaN where no interval can be trusted; `reason` says why."""

    value: float
    low: float
    high: float
    superiority: float
    people: int
    reason: str = ""


def paired_mean_difference(
    first: Sequence[tuple[int, PairStatistics]],
    second: Sequence[tuple[int, PairStatistics]],
    weights: np.ndarray,
    confidence: float,
    strata: int = 1,
    *,
    fewest: int = FEWEST_PEOPLE,
) -> PairedDifference:
    """Difference of two mean AUCs over targets, (person number, statistics) each.

    weights: (R, K) of `people_weights`; strata: in how many strata people were drawn. With fewer than `fewest`
    people there is no interval. Raises NvfairError where the two were not scored on the same trials.
    """
    if [person for person, _ in first] != [person for person, _ in second]:
        raise NvfairError(
            f"the two methods have {len(first)} and {len(second)} targets, or other ones",
            expected="the same targets in the same order",
            remedy="score both under one protocol on one data set",
        )
    for (person, one), (_, other) in zip(first, second, strict=True):
        _same_trials(one, other, f"target number {person}")
    samples = mean_auc_samples(first, weights) - mean_auc_samples(second, weights)
    return _difference(mean_auc(first) - mean_auc(second), samples, confidence, len(first), strata, fewest)


def paired_pooled_difference(
    first: PairStatistics, second: PairStatistics, weights: np.ndarray, confidence: float, strata: int = 1
) -> PairedDifference:
    """Difference of two AUCs of all trials in one pot; as `paired_mean_difference`."""
    _same_trials(first, second, "all trials together")
    people = int(np.count_nonzero(weights.any(axis=0)))
    samples = first.weighted_auc(weights) - second.weighted_auc(weights)
    return _difference(first.auc - second.auc, samples, confidence, people, strata)


def _same_trials(one: PairStatistics, other: PairStatistics, where: str) -> None:
    names = ("genuine_count", "impostor_count", "genuine_people", "impostor_people")
    if not all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names):
        raise NvfairError(
            "the two methods were not scored on the same trials",
            where=where,
            expected="as many trials of the same people",
            remedy="count what a method could not score as rejected, rather than leaving it out",
        )


def _difference(
    value: float, samples: np.ndarray, confidence: float, people: int, strata: int, fewest: int = FEWEST_PEOPLE
) -> PairedDifference:
    error, reason = resampling_error(samples, people, fewest)
    if reason:
        return PairedDifference(value, math.nan, math.nan, math.nan, people, reason)
    reach = student_t_quantile(confidence, people - strata) * error
    drawn = samples[~np.isnan(samples)]
    ahead = float((np.count_nonzero(drawn > 0) + 0.5 * np.count_nonzero(drawn == 0)) / len(drawn))
    return PairedDifference(value, max(value - reach, -1.0), min(value + reach, 1.0), ahead, people)
