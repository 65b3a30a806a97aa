"""The difference of two methods on the same trials, with an interval over people.

People make a trial easy or hard for both methods at once. A difference on the same people leaves that out, where two
intervals side by side would count it twice.

There is one interval for all differences: the value plus and minus Student's t with (people - strata) degrees of
freedom times the standard error, clipped to [-1, 1]. With fewer than FEWEST_PEOPLE people, and where the error cannot
be estimated, there is no interval, and a reason instead.

The standard error must count every person in both roles. A mean over targets is a mean over pairs of a target and a
driver, so the drivers are as much a sample as the targets are: to first order its variance is that of the sum of what a
person adds as a target and as a driver (Hoeffding 1948, "A class of statistics with asymptotically normal
distribution", section 5). The deviation of the targets' own differences leaves the drivers out; its intervals were
measured to hold the truth in as few as 82 % of experiments where they say 95 % (docs/intervals.md). Two estimates count
both roles:

* resamples of people, each with one weight as target and as driver at once (Owen 2007, "The pigeonhole bootstrap",
  draws the two roles apart; here they are the same people): `paired_mean_difference`, `paired_pooled_difference`,
  `resampled_mean_difference`. They need the trials, so they serve `nvfair compare` and the margin over a shortcut.
* the jackknife that leaves out one person in both roles (Arvesen 1969, "Jackknifing U-statistics"; on average it errs
  to the large side: Efron and Stein 1981, "The jackknife estimate of variance"). For a mean over targets it has a
  closed form in two AUCs of each person, as a target and as an impostor: `paired_person_difference`. The leaderboard,
  which stores figures and no trials, compares methods by it.

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
    ResampledMean,
    mean_auc,
    mean_auc_samples,
    resampling_error,
    student_t_quantile,
    too_few_people,
)
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text


@dataclass(frozen=True)
class PairedDifference:
    """The first method's figure less the second's, with its interval.

    low, high: NaN where there is no interval that can be trusted; reason: why ("" where there is an interval).
    superiority: share of resamples in which the first is ahead, ties one half; NaN without an interval, and where the
    error does not come from resamples.
    """

    value: float
    low: float
    high: float
    superiority: float
    people: int
    reason: str = ""

    @property
    def excludes_zero(self) -> bool:
        """Whether there is an interval and it lies wholly on one side of zero."""
        return self.low > 0 or self.high < 0


def paired_mean_difference(
    first: Sequence[tuple[int, PairStatistics]],
    second: Sequence[tuple[int, PairStatistics]],
    weights: np.ndarray,
    confidence: float,
    strata: int = 1,
    *,
    fewest: int = FEWEST_PEOPLE,
) -> PairedDifference:
    """Difference of two mean AUCs over targets, from (person number, statistics) of each target.

    weights: (R, K) of `people_weights`; strata: number of strata in which people were drawn. With fewer than `fewest`
    people there is no interval. Raises NvfairError where the two were not scored on the same trials.
    """
    if [person for person, _ in first] != [person for person, _ in second]:
        raise NvfairError(
            f"the two methods have {len(first)} and {count_text(len(second), 'target')}, or other ones",
            expected="the same targets in the same order",
            remedy="score both under one protocol on one data set",
        )
    for (person, first_statistics), (_, second_statistics) in zip(first, second, strict=True):
        _check_same_trials(first_statistics, second_statistics, f"target number {person}")
    samples = mean_auc_samples(first, weights) - mean_auc_samples(second, weights)
    value = mean_auc(first) - mean_auc(second)
    return _difference_of_samples(value, samples, confidence, len(first), strata, fewest)


def resampled_mean_difference(first: ResampledMean, second: ResampledMean, confidence: float) -> PairedDifference:
    """As `paired_mean_difference`, from two means that were resampled with the same weights.

    Raises NvfairError where they are means over different targets or have different numbers of resamples.
    """
    if first.targets != second.targets or len(first.samples) != len(second.samples):
        raise NvfairError(
            f"the two means are over {len(first.targets)} and {count_text(len(second.targets), 'target')}, or other "
            f"ones, in {len(first.samples)} and {len(second.samples)} resamples",
            expected="the same targets and the same resamples",
            remedy="score both under one protocol on one data set",
        )
    return _difference_of_samples(
        first.value - second.value, first.samples - second.samples, confidence, len(first.targets), first.strata
    )


def paired_pooled_difference(
    first: PairStatistics,
    second: PairStatistics,
    weights: np.ndarray,
    confidence: float,
    strata: int = 1,
    *,
    fewest: int = FEWEST_PEOPLE,
) -> PairedDifference:
    """Difference of two AUCs of all trials pooled; as `paired_mean_difference`."""
    _check_same_trials(first, second, "all trials together")
    people = int(np.count_nonzero(weights.any(axis=0)))
    samples = first.weighted_auc(weights) - second.weighted_auc(weights)
    return _difference_of_samples(first.auc - second.auc, samples, confidence, people, strata, fewest)


def paired_person_difference(
    first: np.ndarray,
    second: np.ndarray,
    confidence: float,
    strata: np.ndarray | None = None,
    *,
    first_as_impostor: np.ndarray | None = None,
    second_as_impostor: np.ndarray | None = None,
    fewest: int = FEWEST_PEOPLE,
) -> PairedDifference:
    """Difference of two mean AUCs over targets from the AUCs of people, in closed form.

    first, second: (K,) AUC of each person as a target. first_as_impostor, second_as_impostor: (K,) AUC of the pairs in
    which a person is the impostor; where either is None, the error is that of the targets alone (see `error_terms`).
    strata: (K,) numbers of the strata in which people are drawn (`intervals.resampling_strata`); None: one stratum.
    """
    first, second = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    people = len(first)
    value = float((first - second).mean()) if people else 0.0
    both_roles = first_as_impostor is not None and second_as_impostor is not None
    if reason := too_few_people(people, max(fewest, 3 if both_roles else 2)):
        return PairedDifference(value, math.nan, math.nan, math.nan, people, reason)
    as_impostor = np.asarray(first_as_impostor) - np.asarray(second_as_impostor) if both_roles else None
    error = math.sqrt(float(np.square(error_terms(first - second, as_impostor, strata)).sum()))
    return _difference(value, error, confidence, people, 1 if strata is None else len(np.unique(strata)))


def error_terms(
    auc: np.ndarray, auc_as_impostor: np.ndarray | None = None, strata: np.ndarray | None = None
) -> np.ndarray:
    """Terms (..., K) whose sum of squares over people is the squared standard error of the mean of `auc` (..., K).

    Terms are linear in the AUCs: the terms of a difference are the difference of the terms. So N methods are compared
    in pairs by the inner products of their terms.

    auc: of each person as a target. auc_as_impostor: of the pairs in which the person is the impostor, over all
    targets. The error is that of the jackknife that leaves out one person in both roles, exact where each target has as
    many trials with each other person: with u = auc + auc_as_impostor it is (K - 1) / (K - 2) times the deviation of u
    over the square root of K. None: the deviation of `auc` alone over the square root of K, which leaves out what
    drivers add. strata: (K,), see `paired_person_difference`; each needs two people, in both roles three.
    """
    auc = np.asarray(auc, dtype=np.float64)
    effects = auc if auc_as_impostor is None else auc + np.asarray(auc_as_impostor, dtype=np.float64)
    people = auc.shape[-1]
    numbers = np.zeros(people, dtype=np.int64) if strata is None else np.asarray(strata)
    terms = np.empty(auc.shape)
    for stratum in np.unique(numbers):
        members = np.flatnonzero(numbers == stratum)
        size = len(members)
        small_sample = 1.0 if auc_as_impostor is None else (size - 1) / (size - 2)
        # A stratum's mean weighs size / K in the mean of all.
        scale = size / people * small_sample / math.sqrt(size * (size - 1))
        terms[..., members] = scale * (effects[..., members] - effects[..., members].mean(axis=-1, keepdims=True))
    return terms


def interval_half_width(error: float, people: int, confidence: float, strata: int = 1) -> float:
    """Half the width of the interval of a difference with a standard error of `error`."""
    return student_t_quantile(confidence, people - strata) * error


def _difference_of_samples(
    value: float, samples: np.ndarray, confidence: float, people: int, strata: int, fewest: int = FEWEST_PEOPLE
) -> PairedDifference:
    """The difference `value` with an interval from its resamples (R,), NaN where a resample has none."""
    error, reason = resampling_error(samples, people, fewest)
    if reason:
        return PairedDifference(value, math.nan, math.nan, math.nan, people, reason)
    drawn = samples[~np.isnan(samples)]
    superiority = float((np.count_nonzero(drawn > 0) + 0.5 * np.count_nonzero(drawn == 0)) / len(drawn))
    return _difference(value, error, confidence, people, strata, superiority)


def _difference(
    value: float, error: float, confidence: float, people: int, strata: int = 1, superiority: float = math.nan
) -> PairedDifference:
    """The difference with its interval: the one definition of it."""
    half_width = interval_half_width(error, people, confidence, strata)
    return PairedDifference(value, max(value - half_width, -1.0), min(value + half_width, 1.0), superiority, people)


def _check_same_trials(first: PairStatistics, second: PairStatistics, where: str) -> None:
    """Raises NvfairError where two methods have other numbers of trials, or trials of other people."""
    names = ("genuine_count", "impostor_count", "genuine_people", "impostor_people")
    if not all(np.array_equal(getattr(first, name), getattr(second, name)) for name in names):
        raise NvfairError(
            "the two methods were not scored on the same trials",
            where=where,
            expected="as many trials of the same people",
            remedy="count what a method could not score as rejected, rather than leaving it out",
        )
