"""Intervals by resampling people.

Trials that share a person are not independent: a bootstrap over trials gives intervals of a tenth of a point with two
dozen people. Here each person has one weight, as target and as driver at once, and a trial weighs the product of the
weights of the different people in it. All that a resample needs is how often genuine trials of one group of people
beat impostor trials of another, so that the scores are looked at once. People are drawn within their collection.

The resamples give a standard error; the interval is Student's t around the figure's log odds with that error, because
the plain percentiles of resamples cover too little with few people or near an AUC of 1 (`coverage.py` measures both,
docs/intervals.md has the table). Where an interval is known to cover too little, none is given, and a reason is.

Legend: K people, R resamples, C groups of genuine trials, E groups of impostor trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# The fewest people whose 95 % intervals were measured to cover 90 % or more (docs/intervals.md, bound by a test).
FEWEST_PEOPLE = 6


@dataclass(frozen=True)
class Interval:
    """A figure with its interval; `people` were resampled. low and high are NaN where none can be trusted, and
    `reason` says why ("" where there is an interval)."""

    value: float
    low: float
    high: float
    people: int
    reason: str = ""


@dataclass(frozen=True)
class GroupedScores:
    """Scores with the people they depend on.

    genuine, impostor: scores. genuine_people, impostor_people: (G, 3), (I, 3) numbers of the people in each trial,
    -1 where there are fewer.
    """

    genuine: np.ndarray
    impostor: np.ndarray
    genuine_people: np.ndarray
    impostor_people: np.ndarray


@dataclass(frozen=True)
class PairStatistics:
    """wins (C, E): genuine of group c above impostor of group e, ties one half; how many pairs; and who is in them."""

    wins: np.ndarray
    genuine_count: np.ndarray
    impostor_count: np.ndarray
    genuine_people: np.ndarray
    impostor_people: np.ndarray

    @property
    def auc(self) -> float:
        """The AUC of all trials together."""
        return float(self.wins.sum() / (self.genuine_count.sum() * self.impostor_count.sum()))

    def weighted_auc(self, weights: np.ndarray, without: int = -1) -> np.ndarray:
        """AUCs (R,) under people's weights (R, K); NaN where a weighting leaves no pair.

        without: a person whose weight is left out (the target, where one target is looked at by itself).
        """
        genuine = group_weights(self.genuine_people, weights, without)
        impostor = group_weights(self.impostor_people, weights, without)
        above = np.einsum("re,re->r", genuine @ self.wins, impostor)
        pairs = (genuine @ self.genuine_count) * (impostor @ self.impostor_count)
        return np.divide(above, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def pair_statistics(scores: GroupedScores) -> PairStatistics:
    """Counts of wins between groups of trials that involve the same people."""
    return pooled_statistics([scores])


def pooled_statistics(parts: Sequence[GroupedScores]) -> PairStatistics:
    """Counts of wins over all parts together. A group stays within its part: no table of everybody's trials is made."""
    people: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    numbers: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for part in parts:
        for kind, table in enumerate((part.genuine_people, part.impostor_people)):
            found, group = group_people(table)
            numbers[kind].append((group + sum(map(len, people[kind]))).astype(np.int32))
            people[kind].append(found)
    genuine_people, impostor_people = (np.concatenate(one) for one in people)
    genuine_group, impostor_group = (np.concatenate(one) for one in numbers)
    groups, others = len(genuine_people), len(impostor_people)
    genuine, impostor = (np.concatenate([getattr(p, name) for p in parts]) for name in ("genuine", "impostor"))
    return PairStatistics(
        wins=count_group_wins(genuine, genuine_group, groups, impostor, impostor_group, others),
        genuine_count=np.bincount(genuine_group, minlength=groups).astype(np.float64),
        impostor_count=np.bincount(impostor_group, minlength=others).astype(np.float64),
        genuine_people=genuine_people,
        impostor_people=impostor_people,
    )


def group_people(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different rows of `people` (n, 3) and the number of each row's group (n,).

    Rows become one number first: sorting numbers is many times quicker than sorting rows.
    """
    base = int(people.max(initial=0)) + 2
    key = (people.astype(np.int64) + 1) @ np.array([base * base, base, 1])
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return people[first], group.reshape(-1)


def count_group_wins(
    high: np.ndarray, high_group: np.ndarray, groups: int, low: np.ndarray, low_group: np.ndarray, others: int
) -> np.ndarray:
    """wins (groups, others): pairs in which a score of `high` in one group exceeds one of `low` in another, ties 1/2.

    `high` is sorted once; a running count of each group along it answers for every score of `low`.
    """
    order = np.argsort(high, kind="stable")
    ranked, ranked_group = high[order], high_group[order]
    low_order = np.argsort(low, kind="stable")  # neighbours in rank are neighbours in memory
    low, low_group = low[low_order], low_group[low_order]
    below = np.searchsorted(ranked, low, side="left")
    not_above = np.searchsorted(ranked, low, side="right")
    low_count = np.bincount(low_group, minlength=others)
    wins = np.empty((groups, others))
    running = np.zeros(len(ranked) + 1)
    for group in range(groups):
        np.cumsum(ranked_group == group, out=running[1:])
        lost = running[below] + running[not_above]
        wins[group] = running[-1] * low_count - 0.5 * np.bincount(low_group, weights=lost, minlength=others)
    return wins


def people_weights(people: int, resamples: int, seed: int, strata: np.ndarray | None = None) -> np.ndarray:
    """How often each person is drawn (R, K) when people are drawn with replacement, R times.

    strata: (K,) numbers of the people's collections: each collection keeps its number of people (default: one).
    """
    rng = np.random.default_rng(seed)
    strata = np.zeros(people, dtype=np.int64) if strata is None else np.asarray(strata)
    weights = np.zeros((resamples, people))
    for stratum in np.unique(strata):
        members = np.flatnonzero(strata == stratum)
        size = len(members)
        weights[:, members] = rng.multinomial(size, np.full(size, 1 / size), size=resamples)
    return weights


def resampling_strata(sources: Sequence[str]) -> np.ndarray:
    """Numbers (K,) of the strata in which people are drawn, from each person's collection.

    A collection with one person would never vary: such collections are put together, and where that still leaves one
    person, he joins the largest collection.
    """
    names, number, count = np.unique(np.array(sources, dtype=str), return_inverse=True, return_counts=True)
    number = number.reshape(-1)
    alone = np.flatnonzero(count == 1)
    if len(alone) == 0 or len(names) == 1:
        return number.astype(np.int64)
    home = int(np.argmax(count)) if len(alone) == 1 else int(alone[0])
    return np.where(np.isin(number, alone), home, number).astype(np.int64)


def mean_auc(targets: Sequence[tuple[int, PairStatistics]]) -> float:
    """The unweighted mean over targets."""
    return float(np.mean([statistics.auc for _, statistics in targets]))


def mean_auc_samples(targets: Sequence[tuple[int, PairStatistics]], weights: np.ndarray) -> np.ndarray:
    """The mean over targets (R,) under people's weights (R, K); NaN where a weighting leaves no target.

    A resampled target counts as often as it was drawn; its AUC is taken over the drawn drivers. A target none of
    whose impostors was drawn is left out of that resample.
    """
    total, share = np.zeros(len(weights)), np.zeros(len(weights))
    for person, statistics in targets:
        drawn = weights[:, person]
        area = statistics.weighted_auc(weights, without=person)
        usable = ~np.isnan(area)
        total[usable] += (drawn * area)[usable]
        share[usable] += drawn[usable]
    return np.divide(total, share, out=np.full(len(weights), np.nan), where=share > 0)


def mean_auc_interval(
    targets: Sequence[tuple[int, PairStatistics]], weights: np.ndarray, confidence: float, strata: int = 1
) -> Interval:
    """The unweighted mean over targets, (person number, statistics) each, with its interval.

    strata: in how many strata people were drawn.
    """
    samples = mean_auc_samples(targets, weights)
    return proportion_interval(mean_auc(targets), samples, confidence, len(targets), strata)


def pooled_auc_interval(
    statistics: PairStatistics, weights: np.ndarray, confidence: float, strata: int = 1
) -> Interval:
    """The AUC of all trials in one pot, with its interval. People whose weight is never above 0 take no part."""
    people = int(np.count_nonzero(weights.any(axis=0)))
    return proportion_interval(statistics.auc, statistics.weighted_auc(weights), confidence, people, strata)


def proportion_interval(
    value: float, samples: np.ndarray, confidence: float, people: int, strata: int = 1, *, fewest: int = FEWEST_PEOPLE
) -> Interval:
    """An interval of a share (0 to 1) from its resamples: Student's t with K - strata degrees around the log odds.

    The standard error of the samples is carried to log odds by their slope at the value (the delta method), so that
    the interval stays within 0 and 1 and a resample that reaches an end does no harm. With fewer than `fewest` people
    there is none.
    """
    error, reason = resampling_error(samples, people, fewest)
    if not reason and not 0 < value < 1:
        reason = f"the figure is {value:g} itself, where resamples say nothing"
    if reason:
        return Interval(value, math.nan, math.nan, people, reason)
    odds, reach = (
        math.log(value / (1 - value)),
        student_t_quantile(confidence, people - strata) * error / (value * (1 - value)),
    )
    return Interval(value, _share(odds - reach), _share(odds + reach), people)


def resampling_error(samples: np.ndarray, people: int, fewest: int = FEWEST_PEOPLE) -> tuple[float, str]:
    """The deviation of resamples, and why no interval may rest on it ("" where one may)."""
    drawn, samples = len(samples), samples[~np.isnan(samples)]
    if drawn == 0:
        return math.nan, "no resamples were asked for"
    if people < fewest:
        return math.nan, f"{people} people: intervals are known to be trustworthy from {fewest} people on"
    # With very few pairs of people most resamples lose every pair, and the rest are all alike.
    if len(samples) < 2 or len(samples) < drawn / 2:
        return math.nan, "most resamples of people leave no pair of trials"
    error = float(samples.std(ddof=1))
    if error < 1e-12:
        return math.nan, "every resample of people gives the same figure"
    return error, ""


def student_t_quantile(confidence: float, degrees: int) -> float:
    """Half the width of a two-sided Student t interval of unit standard error."""
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1), (1 + confidence) / 2))


def _share(odds: float) -> float:
    return 0.5 * (1 + math.tanh(odds / 2))


def group_weights(people: np.ndarray, weights: np.ndarray, without: int = -1) -> np.ndarray:
    """Product of the different people's weights: (R, groups)."""
    product = np.ones((len(weights), len(people)))
    for column in range(people.shape[1]):
        who = people[:, column]
        counts = (who >= 0) & (who != without)
        for earlier in range(column):  # a person who is target and driver counts once
            counts &= people[:, earlier] != who
        product[:, counts] *= weights[:, who[counts]]
    return product
