"""Places that methods share where the data do not tell them apart.

Two methods are compared on the same people by the paired interval of `benchmark.metrics.paired_differences`. Only where
it lies wholly on one side of zero is one method better than the other.

A method's first place is 1 + the number of methods that are better than it; the last place it may have is the number of
methods minus those it is better than. Being better in this sense is no order (A may share a place with B and B with C,
yet A be better than C), so a place is a range.

Every pair of methods is tested anew for each view: 10,000 methods on 35 people take 0.5 s of one core.

Legend: N methods, K people, R rows of a block.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from benchmark.metrics.intervals import FEWEST_PEOPLE
from benchmark.metrics.paired_differences import (
    PairedDifference,
    paired_person_difference,
    squared_half_width_per_sum_of_squares,
)

CONFIDENCE = 0.95
MIN_PEOPLE = FEWEST_PEOPLE
_BLOCK_ROWS = 64  # methods tested against all others at once: three arrays of 64 x 10,000 stay below 16 MB


def paired_difference(first: np.ndarray, second: np.ndarray) -> PairedDifference:
    """The mean difference of two rows (K,) of AUCs over the same people, with the interval that places rest on."""
    return paired_person_difference(first, second, CONFIDENCE)


def significantly_better(auc: np.ndarray, reference: np.ndarray, margin: float = 0.0) -> np.ndarray:
    """Which of N methods, auc (N, K), are better than one reference (K,): bool (N,).

    margin: how far above zero the interval of the difference must lie.
    """
    if auc.shape[1] < MIN_PEOPLE or not len(auc):
        return np.zeros(len(auc), dtype=bool)
    tests = _PairwiseTests(np.concatenate([auc, reference[None]]), margin)
    better, _ = tests.block(len(auc), len(auc) + 1, first_column=0)
    return better[0, :-1]


def shared_ranks(method_keys: Sequence[str], auc: np.ndarray, *, margin: float = 0.0) -> dict[str, tuple[int, int]]:
    """First and last place that each of N methods may have, by its key.

    auc: (N, K), of each method on each person. margin: how far from zero the interval of a difference must stay.
    """
    count, people = auc.shape
    better_counts, worse_counts = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    if people >= MIN_PEOPLE:
        better_counts, worse_counts = _PairwiseTests(np.ascontiguousarray(auc, dtype=np.float64), margin).counts()
    first, last = (1 + better_counts).tolist(), (count - worse_counts).tolist()
    return dict(zip(method_keys, zip(first, last, strict=True), strict=True))


class _PairwiseTests:
    """Tests of methods against methods.

    The deviation of the people's differences between two methods a and b follows from what remains of each method's
    AUCs after its mean is taken off, r (K,): the sum of squares is |r_a|² + |r_b|² - 2 r_a · r_b.
    """

    def __init__(self, auc: np.ndarray, margin: float) -> None:
        people = auc.shape[1]
        self._margin = margin
        self._means = auc.mean(axis=1)
        self._remainders = auc - self._means[:, None]
        self._squares = np.einsum("nk,nk->n", self._remainders, self._remainders)
        self._scale = squared_half_width_per_sum_of_squares(people, CONFIDENCE)

    def block(self, start: int, stop: int, *, first_column: int) -> tuple[np.ndarray, np.ndarray]:
        """For methods `start` to `stop` (rows) and those from `first_column` on (columns): which columns' methods are
        better than the row's, and which are worse; bool (R, N - first_column) each."""
        rows, columns = slice(start, stop), slice(first_column, None)
        differences = self._means[None, columns] - self._means[rows, None]
        # Sums of squares of the people's differences; rounding may leave a tiny negative number for equal methods.
        half_widths = self._squares[None, columns] + self._squares[rows, None]
        half_widths -= 2 * self._remainders[rows] @ self._remainders[columns].T
        np.maximum(half_widths, 0, out=half_widths)
        # Half-widths of the intervals, and the margin on top of them.
        half_widths *= self._scale
        np.sqrt(half_widths, out=half_widths)
        half_widths += self._margin
        return differences > half_widths, -differences > half_widths

    def counts(self) -> tuple[np.ndarray, np.ndarray]:
        """For each method how many methods are better than it, and how many are worse; int64 (N,) each.

        A pair is tested once: the block of rows `start` to `stop` looks only at columns from `start` on, and what it
        finds beyond `stop` is counted for the columns' methods too, with better and worse exchanged.
        """
        count = len(self._means)
        better_counts, worse_counts = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
        for start in range(0, count, _BLOCK_ROWS):
            stop = min(start + _BLOCK_ROWS, count)
            better, worse = self.block(start, stop, first_column=start)
            better_counts[start:stop] += better.sum(axis=1)
            worse_counts[start:stop] += worse.sum(axis=1)
            better_counts[stop:] += worse[:, stop - start :].sum(axis=0)
            worse_counts[stop:] += better[:, stop - start :].sum(axis=0)
        return better_counts, worse_counts
