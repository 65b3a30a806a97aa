"""Figures with the drivers exchanged by person: the value of a score when who drives a probe is a matter of chance.

The null hypothesis is that of `benchmark.metrics.permutation`: for enrolled videos of one face it makes no difference
which person drives a probe. To relabel the videos and make trials anew would not test it: all clips of a person on a
face stay together, so that a pair called genuine still has one driver, and a method that knows drivers would rightly
recognise it. So enrolment stays as it is and probes are exchanged. A trial is a row (enrolled face, generator and
driver) and a column (the probe's driver); under a permutation pi of a collection's people the trials of row r that
count as genuine are those of column pi(driver of r), all others of the row are impostors, the driver's own among them.
One permutation serves all rows, so that each person keeps one place. Where a trial has no order (cross-cross,
same-driver), both of its videos are taken as enrolled in turn.

Exchanged figures must not be centred away from one half because of the design: a person's own videos on the own face
make only half as many pairs as another's, so that plain trial counts would put the centre of a perfect method over ten
people at 0.52. Here every cell (row and column) has the same weight:

    mean    the mean over rows of the share of pairs (score of the cell called genuine, score of another cell of the
            row) that are ranked rightly, each other cell with the same weight
    pooled  the same over all cells of a collection together, averaged over collections by their number of rows

Of any two cells g and h, P(g called genuine, h impostor) = P(h genuine, g impostor), and the share that g wins against
h and the share that h wins against g add up to one: so each statistic's mean over all permutations is exactly one half,
whatever the scores. A centre elsewhere means that labels and scores are not independent.

Legend: C cells, R rows, S scores.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.controls.video_vectors import enrolled_videos
from benchmark.trial_scores.scores import TargetScores


@dataclass(frozen=True)
class PermutableScores:
    """Scores reduced to the values that the figures of any permutation need.

    row, column: (C,) numbers of each cell's row and of the person in its column. person_of_row: (R,) person of each
    row. source: (people,) number of each person's collection. row_advantage, pooled_advantage: (C,) the advantage of a
    cell over the others of its row, and over those of its collection: its share of wins less one half, summed.
    """

    row: np.ndarray
    column: np.ndarray
    person_of_row: np.ndarray
    source: np.ndarray
    row_advantage: np.ndarray
    pooled_advantage: np.ndarray

    @classmethod
    def of(cls, scored: Sequence[TargetScores], videos: pd.DataFrame) -> PermutableScores:
        """From scores of trials whose positions number `videos` (columns target, driver, generator, source).

        Rows with only one column are left out: nothing can be exchanged there.
        """
        names = sorted({*videos["driver"], *videos["target"]})
        person = videos["driver"].map({name: n for n, name in enumerate(names)}).to_numpy(np.int64)
        row_of_video = videos.groupby(["target", "generator", "driver"], sort=True).ngroup().to_numpy(np.int64)
        parts = [
            (enrolled_videos(scores.trials, pairs), pairs[:, 1], values)
            for scores in scored
            for pairs, values in (
                (scores.trials.genuine, scores.genuine),
                (scores.trials.impostor, scores.impostor),
            )
        ]
        first, second, score = (np.concatenate([part[n] for part in parts]) for n in range(3))
        # Both ways round: the second way of a trial that has an order makes rows of one column, which go below.
        row = np.concatenate([row_of_video[first], row_of_video[second]])
        column = np.concatenate([person[second], person[first]])
        cells = np.unique(row * len(names) + column)
        columns_of_row = np.bincount(cells // len(names), minlength=int(row_of_video.max(initial=0)) + 1)
        keep = columns_of_row[row] > 1
        return cls._of_cells(
            row[keep], column[keep], np.concatenate([score, score])[keep], row_of_video, person, videos
        )

    @classmethod
    def _of_cells(
        cls,
        row: np.ndarray,
        column: np.ndarray,
        score: np.ndarray,
        row_of_video: np.ndarray,
        person: np.ndarray,
        videos: pd.DataFrame,
    ) -> PermutableScores:
        """From the row, column and value (S,) of each score; row_of_video, person: (N,) of each video."""
        people = int(person.max(initial=-1)) + 1
        collection = pd.factorize(videos["source"], sort=True)[0].astype(np.int64)
        source = np.full(people, -1, dtype=np.int64)
        source[person] = collection
        # Rows are numbered anew without gaps; each has the driver of its videos.
        rows, row = np.unique(row, return_inverse=True)
        person_of_row = np.zeros(len(rows), dtype=np.int64)
        present = np.isin(row_of_video, rows)
        person_of_row[np.searchsorted(rows, row_of_video[present])] = person[present]
        # A cell is a row and a column that have scores.
        cells, cell = np.unique(row * max(people, 1) + column, return_inverse=True)
        row_of_cell, column_of_cell = cells // max(people, 1), cells % max(people, 1)
        return cls(
            row_of_cell,
            column_of_cell,
            person_of_row,
            source,
            _advantage(score, cell, row_of_cell),
            _advantage(score, cell, source[person_of_row][row_of_cell]),
        )

    @property
    def people(self) -> np.ndarray:
        """Numbers of the people who can be exchanged: those in a column or a row."""
        return np.unique(np.concatenate([self.column, self.person_of_row]))

    def figures(self, image: np.ndarray) -> tuple[float, float]:
        """The mean and the pooled figure where image[n] takes the place of person n.

        A cell that does not exist counts as chance.
        """
        genuine = self.column == image[self.person_of_row[self.row]]
        cells_of_row = np.bincount(self.row)
        row_advantages = self.row_advantage[genuine] / (cells_of_row[self.row[genuine]] - 1)
        mean = 0.5 + float(row_advantages.sum()) / len(self.person_of_row)
        total = 0.0
        source_of_cell, source_of_row = self.source[self.person_of_row[self.row]], self.source[self.person_of_row]
        for collection in np.unique(source_of_row):
            rows = np.count_nonzero(source_of_row == collection)
            cells = np.count_nonzero(source_of_cell == collection)
            # Of the cells of a collection, as many as there are rows are called genuine; among these wins cancel.
            total += float(self.pooled_advantage[genuine & (source_of_cell == collection)].sum()) / (cells - rows)
        return mean, 0.5 + total / len(self.person_of_row)

    def permuted_figures(self, permutations: int, seed: int) -> np.ndarray:
        """Both figures (permutations, 2) under random permutations of each collection's people."""
        rng = np.random.default_rng(seed)
        people = self.people
        people_of_source = [people[self.source[people] == source] for source in np.unique(self.source[people])]
        result = np.empty((permutations, 2))
        for n in range(permutations):
            image = np.arange(len(self.source))
            for group in people_of_source:
                image[group] = rng.permutation(group)
            result[n] = self.figures(image)
        return result


def _advantage(score: np.ndarray, cell: np.ndarray, group_of_cell: np.ndarray) -> np.ndarray:
    """The advantage (C,) of each cell: over the other cells of its group, the sum of its share of wins less 1/2.

    score, cell: (S,) values and the cell of each; group_of_cell: (C,). Ties count one half.
    """
    # One sort gives a score's rank in its group, where every score has the weight 1 / size of its cell.
    weight = 1.0 / np.bincount(cell, minlength=len(group_of_cell))
    group = group_of_cell[cell]
    order = np.lexsort((score, group))
    ranked, ranked_group, ranked_weight = score[order], group[order], weight[cell[order]]
    cumulative = np.concatenate([[0.0], np.cumsum(ranked_weight)])
    # Equal scores of a group share the middle of their ranks.
    is_new_value = np.concatenate([[True], (ranked[1:] != ranked[:-1]) | (ranked_group[1:] != ranked_group[:-1])])
    begin = np.flatnonzero(is_new_value)
    end = np.concatenate([begin[1:], [len(ranked)]])
    tie = np.cumsum(is_new_value) - 1
    # Ranks count from the beginning of the group.
    is_new_group = np.concatenate([[True], ranked_group[1:] != ranked_group[:-1]])
    group_begin = cumulative[np.flatnonzero(is_new_group)][np.cumsum(is_new_group) - 1]
    rank = 0.5 * (cumulative[begin] + cumulative[end])[tie] - group_begin
    wins = np.bincount(cell[order], weights=rank * ranked_weight, minlength=len(group_of_cell))
    return wins - 0.5 * np.bincount(group_of_cell)[group_of_cell]
