"""Intervals by resampling people.

Trials that share a person are not independent: a bootstrap over trials gives intervals of a tenth of a point with two
dozen people. Here each person has one weight, as target and as driver at once, and a trial weighs the product of the
weights of the different people in it. All that a resample needs is how often genuine trials of one group of people
beat impostor trials of another, so that the scores are looked at once.

Legend: K people, R resamples, C groups of genuine trials, E groups of impostor trials.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Interval:
    """A figure with its percentile interval. `people` were resampled; low and high are NaN
    without resamples, and where most resamples leave no pair."""

    value: float
    low: float
    high: float
    people: int


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
        genuine = _group_weights(self.genuine_people, weights, without)
        impostor = _group_weights(self.impostor_people, weights, without)
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
            found, group = people_groups(table)
            numbers[kind].append((group + sum(map(len, people[kind]))).astype(np.int32))
            people[kind].append(found)
    genuine_people, impostor_people = (np.concatenate(one) for one in people)
    genuine_group, impostor_group = (np.concatenate(one) for one in numbers)
    groups, others = len(genuine_people), len(impostor_people)
    genuine, impostor = (np.concatenate([getattr(p, name) for p in parts]) for name in ("genuine", "impostor"))
    return PairStatistics(
        wins=group_wins(genuine, genuine_group, groups, impostor, impostor_group, others),
        genuine_count=np.bincount(genuine_group, minlength=groups).astype(np.float64),
        impostor_count=np.bincount(impostor_group, minlength=others).astype(np.float64),
        genuine_people=genuine_people,
        impostor_people=impostor_people,
    )


def people_groups(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Different rows of `people` (n, 3) and the number of each row's group (n,).

    Rows become one number first: sorting numbers is many times quicker than sorting rows.
    """
    base = int(people.max(initial=0)) + 2
    key = (people.astype(np.int64) + 1) @ np.array([base * base, base, 1])
    _, first, group = np.unique(key, return_index=True, return_inverse=True)
    return people[first], group.reshape(-1)


def group_wins(
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


def people_weights(people: int, resamples: int, seed: int) -> np.ndarray:
    """How often each person is drawn (R, K) when K people are drawn with replacement, R times."""
    rng = np.random.default_rng(seed)
    return rng.multinomial(people, np.full(people, 1 / people), size=resamples).astype(np.float64)


def mean_auc_interval(
    targets: Sequence[tuple[int, PairStatistics]], weights: np.ndarray, confidence: float
) -> Interval:
    """The unweighted mean over targets, (person number, statistics) each, with its interval.

    A resampled target counts as often as it was drawn; its AUC is taken over the drawn drivers. A target none of
    whose impostors was drawn is left out of that resample.
    """
    value = float(np.mean([statistics.auc for _, statistics in targets]))
    total, share = np.zeros(len(weights)), np.zeros(len(weights))
    for person, statistics in targets:
        drawn = weights[:, person]
        area = statistics.weighted_auc(weights, without=person)
        usable = ~np.isnan(area)
        total[usable] += (drawn * area)[usable]
        share[usable] += drawn[usable]
    means = np.divide(total, share, out=np.full(len(weights), np.nan), where=share > 0)
    return _interval(value, means, confidence, len(targets))


def pooled_auc_interval(statistics: PairStatistics, weights: np.ndarray, confidence: float) -> Interval:
    """The AUC of all trials in one pot, with its interval."""
    return _interval(statistics.auc, statistics.weighted_auc(weights), confidence, weights.shape[1])


def _interval(value: float, samples: np.ndarray, confidence: float, people: int) -> Interval:
    drawn, samples = len(samples), samples[~np.isnan(samples)]
    # With very few people most resamples lose every pair, and the rest are all alike: no interval is the honest one.
    if len(samples) < 2 or len(samples) < drawn / 2:
        return Interval(value, float("nan"), float("nan"), people)
    tail = (1 - confidence) / 2
    low, high = np.quantile(samples, [tail, 1 - tail])
    return Interval(value, float(low), float(high), people)


def _group_weights(people: np.ndarray, weights: np.ndarray, without: int) -> np.ndarray:
    """Product of the different people's weights: (R, groups)."""
    product = np.ones((len(weights), len(people)))
    for column in range(people.shape[1]):
        who = people[:, column]
        counts = (who >= 0) & (who != without)
        for earlier in range(column):  # a person who is target and driver counts once
            counts &= people[:, earlier] != who
        product[:, counts] *= weights[:, who[counts]]
    return product
