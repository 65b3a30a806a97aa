"""The paired difference of two methods over people, and its interval: the only one that there is.

People make a trial easy or hard for both methods at once. A difference on the same people leaves that out, where two
intervals side by side would count it twice. The interval is the difference plus or minus Student's t times a standard
error over resampled people (degrees of freedom: people less strata). Fewer than FEWEST_PEOPLE people have none.

The standard error comes from one of two places:

* `paired_mean_difference`, `paired_pooled_difference`: resamples of pair statistics, in which a person counts as target
  and as driver. It includes that drivers are a sample too.
* `paired_person_difference`: the methods' figures of each person, where no trials are at hand (a board's rows, a
  report's table of people). The bootstrap error of a mean over people has a closed form: the deviation of the people's
  differences over the root of their number (Efron and Tibshirani, An Introduction to the Bootstrap, equation 5.12,
  with K - 1 for K), stratum by stratum. Drivers are taken as they are.

Legend: K people, R resamples, N methods.
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
    too_few_people,
)
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class PairedDifference:
    """The first method's figure minus the second's.

    low, high: NaN where no interval can be trusted; `reason` says why. superiority: share of resamples in which the
    first is ahead, ties one half; NaN without resamples or without an interval.
    """

    value: float
    low: float
    high: float
    superiority: float
    people: int
    reason: str = ""

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval lies wholly on one side of zero."""
        return self.low > 0 or self.high < 0


def paired_person_difference(
    first: np.ndarray,
    second: np.ndarray,
    confidence: float,
    strata: np.ndarray | None = None,
    *,
    fewest: int = FEWEST_PEOPLE,
) -> PairedDifference:
    """Mean difference of two rows (K,) of figures of the same people, such as each person's AUC.

    strata: (K,) numbers of the strata in which people are drawn (`intervals.resampling_strata`); None: one stratum.
    With fewer than `fewest` people there is no interval.
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    people = len(differences)
    value = float(differences.mean()) if people else 0.0
    if people < max(fewest, 2):
        return PairedDifference(value, math.nan, math.nan, math.nan, people, too_few_people(people, fewest))
    numbers = np.zeros(people, dtype=np.int64) if strata is None else np.asarray(strata)
    # The variance of the mean: each stratum keeps its number of people, so that strata add up.
    variance = 0.0
    for stratum in np.unique(numbers):
        members = differences[numbers == stratum]
        variance += len(members) * float(members.var(ddof=1)) / people**2
    half_width = student_t_quantile(confidence, people - len(np.unique(numbers))) * math.sqrt(variance)
    return PairedDifference(value, max(value - half_width, -1.0), min(value + half_width, 1.0), math.nan, people)


def squared_half_width_per_sum_of_squares(people: int, confidence: float) -> float:
    """The factor of `paired_person_difference` in one stratum, for comparing many methods at once.

    The squared half width of the interval is this factor times the sum of squares of the people's differences around
    their mean.
    """
    return student_t_quantile(confidence, people - 1) ** 2 / (people * (people - 1))


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
    for (person, left), (_, right) in zip(first, second, strict=True):
        _same_trials(left, right, f"target number {person}")
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


def _same_trials(first: PairStatistics, second: PairStatistics, where: str) -> None:
    names = ("genuine_count", "impostor_count", "genuine_people", "impostor_people")
    if not all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names):
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
