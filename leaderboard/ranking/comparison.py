"""Two submissions side by side: paired differences on every board and test generator that both have."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.paired_differences import PairedDifference
from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.boards import Board
from leaderboard.ranking.headline import (
    ALL_GENERATORS,
    auc_by_person,
    cells_by_generator,
    headline_auc,
    impostor_auc_by_person,
)
from leaderboard.ranking.records import Cell, Record, newest_scorings
from leaderboard.ranking.shared_ranks import paired_difference


@dataclass(frozen=True)
class GeneratorDifference:
    """Both headline AUCs on one generator (or all); difference: first minus second, None where labels are hidden."""

    generator: str
    first: float
    second: float
    difference: PairedDifference | None


@dataclass(frozen=True)
class BoardComparison:
    """A board that both submissions are on.

    people: (person, first's AUC, second's AUC), the largest difference first; empty where labels are hidden.
    verdict: a sentence that says which one is better, if either is. people_left_out: how many did not agree to be
    shown.
    """

    board: Board
    lines: tuple[GeneratorDifference, ...]
    people: tuple[tuple[str, float, float], ...]
    verdict: str
    people_left_out: int = 0


@dataclass(frozen=True)
class Comparison:
    """Two submissions on all boards that both are on."""

    first: Record
    second: Record
    boards: tuple[BoardComparison, ...]


def compare(state: BoardState, first: str, second: str) -> Comparison | None:
    """The comparison of two submissions by their digests; None where one of them is not there."""
    first_records, second_records = (newest_scorings(state.records_of_submission(digest)) for digest in (first, second))
    if not first_records or not second_records:
        return None
    comparisons = []
    for board in state.boards:
        on_board = [
            [record for record in records if record.board_key == board.key]
            for records in (first_records, second_records)
        ]
        if all(on_board):
            comparison = _compare_on_board(board, *on_board)
            if comparison is not None:
                comparisons.append(comparison)
    return Comparison(first_records[0], second_records[0], tuple(comparisons))


def _compare_on_board(board: Board, first: list[Record], second: list[Record]) -> BoardComparison | None:
    first_cells, second_cells = (cells_by_generator(records, ALL_GENERATORS) for records in (first, second))
    common = sorted(set(first_cells) & set(second_cells))
    if not common:
        return None
    generator_sets = [(name, [name]) for name in common]
    if len(common) > 1:
        generator_sets.insert(0, (ALL_GENERATORS, common))
    lines: list[GeneratorDifference] = []
    people: tuple[tuple[str, float, float], ...] = ()
    left_out = 0
    for name, generators in generator_sets:
        first_group = {generator: first_cells[generator] for generator in generators}
        second_group = {generator: second_cells[generator] for generator in generators}
        difference = None
        if not board.coarse:
            common_people = _common_people(first_group, second_group)
            shared_people = [person for person, _, _ in common_people]
            difference = paired_difference(
                np.array([first_auc for _, first_auc, _ in common_people]),
                np.array([second_auc for _, _, second_auc in common_people]),
                _impostor_aucs(first_group, shared_people),
                _impostor_aucs(second_group, shared_people),
            )
            if not lines:
                unnamed = frozenset[str]().union(*(record.unnamed_people for record in (*first, *second)))
                named = [row for row in common_people if row[0] not in unnamed]
                people = tuple(sorted(named, key=lambda row: -abs(row[1] - row[2])))
                left_out = len(common_people) - len(named)
        lines.append(GeneratorDifference(name, headline_auc(first_group)[0], headline_auc(second_group)[0], difference))
    names = first[0].public_result.submission.method, second[0].public_result.submission.method
    return BoardComparison(board, tuple(lines), people, _verdict(lines[0].difference, *names), left_out)


def _common_people(
    first_cells: dict[str, list[Cell]], second_cells: dict[str, list[Cell]]
) -> list[tuple[str, float, float]]:
    """(person, first's AUC, second's AUC) of everybody in both, by name."""
    first_auc, second_auc = auc_by_person(first_cells), auc_by_person(second_cells)
    return [(person, first_auc[person], second_auc[person]) for person in sorted(set(first_auc) & set(second_auc))]


def _impostor_aucs(cells: dict[str, list[Cell]], people: list[str]) -> np.ndarray | None:
    """The AUC of each of `people` as an impostor, in their order; None where one of them has none."""
    auc = impostor_auc_by_person(cells)
    return np.array([auc[person] for person in people]) if all(person in auc for person in people) else None


def _verdict(difference: PairedDifference | None, first: str, second: str) -> str:
    if difference is None:
        return "The test labels are hidden: differences are not told, only the rounded figures."
    if math.isnan(difference.low):
        return f"Too few people ({difference.people}) to tell the two apart."
    if not difference.excludes_zero:
        return "The interval of the difference spans zero: the two share a place."
    better, worse = (first, second) if difference.value > 0 else (second, first)
    return f"{better} is better than {worse} on the same trials."
