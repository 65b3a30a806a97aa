"""Intervals by resampling people.

Trials that share a person are not independent: a bootstrap over trials gives intervals of a tenth of a point with two
dozen people. Here each person has one weight, as target and as driver at once, and the weight of a trial is the product
of the weights of the different people in it. A resample needs only how often genuine trials of one group of people
beat impostor trials of another, so the scores are read once. People are drawn within their collection.

The resamples give a standard error; the interval is Student's t around the figure's log odds with that error, because
the plain percentiles of resamples cover too little with few people or near an AUC of 1
(`examples/studies/interval_coverage.py` measures both, docs/intervals.md has the table). Where an interval is known to
cover too little, there is none, and a reason instead.

Legend: K people, R resamples, C groups of genuine trials, E groups of impostor trials.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nvfair_tools.quantities import count_text

# The fewest people whose 95 % intervals were measured to cover 90 % or more (docs/intervals.md, bound by a test).
FEWEST_PEOPLE = 6


@dataclass(frozen=True)
class Interval:
    """A value with its interval, from so many resampled `people`.

    low, high: NaN where there is no interval that can be trusted; reason: why ("" where there is an interval).
    """

    value: float
    low: float
    high: float
    people: int
    reason: str = ""


@dataclass(frozen=True)
class ResampledMean:
    """The mean of targets' AUCs, and the mean under each resample of people.

    samples: (R,), NaN where a resample leaves no target. targets: the targets' person numbers. strata: number of strata
    in which people were drawn. Two means under the same resamples are compared by
    `benchmark.metrics.paired_differences.resampled_mean_difference`.
    """

    value: float
    samples: np.ndarray
    targets: tuple[int, ...]
    strata: int = 1

    @classmethod
    def of(cls, targets: Sequence[tuple[int, PairStatistics]], weights: np.ndarray, strata: int = 1) -> ResampledMean:
        """The unweighted mean of the targets' AUCs, (person number, statistics) each, under weights (R, K)."""
        people = tuple(person for person, _ in targets)
        return cls(mean_auc(targets), mean_auc_samples(targets, weights), people, strata)

    def interval(self, confidence: float) -> Interval:
        """The mean with its interval."""
        return proportion_interval(self.value, self.samples, confidence, len(self.targets), self.strata)


@dataclass(frozen=True)
class GroupedScores:
    """Scores with the people on whom they depend.

    genuine, impostor: scores of the trials. genuine_people, impostor_people: (trials, 3), numbers of the people in each
    trial, -1 where there are fewer than three.
    """

    genuine: np.ndarray
    impostor: np.ndarray
    genuine_people: np.ndarray
    impostor_people: np.ndarray


@dataclass(frozen=True)
class PairStatistics:
    """Counts of (genuine, impostor) pairs of trials ranked rightly, by groups of trials of the same people.

    wins (C, E): pairs in which a genuine trial of group c scores above an impostor trial of group e, ties one half.
    genuine_count (C,), impostor_count (E,): trials of each group; genuine_people (C, 3), impostor_people (E, 3): the
    numbers of their people, -1 where there are fewer than three.
    """

    wins: np.ndarray
    genuine_count: np.ndarray
    impostor_count: np.ndarray
    genuine_people: np.ndarray
    impostor_people: np.ndarray

    @property
    def auc(self) -> float:
        """The AUC of all trials together."""
        return float(self.wins.sum() / (self.genuine_count.sum() * self.impostor_count.sum()))

    def weighted_auc(self, weights: np.ndarray, ignored_person: int = -1) -> np.ndarray:
        """AUCs (R,) under people's weights (R, K); NaN where a weighting leaves no pair.

        ignored_person: a person whose weight counts as 1 (the target, where the AUC is that of one target).
        """
        genuine = group_weights(self.genuine_people, weights, ignored_person)
        impostor = group_weights(self.impostor_people, weights, ignored_person)
        wins = np.einsum("re,re->r", genuine @ self.wins, impostor)
        pairs = (genuine @ self.genuine_count) * (impostor @ self.impostor_count)
        return np.divide(wins, pairs, out=np.full(len(weights), np.nan), where=pairs > 0)


def pair_statistics(scores: GroupedScores) -> PairStatistics:
    """Counts of wins between the groups of trials of one part that involve the same people."""
    return pooled_statistics([scores])


def pooled_statistics(parts: Sequence[GroupedScores]) -> PairStatistics:
    """Counts of wins over all parts together. A group stays within its part: no table of all trials is made."""
    # Groups are numbered on through the parts, genuine and impostor trials apart.
    people: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    groups: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for part in parts:
        for kind, trial_people in enumerate((part.genuine_people, part.impostor_people)):
            people_of_group, group = group_people(trial_people)
            groups[kind].append((group + sum(map(len, people[kind]))).astype(np.int32))
            people[kind].append(people_of_group)
    genuine_people, impostor_people = (np.concatenate(tables) for tables in people)
    genuine_group, impostor_group = (np.concatenate(numbers) for numbers in groups)
    genuine_groups, impostor_groups = len(genuine_people), len(impostor_people)
    genuine, impostor = (np.concatenate([getattr(part, kind) for part in parts]) for kind in ("genuine", "impostor"))
    return PairStatistics(
        wins=count_group_wins(genuine, genuine_group, genuine_groups, impostor, impostor_group, impostor_groups),
        genuine_count=np.bincount(genuine_group, minlength=genuine_groups).astype(np.float64),
        impostor_count=np.bincount(impostor_group, minlength=impostor_groups).astype(np.float64),
        genuine_people=genuine_people,
        impostor_people=impostor_people,
    )


def group_people(people: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct rows of `people` (n, 3), one a group, and the number of each row's group (n,)."""
    # Rows become one number first: sorting numbers is many times quicker than sorting rows.
    base = int(people.max(initial=0)) + 2
    row_numbers = (people.astype(np.int64) + 1) @ np.array([base * base, base, 1])
    _, first_of_group, group = np.unique(row_numbers, return_index=True, return_inverse=True)
    return people[first_of_group], group.reshape(-1)


def count_group_wins(
    first: np.ndarray,
    first_group: np.ndarray,
    first_groups: int,
    second: np.ndarray,
    second_group: np.ndarray,
    second_groups: int,
) -> np.ndarray:
    """Pairs (first_groups, second_groups) in which a `first` score exceeds a `second` one, ties one half.

    first, second: scores; first_group, second_group: the group of each; first_groups, second_groups: numbers of groups.
    `first` is sorted once; a running count of each group along it answers for every score of `second`.
    """
    order = np.argsort(first, kind="stable")
    ranked, ranked_group = first[order], first_group[order]
    second_order = np.argsort(second, kind="stable")  # neighbours in rank are neighbours in memory
    second, second_group = second[second_order], second_group[second_order]
    # How many scores of `first` lie below each score of `second`, and how many do not lie above it.
    below = np.searchsorted(ranked, second, side="left")
    not_above = np.searchsorted(ranked, second, side="right")
    second_count = np.bincount(second_group, minlength=second_groups)
    wins = np.empty((first_groups, second_groups))
    running = np.zeros(len(ranked) + 1)
    for group in range(first_groups):
        np.cumsum(ranked_group == group, out=running[1:])
        # Twice the losses of this group's scores: below counts a loss, equal counts half a loss.
        twice_losses = running[below] + running[not_above]
        losses = 0.5 * np.bincount(second_group, weights=twice_losses, minlength=second_groups)
        wins[group] = running[-1] * second_count - losses
    return wins


def people_weights(people: int, resamples: int, seed: int, strata: np.ndarray | None = None) -> np.ndarray:
    """How often each person is drawn (R, K) in each of R draws of people with replacement.

    strata: (K,) numbers of the people's strata: each stratum keeps its number of people (default: one stratum).
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
    """Numbers (K,) of the strata in which people are drawn, from the collection of each person.

    A collection with one person would never vary: such collections are put together, and where that still leaves one
    person, this person joins the largest collection.
    """
    names, stratum, count = np.unique(np.array(sources, dtype=str), return_inverse=True, return_counts=True)
    stratum = stratum.reshape(-1)
    single = np.flatnonzero(count == 1)
    if len(single) == 0 or len(names) == 1:
        return stratum.astype(np.int64)
    common_stratum = int(np.argmax(count)) if len(single) == 1 else int(single[0])
    return np.where(np.isin(stratum, single), common_stratum, stratum).astype(np.int64)


def mean_auc(targets: Sequence[tuple[int, PairStatistics]]) -> float:
    """The unweighted mean of the targets' AUCs; targets: (person number, statistics) each."""
    return float(np.mean([statistics.auc for _, statistics in targets]))


def mean_auc_samples(targets: Sequence[tuple[int, PairStatistics]], weights: np.ndarray) -> np.ndarray:
    """The mean of the targets' AUCs (R,) under people's weights (R, K); NaN where a weighting leaves no target.

    A resampled target counts as often as it was drawn; its AUC is taken over the drawn drivers. A target none of
    whose impostors was drawn is left out of that resample.
    """
    total, total_weight = np.zeros(len(weights)), np.zeros(len(weights))
    for person, statistics in targets:
        weight = weights[:, person]
        auc = statistics.weighted_auc(weights, ignored_person=person)
        usable = ~np.isnan(auc)
        total[usable] += (weight * auc)[usable]
        total_weight[usable] += weight[usable]
    return np.divide(total, total_weight, out=np.full(len(weights), np.nan), where=total_weight > 0)


def pooled_auc_interval(
    statistics: PairStatistics, weights: np.ndarray, confidence: float, strata: int = 1
) -> Interval:
    """The AUC of all trials pooled, with its interval. People whose weight is never above 0 take no part."""
    people = int(np.count_nonzero(weights.any(axis=0)))
    return proportion_interval(statistics.auc, statistics.weighted_auc(weights), confidence, people, strata)


def proportion_interval(
    value: float, samples: np.ndarray, confidence: float, people: int, strata: int = 1, *, fewest: int = FEWEST_PEOPLE
) -> Interval:
    """An interval of a proportion (0 to 1) from its resamples (R,).

    Student's t with K - strata degrees of freedom around the log odds. The standard error of the samples is carried to
    log odds by their slope at the value (the delta method), so that the interval stays within 0 and 1 and a resample
    that reaches an end does no harm. With fewer than `fewest` people there is no interval.
    """
    error, reason = resampling_error(samples, people, fewest)
    if not reason and not 0 < value < 1:
        reason = f"the figure is {value:g} itself, where resamples say nothing"
    if reason:
        return Interval(value, math.nan, math.nan, people, reason)
    log_odds = math.log(value / (1 - value))
    reach = student_t_quantile(confidence, people - strata) * error / (value * (1 - value))
    return Interval(value, _proportion(log_odds - reach), _proportion(log_odds + reach), people)


def resampling_error(samples: np.ndarray, people: int, fewest: int = FEWEST_PEOPLE) -> tuple[float, str]:
    """The standard deviation of resamples (R,), and why no interval may rest on it ("" where one may)."""
    resamples, samples = len(samples), samples[~np.isnan(samples)]
    if resamples == 0:
        return math.nan, "no resamples were asked for"
    if reason := too_few_people(people, fewest):
        return math.nan, reason
    # With very few pairs of people most resamples lose every pair, and the rest are all alike.
    if len(samples) < 2 or len(samples) < resamples / 2:
        return math.nan, "most resamples of people leave no pair of trials"
    error = float(samples.std(ddof=1))
    if error < 1e-12:
        return math.nan, "every resample of people gives the same figure"
    return error, ""


def too_few_people(people: int, fewest: int = FEWEST_PEOPLE) -> str:
    """Why so few people allow no interval; "" where there are `fewest` or more."""
    return "" if people >= fewest else f"{count_text(people, 'person')}, at least {fewest} are needed"


def student_t_quantile(confidence: float, degrees: int) -> float:
    """Half the width of a two-sided Student t interval whose standard error is 1; at least one degree of freedom."""
    from scipy.special import stdtrit

    return float(stdtrit(max(degrees, 1), (1 + confidence) / 2))


def _proportion(log_odds: float) -> float:
    return 0.5 * (1 + math.tanh(log_odds / 2))


def group_weights(people: np.ndarray, weights: np.ndarray, ignored_person: int = -1) -> np.ndarray:
    """Products (R, groups) of the weights (R, K) of the different people in each group (groups, 3).

    ignored_person: a person whose weight counts as 1.
    """
    product = np.ones((len(weights), len(people)))
    for column in range(people.shape[1]):
        person = people[:, column]
        counts = (person >= 0) & (person != ignored_person)
        for earlier in range(column):  # a person who is target and driver counts once
            counts &= people[:, earlier] != person
        product[:, counts] *= weights[:, person[counts]]
    return product
