"""The AUC of a score, mean over people, with an interval that resamples people.

People are drawn with replacement, each as enrolled person and as driver at once, as the benchmark's intervals do; its
own are out of reach here, because a data set is audited without it. The interval is Student's t around the log odds
with the resamples' standard error. Where every enrolled person's AUC is 0 or 1, no resample differs, and the interval
is the exact one of as many equal outcomes as pairs of people were compared (Clopper and Pearson 1934, "The use of
confidence or fiducial limits illustrated in the case of the binomial").

Legend: K enrolled people, D drivers, R resamples.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass, field

import numpy as np

FEWEST_PEOPLE = 6  # with fewer, intervals of this kind are known to cover too little (docs/intervals.md)
_RESAMPLES = 1000


@dataclass(frozen=True)
class PersonAuc:
    """The mean over `people` of AUCs, with its interval; low and high are NaN for fewer than six people."""

    value: float
    low: float
    high: float
    people: int


@dataclass
class AucCounts:
    """Counts of rightly ranked pairs of scores, by enrolled person and by driver."""

    _wins: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))
    _pairs: dict[tuple[str, str], float] = field(default_factory=lambda: defaultdict(float))

    def add(self, person: str, positive: np.ndarray, negative: np.ndarray, drivers: np.ndarray) -> None:
        """Adds the comparisons of an enrolled person's positive scores (P,) with negative ones (N,) of `drivers` (N,).

        A tie counts one half.
        """
        if not len(positive) or not len(negative):
            return
        ranked = np.sort(positive)
        not_above = np.searchsorted(ranked, negative, "right")
        below = np.searchsorted(ranked, negative, "left")
        wins = len(ranked) - (not_above + below) / 2
        names, number = np.unique(drivers.astype(str), return_inverse=True)
        of_driver, count = np.bincount(number, wins), np.bincount(number)
        for name, won, compared in zip(names.tolist(), of_driver.tolist(), count.tolist(), strict=True):
            self._wins[person, name] += won
            self._pairs[person, name] += float(compared * len(ranked))

    def mean(self, confidence: float, seed: int = 0) -> PersonAuc | None:
        """The mean over the enrolled people, with its interval; None where nothing was compared."""
        people = sorted({person for person, _ in self._pairs})
        if not people:
            return None
        names = sorted({name for pair in self._pairs for name in pair})
        place = {name: number for number, name in enumerate(names)}
        wins, pairs = (np.zeros((len(people), len(names))) for _ in range(2))
        for row, person in enumerate(people):
            for name in names:
                if (person, name) in self._pairs:
                    wins[row, place[name]] = self._wins[person, name]
                    pairs[row, place[name]] = self._pairs[person, name]
        own = np.array([place[person] for person in people])
        single = wins.sum(axis=1) / pairs.sum(axis=1)
        value = float(single.mean())
        of_people = len({frozenset(pair) for pair in self._pairs})
        low, high = _interval(value, len(people), of_people, _resample(wins, pairs, own, len(names), seed), confidence)
        return PersonAuc(value, low, high, len(people))


def _resample(wins: np.ndarray, pairs: np.ndarray, own: np.ndarray, names: int, seed: int) -> np.ndarray:
    """The mean AUC (R,) of drawn people; NaN where none is left. wins, pairs: (K, D). own: (K,), their columns."""
    weights = np.random.default_rng(seed).multinomial(names, np.full(names, 1 / names), size=_RESAMPLES).astype(float)
    # An enrolled person's own comparisons count whenever the person does.
    rows = np.arange(len(own))
    own_wins, own_pairs = wins[rows, own].copy(), pairs[rows, own].copy()
    wins, pairs = wins.copy(), pairs.copy()
    wins[rows, own] = pairs[rows, own] = 0
    won, compared = weights @ wins.T + own_wins, weights @ pairs.T + own_pairs
    weight = weights[:, own] * (compared > 0)
    auc = np.divide(won, compared, out=np.zeros_like(won), where=compared > 0)
    total = weight.sum(axis=1)
    return np.divide((weight * auc).sum(axis=1), total, out=np.full(len(total), np.nan), where=total > 0)


def _interval(
    value: float, people: int, pairs_of_people: int, samples: np.ndarray, confidence: float
) -> tuple[float, float]:
    from scipy.special import stdtrit

    if people < FEWEST_PEOPLE:
        return math.nan, math.nan
    if value in (0.0, 1.0):
        reach = ((1 - confidence) / 2) ** (1 / pairs_of_people)
        return (reach, 1.0) if value == 1.0 else (0.0, 1.0 - reach)
    samples = samples[~np.isnan(samples)]
    error = float(samples.std(ddof=1)) if len(samples) > _RESAMPLES // 2 else math.nan
    if math.isnan(error):
        return math.nan, math.nan
    centre = math.log(value / (1 - value))
    reach = float(stdtrit(people - 1, (1 + confidence) / 2)) * error / (value * (1 - value))
    low, high = (0.5 * (1 + math.tanh((centre + side * reach) / 2)) for side in (-1, 1))
    return low, high
