"""Places that methods share where the data do not tell them apart.

Two methods are compared on the same people by the paired interval of `benchmark.metrics.paired_differences`, from two
AUCs of each person: as a target and as an impostor. Only where the interval lies wholly on one side of zero is one
method better than the other. Results without AUCs as impostors have the error of the targets alone, which is smaller.

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
    error_terms,
    interval_half_width,
    paired_person_difference,
)

CONFIDENCE = 0.95
MIN_PEOPLE = FEWEST_PEOPLE
_BLOCK_ROWS = 64  # methods tested against all others at once: three arrays of 64 x 10,000 stay below 16 MB


def paired_difference(
    first: np.ndarray,
    second: np.ndarray,
    first_as_impostor: np.ndarray | None = None,
    second_as_impostor: np.ndarray | None = None,
) -> PairedDifference:
    """The mean difference of two rows (K,) of AUCs over the same people, with the interval that places rest on."""
    return paired_person_difference(
        first, second, CONFIDENCE, first_as_impostor=first_as_impostor, second_as_impostor=second_as_impostor
    )


def significantly_better(
    auc: np.ndarray,
    reference: np.ndarray,
    margin: float = 0.0,
    *,
    auc_as_impostor: np.ndarray | None = None,
    reference_as_impostor: np.ndarray | None = None,
) -> np.ndarray:
    """Which of N methods, auc (N, K), are better than one reference (K,): bool (N,).

    margin: how far above zero the interval of the difference must lie. auc_as_impostor, reference_as_impostor: the same
    people's AUCs as impostors, None where one of the methods has none.
    """
    if auc.shape[1] < MIN_PEOPLE or not len(auc):
        return np.zeros(len(auc), dtype=bool)
    as_impostor = None
    if auc_as_impostor is not None and reference_as_impostor is not None:
        as_impostor = np.concatenate([auc_as_impostor, reference_as_impostor[None]])
    tests = _PairwiseTests(np.concatenate([auc, reference[None]]), as_impostor, margin)
    better, _ = tests.block(len(auc), len(auc) + 1, first_column=0)
    return better[0, :-1]


def shared_ranks(
    method_keys: Sequence[str], auc: np.ndarray, *, margin: float = 0.0, auc_as_impostor: np.ndarray | None = None
) -> dict[str, tuple[int, int]]:
    """First and last place that each of N methods may have, by its key.

    auc: (N, K), of each method on each person. margin: how far from zero the interval of a difference must stay.
    auc_as_impostor: (N, K), None where one of the methods has none.
    """
    count, people = auc.shape
    better_counts, worse_counts = np.zeros(count, dtype=np.int64), np.zeros(count, dtype=np.int64)
    if people >= MIN_PEOPLE:
        better_counts, worse_counts = _PairwiseTests(auc, auc_as_impostor, margin).counts()
    first, last = (1 + better_counts).tolist(), (count - worse_counts).tolist()
    return dict(zip(method_keys, zip(first, last, strict=True), strict=True))


class _PairwiseTests:
    """Tests of methods against methods.

    The squared standard error of the difference of two methods a and b follows from their error terms t (K,), see
    `error_terms`: it is |t_a|² + |t_b|² - 2 t_a · t_b.
    """

    def __init__(self, auc: np.ndarray, auc_as_impostor: np.ndarray | None, margin: float) -> None:
        auc = np.ascontiguousarray(auc, dtype=np.float64)
        self._margin = margin
        self._means = auc.mean(axis=1)
        self._terms = error_terms(auc, auc_as_impostor)
        self._squares = np.einsum("nk,nk->n", self._terms, self._terms)
        self._squared_half_width = interval_half_width(1.0, auc.shape[1], CONFIDENCE) ** 2

    def block(self, start: int, stop: int, *, first_column: int) -> tuple[np.ndarray, np.ndarray]:
        """For methods `start` to `stop` (rows) and those from `first_column` on (columns): which columns' methods are
        better than the row's, and which are worse; bool (R, N - first_column) each."""
        rows, columns = slice(start, stop), slice(first_column, None)
        differences = self._means[None, columns] - self._means[rows, None]
        # Squared standard errors; rounding may leave a tiny negative number for equal methods.
        half_widths = self._squares[None, columns] + self._squares[rows, None]
        half_widths -= 2 * self._terms[rows] @ self._terms[columns].T
        np.maximum(half_widths, 0, out=half_widths)
        # Half-widths of the intervals, and the margin on top of them.
        half_widths *= self._squared_half_width
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
