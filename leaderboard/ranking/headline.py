"""The headline figure of a method over test generators, and the figures of single people behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from leaderboard.ranking.records import Cell, Record

ALL_GENERATORS = ""  # the view of all test generators together


def cells_by_generator(records: Iterable[Record], generator: str) -> dict[str, list[Cell]]:
    """Cells of `records`, grouped by test generator; only those of `generator`, unless it is ALL_GENERATORS."""
    cells: dict[str, list[Cell]] = {}
    for record in records:
        for cell in record.cells:
            if generator in (ALL_GENERATORS, cell.generator):
                cells.setdefault(cell.generator, []).append(cell)
    return cells


def headline_auc(cells: dict[str, list[Cell]]) -> tuple[float, float | None, float | None]:
    """(value, low, high) over test generators: the mean over generators of the mean over a generator's entries.

    The ends of the intervals are averaged in the same way. The result is wider than need be, because errors of several
    figures partly cancel. Both ends are None where one of the cells has no interval.
    """
    value = _mean([_mean([cell.value for cell in group]) for group in cells.values()])
    ends = []
    for name in ("low", "high"):
        groups = [[getattr(cell, name) for cell in group] for group in cells.values()]
        complete = all(end is not None for group in groups for end in group)
        ends.append(_mean([_mean(group) for group in groups]) if complete else None)
    return value, ends[0], ends[1]


def auc_by_person(cells: dict[str, list[Cell]], *, public_only: bool = False) -> dict[str, float]:
    """AUC of each person that every cell has, averaged over generators and entries as the headline is.

    public_only: without the figures that are kept for ranks where labels are hidden.
    """

    def of(cell: Cell) -> dict[str, float]:
        return cell.public_auc_by_person if public_only else cell.auc_by_person

    groups = [[of(cell) for cell in group] for group in cells.values()]
    if len(groups) == 1 and len(groups[0]) == 1:
        return groups[0][0]
    every_cell = [figures for group in groups for figures in group]
    people = sorted(set.intersection(*map(set, every_cell))) if every_cell else []
    # Each cell as a list over people; then the mean over a generator's entries, then over generators, person by person.
    columns = [[[figures[person] for person in people] for figures in group] for group in groups]
    generator_means = [list(map(_mean, zip(*entries, strict=True))) for entries in columns]
    return dict(zip(people, map(_mean, zip(*generator_means, strict=True)), strict=True))


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
