"""Figures over people from scores of pairs of clips: both means, intervals, tests, and what could have been detected.

All trials lie within one session, and no two videos of a trial share a clip. A person's AUC counts how often a genuine
trial (two clips of the person) scores above an impostor trial (a clip of the person and one of somebody else) of the
same session and the same pair of faces. Everybody counts once in the mean over people; the pooled AUC is that of all
trials together, for each pair of faces, averaged over these pairs.

Legend: C clips, F pairs of faces, K people, R resamples, E pairs of people.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.intervals import (
    Interval,
    PairStatistics,
    count_group_wins,
    mean_auc,
    mean_auc_samples,
    pooled_auc_interval,
    proportion_interval,
    student_t_quantile,
)
from benchmark.metrics.paired_differences import paired_mean_difference, paired_pooled_difference

_CHANCE = 0.5


@dataclass(frozen=True)
class Design:
    """Who takes part in which trials.

    person: (C,) number of each clip's person, 0..K-1. session: (C,) number of each clip's session. people: K.
    """

    person: np.ndarray
    session: np.ndarray
    people: int

    @classmethod
    def of(cls, person: np.ndarray, session: np.ndarray) -> Design:
        """The design of clips (C,) whose people and sessions have any names."""
        names, numbers = np.unique(person.astype(str), return_inverse=True)
        sessions = np.unique(session.astype(str), return_inverse=True)[1]
        return cls(numbers.reshape(-1), sessions.reshape(-1), len(names))

    def genuine(self) -> Sequence[tuple[int, int, np.ndarray]]:
        """(session, person, pairs (G, 2) of different clips), both orders, of everybody with two clips in a session."""
        groups = []
        for session, person in sorted({*zip(self.session.tolist(), self.person.tolist(), strict=True)}):
            clips = np.flatnonzero((self.session == session) & (self.person == person))
            pairs = np.array(list(itertools.permutations(clips, 2)), dtype=np.int64).reshape(-1, 2)
            if len(pairs):
                groups.append((session, person, pairs))
        return groups

    def impostor(self, session: int, person: int) -> np.ndarray:
        """Pairs (I, 2) of a clip of `person` and one of somebody else in the session, in both orders."""
        own, others = (
            np.flatnonzero((self.session == session) & ((self.person == person) == is_own)) for is_own in (True, False)
        )
        pairs = np.array(list(itertools.product(own, others)), dtype=np.int64).reshape(-1, 2)
        return np.concatenate([pairs, pairs[:, ::-1]])


@dataclass(frozen=True)
class MethodStatistics:
    """Counts of wins of one method by one generator.

    targets: (person number, statistics) of everybody with an AUC, in order. pooled: statistics of all trials together,
    the wins averaged over the pairs of faces.
    """

    targets: tuple[tuple[int, PairStatistics], ...]
    pooled: PairStatistics

    @property
    def auc_by_person(self) -> np.ndarray:
        """AUC of each of `targets`."""
        return np.array([statistics.auc for _, statistics in self.targets])


def method_statistics(scores: np.ndarray, design: Design) -> MethodStatistics:
    """Counts from the scores (F, C, C) of clip i on a pair's first face with clip j on its second."""
    people, faces = design.people, len(scores)
    wins, pairs = np.zeros((people, people)), np.zeros((people, people))
    for session, person, genuine in design.genuine():
        impostor = design.impostor(session, person)
        other = np.where(
            design.person[impostor[:, 0]] == person, design.person[impostor[:, 1]], design.person[impostor[:, 0]]
        )
        pairs[person] += len(genuine) * np.bincount(other, minlength=people)
        for of_faces in scores:
            genuine_scores, impostor_scores = (of_faces[rows[:, 0], rows[:, 1]] for rows in (genuine, impostor))
            group = np.zeros(len(genuine), np.int64)
            wins[person] += count_group_wins(genuine_scores, group, 1, impostor_scores, other, people)[0] / faces
    targets = []
    for person in np.flatnonzero(pairs.sum(axis=1)):
        others = np.flatnonzero(pairs[person])
        targets.append(
            (int(person), _person_statistics(int(person), others, wins[person, others], pairs[person, others]))
        )
    return MethodStatistics(tuple(targets), _pooled_statistics(scores, design))


def _person_statistics(person: int, others: np.ndarray, wins: np.ndarray, pairs: np.ndarray) -> PairStatistics:
    """A person's counts as one group of genuine trials: only their products with the impostors' counts are used."""
    impostor_people = np.stack([np.full(len(others), person), others, np.full(len(others), -1)], axis=1)
    return PairStatistics(wins[None], np.ones(1), pairs, np.array([[person, -1, -1]]), impostor_people)


def _pooled_statistics(scores: np.ndarray, design: Design) -> PairStatistics:
    genuine = np.concatenate([pairs for _, _, pairs in design.genuine()])
    clips = len(design.person)
    first, second = (rows.reshape(-1) for rows in np.indices((clips, clips)))
    is_impostor = (design.session[first] == design.session[second]) & (design.person[first] != design.person[second])
    impostor = np.stack([first, second], axis=1)[is_impostor]
    genuine_group = design.person[genuine[:, 0]]
    # Unordered pairs of people, numbered.
    people_of_pair = np.sort(design.person[impostor], axis=1)
    couples, impostor_group = np.unique(people_of_pair, axis=0, return_inverse=True)
    impostor_group = impostor_group.reshape(-1)
    present, genuine_group = np.unique(genuine_group, return_inverse=True)
    wins = sum(
        count_group_wins(
            of_faces[genuine[:, 0], genuine[:, 1]], genuine_group, len(present),
            of_faces[impostor[:, 0], impostor[:, 1]], impostor_group, len(couples),
        )
        for of_faces in scores
    )  # fmt: skip
    return PairStatistics(
        wins=np.asarray(wins) / len(scores),
        genuine_count=np.bincount(genuine_group, minlength=len(present)).astype(np.float64),
        impostor_count=np.bincount(impostor_group, minlength=len(couples)).astype(np.float64),
        genuine_people=np.pad(present[:, None], ((0, 0), (0, 2)), constant_values=-1),
        impostor_people=np.pad(couples, ((0, 0), (0, 1)), constant_values=-1),
    )


def mean_statistics(methods: Sequence[MethodStatistics]) -> MethodStatistics:
    """Statistics whose AUCs are the means of the methods' AUCs, because all have the same trials."""
    targets = []
    for n, (person, first) in enumerate(methods[0].targets):
        wins = np.mean([method.targets[n][1].wins for method in methods], axis=0)
        targets.append((person, _with_wins(first, wins)))
    return MethodStatistics(
        tuple(targets), _with_wins(methods[0].pooled, np.mean([method.pooled.wins for method in methods], axis=0))
    )


def chance_statistics(method: MethodStatistics) -> MethodStatistics:
    """Statistics of a method at chance on the trials of `method`: every comparison is half a win."""
    targets = tuple((person, _at_chance(statistics)) for person, statistics in method.targets)
    return MethodStatistics(targets, _at_chance(method.pooled))


def _at_chance(statistics: PairStatistics) -> PairStatistics:
    return _with_wins(statistics, _CHANCE * np.outer(statistics.genuine_count, statistics.impostor_count))


def _with_wins(statistics: PairStatistics, wins: np.ndarray) -> PairStatistics:
    return PairStatistics(
        wins, statistics.genuine_count, statistics.impostor_count, statistics.genuine_people, statistics.impostor_people
    )


def mean_interval(method: MethodStatistics, weights: np.ndarray, confidence: float) -> Interval:
    """The mean over people of their AUCs; people are resampled, each as genuine and as impostor at once."""
    samples = mean_auc_samples(method.targets, weights)
    return proportion_interval(mean_auc(method.targets), samples, confidence, len(method.targets))


def pooled_interval(method: MethodStatistics, weights: np.ndarray, confidence: float) -> Interval:
    """The pooled AUC with its interval, over the same resamples of people."""
    return pooled_auc_interval(method.pooled, weights, confidence)


@dataclass(frozen=True)
class TestedDifference:
    """A difference of two figures, tested.

    low, high: interval from resamples of people. p_value: two-sided, of the sign-flip test over people. jackknife_low,
    jackknife_high: interval from leaving out each person in turn. detectable: the smallest true difference that such a
    study detects with the planned power.
    """

    value: float
    low: float
    high: float
    p_value: float
    jackknife_low: float
    jackknife_high: float
    detectable: float
    people: int


def difference_over_people(
    first: MethodStatistics, second: MethodStatistics, weights: np.ndarray, confidence: float, power: float, figure: str
) -> TestedDifference:
    """The difference `first` less `second` of the "mean" or the "pooled" AUCs. weights: (R, K) of people's draws."""
    people = weights.shape[1]
    if figure == "mean":
        difference = paired_mean_difference(first.targets, second.targets, weights, confidence)
    else:
        difference = paired_pooled_difference(first.pooled, second.pooled, weights, confidence)
    error = float(np.nanstd(_differences(first, second, weights, figure), ddof=1))
    # A person is left out as genuine and as impostor at once.
    left_out = _differences(first, second, np.ones((people, people)) - np.eye(people), figure)
    pseudo_values = people * difference.value - (people - 1) * left_out
    jackknife_error = float(pseudo_values.std(ddof=1) / np.sqrt(people))
    quantile = student_t_quantile(confidence, people - 1)
    return TestedDifference(
        value=difference.value,
        low=difference.low,
        high=difference.high,
        p_value=sign_flip_p_value(pseudo_values),
        jackknife_low=difference.value - quantile * jackknife_error,
        jackknife_high=difference.value + quantile * jackknife_error,
        detectable=(quantile + student_t_quantile(2 * power - 1, people - 1)) * error,
        people=len(first.targets),
    )


def _differences(first: MethodStatistics, second: MethodStatistics, weights: np.ndarray, figure: str) -> np.ndarray:
    """The difference (R,) of the figures under people's weights (R, K)."""
    if figure == "mean":
        return mean_auc_samples(first.targets, weights) - mean_auc_samples(second.targets, weights)
    return first.pooled.weighted_auc(weights) - second.pooled.weighted_auc(weights)


def sign_flip_p_value(values: np.ndarray) -> float:
    """Two-sided p-value of the mean of people's values (K,), when each may as well have the other sign.

    values: what each person adds to a difference, as genuine and as impostor: the jackknife's pseudo-values, K times
    the difference less K - 1 times that without the person. (The differences of people's own AUCs would leave out that
    everybody is an impostor for others; that test rejected 16 % of simulated studies without a difference, at a level
    of 5 %.) All sign patterns up to 2^16, a random draw of as many beyond.
    """
    from scipy.stats import permutation_test

    result = permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=2**16, vectorized=True, axis=0, rng=0
    )
    return float(result.pvalue)


def holm(p_values: Sequence[float]) -> list[float]:
    """P-values corrected for their number so that the chance of any false rejection stays at the level.

    Holm 1979, "A simple sequentially rejective multiple test procedure": the k-th smallest of m is multiplied by
    m - k + 1; corrected values never fall.
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    corrected = np.minimum(np.maximum.accumulate(np.asarray(p_values)[order] * factors), 1.0)
    result = np.empty(len(p_values))
    result[order] = corrected
    return result.tolist()
