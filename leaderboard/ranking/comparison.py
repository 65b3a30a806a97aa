"""Two submissions beside each other: paired differences on every board and test generator that both have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.boards import (
    ALL_GENERATORS,
    Board,
    BoardState,
    auc_by_person,
    cells_by_generator,
    headline_auc,
    newest_scorings,
)
from leaderboard.ranking.records import Record
from leaderboard.ranking.shared_ranks import Difference, paired_difference


@dataclass(frozen=True)
class GeneratorDifference:
    """One generator (or all): both values, and the difference where it may be told."""

    generator: str
    first: float
    second: float
    difference: Difference | None


@dataclass(frozen=True)
class BoardComparison:
    """A board that both are on. people: (person, first's AUC, second's AUC), the largest difference first; empty where
    labels are hidden. verdict: what may be said in a sentence."""

    board: Board
    lines: tuple[GeneratorDifference, ...]
    people: tuple[tuple[str, float, float], ...]
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two submissions on all boards that both are on."""

    first: Record
    second: Record
    boards: tuple[BoardComparison, ...]


def compare(standing: BoardState, first: str, second: str) -> Comparison | None:
    """The comparison of two submissions by their digests; None where one of them is not there."""
    mine, theirs = (
        newest_scorings(standing.records_of_submission(first)),
        newest_scorings(standing.records_of_submission(second)),
    )
    if not mine or not theirs:
        return None
    meetings = []
    for board in standing.boards:
        key = (board.protocol_digest, board.dataset_digest, board.scorer)
        ours = [[one for one in group if one.board_key == key] for group in (mine, theirs)]
        if all(ours):
            meeting = _board_comparison(board, *ours)
            if meeting is not None:
                meetings.append(meeting)
    return Comparison(mine[0], theirs[0], tuple(meetings))


def _board_comparison(board: Board, first: list[Record], second: list[Record]) -> BoardComparison | None:
    a, b = cells_by_generator(first, ALL_GENERATORS), cells_by_generator(second, ALL_GENERATORS)
    common = sorted(set(a) & set(b))
    if not common:
        return None
    lines: list[GeneratorDifference] = []
    people: tuple[tuple[str, float, float], ...] = ()
    views = [(name, {name: a[name]}, {name: b[name]}) for name in common]
    if len(common) > 1:
        views.insert(0, (ALL_GENERATORS, {name: a[name] for name in common}, {name: b[name] for name in common}))
    for name, mine, theirs in views:
        difference = None
        if not board.coarse:
            ours, others = auc_by_person(mine), auc_by_person(theirs)
            who = sorted(set(ours) & set(others))
            difference = paired_difference(np.array([ours[p] for p in who]), np.array([others[p] for p in who]))
            if name == views[0][0]:
                rows = sorted(((p, ours[p], others[p]) for p in who), key=lambda row: -abs(row[1] - row[2]))
                people = tuple(rows)
        lines.append(GeneratorDifference(name, headline_auc(mine)[0], headline_auc(theirs)[0], difference))
    names = first[0].public_result.submission.method, second[0].public_result.submission.method
    return BoardComparison(board, tuple(lines), people, _verdict(lines[0], *names))


def _verdict(line: GeneratorDifference, first: str, second: str) -> str:
    difference = line.difference
    if difference is None:
        return "The test labels are hidden: differences are not told, only the rounded figures."
    if difference.low is None:
        return f"Too few people ({difference.people}) to tell the two apart."
    if not difference.excludes_zero:
        return "The interval of the difference spans zero: the two share a place."
    better, worse = (first, second) if difference.value > 0 else (second, first)
    return f"{better} is better than {worse} on the same trials."
