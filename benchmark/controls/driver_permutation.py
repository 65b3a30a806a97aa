"""Figures with the drivers exchanged by person: what a score gives when who drives a probe is a matter of chance.

The null hypothesis is that of `benchmark.metrics.permutation`: for enrolled videos of one face it makes no difference
which
person drives a probe. Relabelling the videos themselves and making trials anew would not say that: all clips of a
person on a face stay together, so that a pair that is called genuine still has one driver, and a method that knows
drivers would rightly find it. So enrolment stays as it is and probes are exchanged: a trial is a row (enrolled face,
generator and driver) and a column (the probe's driver), and under a permutation pi of a collection's people the trials
of row r that count as genuine are those of column pi(driver of r), all others of the row being impostors, the driver's
own among them. One permutation serves all rows, so that each person keeps one place. Where a trial has no order
(cross-cross, same-driver), both of its videos are taken as enrolled in turn.

Exchanged figures must not be centred away from one half for reasons of structure: a person's own videos on the own
face make only half as many pairs as another's, so that plain trial counts would put the centre of a perfect method over
ten people at 0.52. Here every cell (row and column) weighs the same:

    mean    the mean over rows of the share of pairs (score of the cell called genuine, score of another cell of the
            row) that are ranked rightly, each other cell counting alike
    pooled  the same over all cells of a collection in one pot, averaged over collections by their number of rows

Of any two cells g and h, P(g called genuine, h impostor) = P(h genuine, g impostor), and the share that g wins against
h and the share that h wins against g make one: so each statistic's mean over all permutations is exactly one half,
whatever the scores. A centre elsewhere means that labels and scores are not apart.

Legend: C cells, R rows, S scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.controls.video_vectors import enrolled as first_videos
from benchmark.trial_scores.scores import TargetScores


@dataclass(frozen=True)
class Exchangeable:
    """Scores reduced to what any permutation needs.

    row, column: (C,) numbers of each cell's row and of the person in its column. own: (R,) person of each row.
    source: (people,) number of each person's collection. within, pooled: (C,) the advantage of a cell over the others
    of its row, and over those of its collection: its share of wins less one half.
    """

    row: np.ndarray
    column: np.ndarray
    own: np.ndarray
    source: np.ndarray
    within: np.ndarray
    pooled: np.ndarray

    @classmethod
    def of(cls, scored: Sequence[TargetScores], videos: pd.DataFrame) -> Exchangeable:
        """From scores of trials whose positions number `videos` (columns target, driver, generator, source).

        Rows with only one column are left out: nothing can be exchanged there.
        """
        names = sorted({*videos["driver"], *videos["target"]})
        person = videos["driver"].map({name: n for n, name in enumerate(names)}).to_numpy(np.int64)
        enrolled = videos.groupby(["target", "generator", "driver"], sort=True).ngroup().to_numpy(np.int64)
        parts = [
            (first_videos(one.trials, pairs), pairs[:, 1], scores)
            for one in scored
            for pairs, scores in ((one.trials.genuine, one.genuine), (one.trials.impostor, one.impostor))
        ]
        first, second, score = (np.concatenate([part[n] for part in parts]) for n in range(3))
        # Both ways round: a row that has one column only (a trial that has an order) falls away below.
        row = np.concatenate([enrolled[first], enrolled[second]])
        column = np.concatenate([person[second], person[first]])
        key = np.unique(row * len(names) + column)
        columns_of_row = np.bincount(key // len(names), minlength=int(enrolled.max(initial=0)) + 1)
        keep = columns_of_row[row] > 1
        return cls._reduced(row[keep], column[keep], np.concatenate([score, score])[keep], enrolled, person, videos)

    @classmethod
    def _reduced(
        cls, row: np.ndarray, column: np.ndarray, score: np.ndarray, enrolled: np.ndarray, person: np.ndarray,
        videos: pd.DataFrame,
    ) -> Exchangeable:  # fmt: skip
        people = int(person.max(initial=-1)) + 1
        collection = pd.factorize(videos["source"], sort=True)[0].astype(np.int64)
        source = np.full(people, -1, dtype=np.int64)
        source[person] = collection
        rows, row = np.unique(row, return_inverse=True)
        own = np.zeros(len(rows), dtype=np.int64)
        present = np.isin(enrolled, rows)
        own[np.searchsorted(rows, enrolled[present])] = person[present]
        key, cell = np.unique(row * max(people, 1) + column, return_inverse=True)
        cell_row, cell_column = key // max(people, 1), key % max(people, 1)
        return cls(
            cell_row,
            cell_column,
            own,
            source,
            _advantage(score, cell, cell_row),
            _advantage(score, cell, source[own][cell_row]),
        )

    @property
    def people(self) -> np.ndarray:
        """Persons (numbers) who can be exchanged: those in a column or a row."""
        return np.unique(np.concatenate([self.column, self.own]))

    def figures(self, image: np.ndarray) -> tuple[float, float]:
        """The mean and the pooled figure where person n's place is taken by image[n].

        A cell that does not exist counts as chance.
        """
        genuine = self.column == image[self.own[self.row]]
        per_row = np.bincount(self.row)
        mean = 0.5 + float((self.within[genuine] / (per_row[self.row[genuine]] - 1)).sum()) / len(self.own)
        total = 0.0
        pot, rows_of_pot = self.source[self.own[self.row]], self.source[self.own]
        for name in np.unique(rows_of_pot):
            rows, cells = np.count_nonzero(rows_of_pot == name), np.count_nonzero(pot == name)
            # Of the cells of its pot, as many as there are rows are called genuine too; among these wins cancel.
            total += float(self.pooled[genuine & (pot == name)].sum()) / (cells - rows)
        return mean, 0.5 + total / len(self.own)

    def exchanged(self, rounds: int, seed: int) -> np.ndarray:
        """Both figures (rounds, 2) under random permutations of each collection's people."""
        rng = np.random.default_rng(seed)
        people = self.people
        members = [people[self.source[people] == name] for name in np.unique(self.source[people])]
        result = np.empty((rounds, 2))
        for n in range(rounds):
            image = np.arange(len(self.source))
            for group in members:
                image[group] = rng.permutation(group)
            result[n] = self.figures(image)
        return result


def _advantage(score: np.ndarray, cell: np.ndarray, pot_of_cell: np.ndarray) -> np.ndarray:
    """(C,) sum over the cells h of a cell's pot of (share of pairs that the cell wins against h) - 1/2, ties one half.

    One sort: a score's rank among its pot, where every score weighs one over the size of its cell.
    """
    weight = 1.0 / np.bincount(cell, minlength=len(pot_of_cell))
    pot = pot_of_cell[cell]
    order = np.lexsort((score, pot))
    ranked, ranked_pot, mass = score[order], pot[order], weight[cell[order]]
    running = np.concatenate([[0.0], np.cumsum(mass)])
    fresh = np.concatenate([[True], (ranked[1:] != ranked[:-1]) | (ranked_pot[1:] != ranked_pot[:-1])])
    begin = np.flatnonzero(fresh)
    end = np.concatenate([begin[1:], [len(ranked)]])
    tie = np.cumsum(fresh) - 1
    opening = np.concatenate([[True], ranked_pot[1:] != ranked_pot[:-1]])
    base = running[np.flatnonzero(opening)][np.cumsum(opening) - 1]
    rank = 0.5 * (running[begin] + running[end])[tie] - base
    wins = np.bincount(cell[order], weights=rank * mass, minlength=len(pot_of_cell))
    return wins - 0.5 * np.bincount(pot_of_cell)[pot_of_cell]
