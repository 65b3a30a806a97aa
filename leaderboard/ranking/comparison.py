"""Two submissions beside each other: paired differences on every board and test generator that both have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from leaderboard.ranking.boards import ALL, Board, Standing, areas_of, by_generator, current, headline
from leaderboard.ranking.records import Record
from leaderboard.ranking.shared_ranks import Difference, paired_difference


@dataclass(frozen=True)
class Line:
    """One generator (or all): both values, and the difference where it may be told."""

    generator: str
    first: float
    second: float
    difference: Difference | None


@dataclass(frozen=True)
class Meeting:
    """A board that both are on. people: (person, first's AUC, second's AUC), the largest difference first; empty where
    labels are hidden. verdict: what may be said in a sentence."""

    board: Board
    lines: tuple[Line, ...]
    people: tuple[tuple[str, float, float], ...]
    verdict: str


@dataclass(frozen=True)
class Comparison:
    """Two submissions on all boards that both are on."""

    first: Record
    second: Record
    meetings: tuple[Meeting, ...]


def compare(standing: Standing, first: str, second: str) -> Comparison | None:
    """The comparison of two submissions by their digests; None where one of them is not there."""
    mine, theirs = current(standing.submission(first)), current(standing.submission(second))
    if not mine or not theirs:
        return None
    meetings = []
    for board in standing.boards:
        key = (board.protocol_digest, board.dataset_digest, board.scorer)
        ours = [[one for one in group if one.board == key] for group in (mine, theirs)]
        if all(ours):
            meeting = _meeting(board, *ours)
            if meeting is not None:
                meetings.append(meeting)
    return Comparison(mine[0], theirs[0], tuple(meetings))


def _meeting(board: Board, first: list[Record], second: list[Record]) -> Meeting | None:
    a, b = by_generator(first, ALL), by_generator(second, ALL)
    common = sorted(set(a) & set(b))
    if not common:
        return None
    lines: list[Line] = []
    people: tuple[tuple[str, float, float], ...] = ()
    views = [(name, {name: a[name]}, {name: b[name]}) for name in common]
    if len(common) > 1:
        views.insert(0, (ALL, {name: a[name] for name in common}, {name: b[name] for name in common}))
    for name, mine, theirs in views:
        difference = None
        if not board.coarse:
            ours, others = areas_of(mine), areas_of(theirs)
            who = sorted(set(ours) & set(others))
            difference = paired_difference(np.array([ours[p] for p in who]), np.array([others[p] for p in who]))
            if name == views[0][0]:
                rows = sorted(((p, ours[p], others[p]) for p in who), key=lambda row: -abs(row[1] - row[2]))
                people = tuple(rows)
        lines.append(Line(name, headline(mine)[0], headline(theirs)[0], difference))
    names = first[0].told.submission.method, second[0].told.submission.method
    return Meeting(board, tuple(lines), people, _verdict(lines[0], *names))


def _verdict(line: Line, first: str, second: str) -> str:
    difference = line.difference
    if difference is None:
        return "The test labels are hidden: differences are not told, only the rounded figures."
    if difference.low is None:
        return f"Too few people ({difference.people}) to tell the two apart."
    if not difference.sure:
        return "The interval of the difference spans zero: the two share a place."
    better, worse = (first, second) if difference.value > 0 else (second, first)
    return f"{better} is better than {worse} on the same trials."
