"""Places that are shared where the data do not tell two methods apart.

Two methods meet on the same people. People are resampled, the same for both, and the interval of the difference of
their means is taken: the difference plus or minus Student's t (K - 1 degrees, 95 %) times the standard error over
resamples of people. For a mean over people that error needs no draws: it is the deviation of the people's differences
over the square root of K (Efron and Tibshirani, An Introduction to the Bootstrap, equation 5.12, with K - 1 for K).
Only where the interval lies wholly on one side of zero is one of them better.

A method's place is 1 + the number of methods that are better than it; the last place it may have is the number of
methods minus those it is better than. Being better in this sense is no order (A may share a place with B and B with C,
yet A be better than C), so a place is a range.

Legend: N methods, K people.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

CONFIDENCE = 0.95
# With five people even five agreeing signs happen by chance once in sixteen: nothing is told apart.
MIN_PEOPLE = 6
_BLOCK = 256


@dataclass(frozen=True)
class SharedRanks:
    """Methods by name with their places. areas (N, K): AUC of each method on each person; better, worse (N,): how many
    are better than it, and than how many it is better."""

    keys: tuple[str, ...]
    people: tuple[str, ...]
    margin: float
    areas: np.ndarray
    better: np.ndarray
    worse: np.ndarray

    def places(self) -> dict[str, tuple[int, int]]:
        """First and last place that each may have."""
        count = len(self.keys)
        first, last = (1 + self.better).tolist(), (count - self.worse).tolist()
        return dict(zip(self.keys, zip(first, last, strict=True), strict=True))


@dataclass(frozen=True)
class Difference:
    """First minus second over the same people; low and high are None where there are too few of them."""

    value: float
    low: float | None
    high: float | None
    people: int

    @property
    def excludes_zero(self) -> bool:
        """Whether the interval leaves zero out."""
        return self.low is not None and self.high is not None and (self.low > 0 or self.high < 0)


def paired_difference(first: np.ndarray, second: np.ndarray) -> Difference:
    """The mean difference of two rows (K,) of AUCs over the same people, with its interval."""
    people = len(first)
    each = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    value = float(each.mean()) if people else 0.0
    if people < MIN_PEOPLE:
        return Difference(value, None, None, people)
    reach = _student(people) * float(each.std(ddof=1)) / people**0.5
    return Difference(value, value - reach, value + reach, people)


def significantly_better(areas: np.ndarray, one: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Which rows (N,) of `areas` (N, K) are better than `one` (K,)."""
    if areas.shape[1] < MIN_PEOPLE or not len(areas):
        return np.zeros(len(areas), dtype=bool)
    field = _PairwiseTests(np.concatenate([areas, one[None]]), margin)
    return field.against(len(areas))[0][:-1]


def shared_ranks(
    keys: Sequence[str],
    people: Sequence[str],
    areas: np.ndarray,
    *,
    margin: float = 0.0,
    earlier: SharedRanks | None = None,
) -> SharedRanks:
    """Everybody's place. margin: how far from zero an interval must stay.

    earlier: what was known before some rows came, changed or went; only these are then compared again, which gives the
    same counts and, with ten thousand methods, takes a thousandth of the time.
    """
    keys, people = tuple(keys), tuple(people)
    areas = np.ascontiguousarray(areas, dtype=np.float64)
    if len(people) < MIN_PEOPLE:
        nobody = np.zeros(len(keys), dtype=np.int64)
        return SharedRanks(keys, people, margin, areas, nobody, nobody)
    if earlier is not None and earlier.people == people and earlier.margin == margin:
        known = {key: n for n, key in enumerate(earlier.keys)}
        at = np.array([known.get(key, -1) for key in keys], dtype=np.int64)
        same = at >= 0
        same[same] = (earlier.areas[at[same]] == areas[same]).all(axis=1)
        gone = np.setdiff1d(np.arange(len(earlier.keys)), at[same])
        if len(gone) + np.count_nonzero(~same) <= max(4, len(keys) // 50):
            better, worse = _changed(earlier, areas, at, same, gone, margin)
            return SharedRanks(keys, people, margin, areas, better, worse)
    better, worse = _counted(_PairwiseTests(areas, margin))
    return SharedRanks(keys, people, margin, areas, better, worse)


class _PairwiseTests:
    """Everybody's mean, and what remains: two rows' error follows from products of remainders."""

    def __init__(self, areas: np.ndarray, margin: float) -> None:
        self.means, self.margin = areas.mean(axis=1), margin
        self._rest = areas - self.means[:, None]
        self._squares = np.einsum("nk,nk->n", self._rest, self._rest)
        people = areas.shape[1]
        self._scale = _student(people) ** 2 / (people * (people - 1))

    def against(self, one: int) -> tuple[np.ndarray, np.ndarray]:
        """(who is better than `one`, than whom `one` is better), both (N,)."""
        over, under = self.block(slice(one, one + 1))
        return over[0], under[0]

    def block(self, rows: slice) -> tuple[np.ndarray, np.ndarray]:
        """For each of `rows`: who is better, and who is worse; both (rows, N)."""
        apart = self.means[None] - self.means[rows, None]
        squares = self._squares[None] + self._squares[rows, None] - 2 * self._rest[rows] @ self._rest.T
        reach = np.sqrt(np.maximum(squares, 0) * self._scale) + self.margin
        return apart > reach, -apart > reach


def _counted(field: _PairwiseTests) -> tuple[np.ndarray, np.ndarray]:
    """Everybody against everybody."""
    count = len(field.means)
    better, worse = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    for start in range(0, count, _BLOCK):
        rows = slice(start, start + _BLOCK)
        over, under = field.block(rows)
        better[rows], worse[rows] = over.sum(axis=1), under.sum(axis=1)
    return better, worse


def _student(people: int) -> float:
    from scipy.special import stdtrit

    return float(stdtrit(people - 1, (1 + CONFIDENCE) / 2))


def _changed(
    earlier: SharedRanks, areas: np.ndarray, at: np.ndarray, same: np.ndarray, gone: np.ndarray, margin: float
) -> tuple[np.ndarray, np.ndarray]:
    """Counts after rows went and came: `at` says where a row was before, `same` whether it is as it was."""
    fresh = np.flatnonzero(~same)
    before = len(earlier.keys)
    field = _PairwiseTests(np.concatenate([earlier.areas, areas[fresh]]), margin)
    better, worse = (
        np.concatenate([counts, np.zeros(len(fresh), np.int64)]) for counts in (earlier.better, earlier.worse)
    )
    present = np.ones(before + len(fresh), dtype=bool)
    present[before:] = False
    for one in gone:
        present[one] = False
        winners, losers = field.against(int(one))
        worse[winners & present] -= 1
        better[losers & present] -= 1
    for one in range(before, before + len(fresh)):
        winners, losers = (mask & present for mask in field.against(one))
        worse[winners] += 1
        better[losers] += 1
        better[one], worse[one] = np.count_nonzero(winners), np.count_nonzero(losers)
        present[one] = True
    where = at.copy()
    where[fresh] = before + np.arange(len(fresh))
    return better[where], worse[where]
