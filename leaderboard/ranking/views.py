"""The table of a board: a row for each method, over all test generators or on one of them, with shared places.

A method's place compares it with those that were tested on the same people by the same generators.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import datetime

import numpy as np

from leaderboard.ranking.boards import Board
from leaderboard.ranking.headline import (
    ALL_GENERATORS,
    auc_by_person,
    cells_by_generator,
    headline_auc,
    impostor_auc_by_person,
)
from leaderboard.ranking.records import Cell, Kind, Provenance, Record
from leaderboard.ranking.redaction import NOT_NAMED
from leaderboard.ranking.shared_ranks import shared_ranks, significantly_better
from nvfair_tools.quantities import count_text

COMPARABLE = ("disjoint", "sealed")  # provenances of the rows that get a place


@dataclass(frozen=True)
class MethodRow:
    """A method in a view.

    value, low, high: the headline AUC with its interval. place: first and last place that the method may have; None
    where `note` says why it has none. auc_other_relation: the headline AUC on the board of the other relation (unseen
    for seen). worst_person: the person with the lowest AUC ("not named" without consent), and that AUC; None where
    labels are hidden.
    control_margin: headline AUC minus that of the best control. beats_control: whether the interval of that difference
    lies above zero. search_text: what a search looks through, in small letters.
    """

    method_key: str
    digest: str
    method: str
    authors: tuple[str, ...]
    kind: Kind
    value: float
    low: float | None
    high: float | None
    place: tuple[int, int] | None
    note: str
    auc_other_relation: float | None
    worst_person: tuple[str, float] | None
    control_margin: float | None
    beats_control: bool | None
    trained_on: tuple[str, ...]
    is_untrained: bool
    generators: tuple[str, ...]
    training_data: str
    parameters: int | None
    provenance: Provenance
    overlapping_people: int
    created: datetime | None
    search_text: str


@dataclass(frozen=True)
class BoardView:
    """The rows of a board over all generators or one of them, the best first.

    rows: methods that may be compared, controls among them. not_comparable: methods that were trained on test people,
    or do not say on whom.
    """

    board: Board
    generator: str
    rows: tuple[MethodRow, ...]
    not_comparable: tuple[MethodRow, ...]
    best_control: MethodRow | None


@dataclass(frozen=True)
class _Ranking:
    """Places by method key, the key of the best control, and the keys of the methods that are better than it."""

    places: dict[str, tuple[int, int]]
    best_control: str | None
    above_control: frozenset[str]


def build_view(board: Board, generator: str, sibling: Board | None) -> BoardView:
    """Ranks the methods of `board` and makes their rows.

    generator: a test generator, or ALL_GENERATORS. sibling: the board of the other relation, where there is one.
    """
    generators = board.generators if generator == ALL_GENERATORS else (generator,)
    cells = {key: cells_by_generator(records, generator) for key, records in board.methods.items()}
    cells = {key: method_cells for key, method_cells in cells.items() if method_cells}
    person_auc = {key: auc_by_person(method_cells) for key, method_cells in cells.items()}
    impostor_auc = {key: impostor_auc_by_person(method_cells) for key, method_cells in cells.items()}
    headlines = {key: headline_auc(method_cells) for key, method_cells in cells.items()}
    people = max((tuple(figures) for figures in person_auc.values()), key=len, default=())
    # Only methods with figures of the same people by the same generators can be compared.
    complete = {
        key
        for key, method_cells in cells.items()
        if len(method_cells) == len(generators) and tuple(person_auc[key]) == people
    }
    values = {key: headline[0] for key, headline in headlines.items()}
    ranking = _rank(
        board,
        {key: list(person_auc[key].values()) for key in complete},
        {key: [impostor_auc[key].get(person, math.nan) for person in people] for key in complete},
        values,
    )
    rows = [
        _method_row(
            board.methods[key],
            method_cells,
            headline=headlines[key],
            person_auc=person_auc[key],
            note=_note(board.methods[key][0], len(method_cells), len(generators), key in complete),
            auc_other_relation=_auc_other_relation(sibling, key),
            control_margin=_control_margin(key, values, ranking) if key in complete else None,
            ranking=ranking,
        )
        for key, method_cells in cells.items()
    ]
    rows.sort(key=lambda row: (row.note != "" and row.kind != "control", -row.value, row.method, row.method_key))
    return BoardView(
        board,
        generator,
        rows=tuple(row for row in rows if row.provenance in COMPARABLE),
        not_comparable=tuple(row for row in rows if row.provenance not in COMPARABLE),
        best_control=next((row for row in rows if row.method_key == ranking.best_control), None),
    )


def _rank(
    board: Board,
    person_auc: dict[str, list[float]],
    impostor_auc: dict[str, list[float]],
    values: dict[str, float],
) -> _Ranking:
    """Ranks methods by the AUCs of people, in the same order of people for each; controls get no place.

    impostor_auc: the same people's AUCs as impostors, NaN where there is none. values: the headline AUC of each method,
    by which the best control is chosen.
    """
    first_records = {key: board.methods[key][0] for key in person_auc}
    ranked = [
        key
        for key, record in sorted(first_records.items())
        if record.provenance in COMPARABLE and record.kind != "control"
    ]
    controls = [key for key, record in first_records.items() if record.kind == "control"]
    best_control = max(controls, key=lambda key: (values[key], key), default=None)
    if not ranked:
        return _Ranking({}, best_control, frozenset())
    if board.sealed:
        return _Ranking(_places_by_value({key: values[key] for key in ranked}), best_control, frozenset())
    margin = next(iter(board.methods.values()))[0].difference_margin
    auc = np.array([person_auc[key] for key in ranked], dtype=np.float64)
    as_impostor = np.array([impostor_auc[key] for key in ranked], dtype=np.float64)
    # One kind of error for the whole board: that of both roles only where every method has both.
    has_both_roles = not any(math.isnan(value) for key in person_auc for value in impostor_auc[key])
    above_control: frozenset[str] = frozenset()
    if best_control is not None:
        better = significantly_better(
            auc,
            np.array(person_auc[best_control], dtype=np.float64),
            margin,
            auc_as_impostor=as_impostor if has_both_roles else None,
            reference_as_impostor=np.array(impostor_auc[best_control]) if has_both_roles else None,
        )
        above_control = frozenset(key for key, is_better in zip(ranked, better, strict=True) if is_better)
    places = shared_ranks(ranked, auc, margin=margin, auc_as_impostor=as_impostor if has_both_roles else None)
    return _Ranking(places, best_control, above_control)


def _places_by_value(values: dict[str, float]) -> dict[str, tuple[int, int]]:
    """Places by published values alone; equal ones share a place."""
    return {
        key: (
            1 + sum(other > value for other in values.values()),
            len(values) - sum(other < value for other in values.values()),
        )
        for key, value in values.items()
    }


def _method_row(
    records: tuple[Record, ...],
    cells: dict[str, list[Cell]],
    *,
    headline: tuple[float, float | None, float | None],
    person_auc: dict[str, float],
    note: str,
    auc_other_relation: float | None,
    control_margin: float | None,
    ranking: _Ranking,
) -> MethodRow:
    first = records[0]
    key = first.method_key
    declaration = first.public_result.submission
    value, low, high = headline
    trained_on = tuple(sorted({name for group in cells.values() for cell in group for name in cell.trained_on}))
    worst = None if first.coarse else min(person_auc, key=person_auc.__getitem__, default=None)
    times = [record.public_result.created for record in records]
    return MethodRow(
        method_key=key,
        digest=first.digest,
        method=declaration.method,
        authors=declaration.authors,
        kind=first.kind,
        value=value,
        low=low,
        high=high,
        place=ranking.places.get(key),
        note=note,
        auc_other_relation=auc_other_relation,
        worst_person=None
        if worst is None
        else (NOT_NAMED if worst in first.unnamed_people else worst, person_auc[worst]),
        control_margin=control_margin,
        beats_control=key in ranking.above_control
        if ranking.best_control and key in ranking.places and not first.sealed
        else None,
        trained_on=trained_on,
        is_untrained=all(record.is_untrained for record in records),
        generators=tuple(cells),
        training_data=declaration.training.data,
        parameters=declaration.parameters,
        provenance=first.provenance,
        overlapping_people=first.overlapping_people,
        created=max((time for time in times if time), default=None),
        search_text=" ".join((declaration.method, *declaration.authors, declaration.description, *trained_on)).lower(),
    )


def _auc_other_relation(sibling: Board | None, key: str) -> float | None:
    cells = cells_by_generator(sibling.methods.get(key, ()), ALL_GENERATORS) if sibling else {}
    return headline_auc(cells)[0] if cells else None


def _control_margin(key: str, values: dict[str, float], ranking: _Ranking) -> float | None:
    if ranking.best_control is None or key == ranking.best_control:
        return None
    return values[key] - values[ranking.best_control]


def _note(record: Record, tested: int, generators: int, complete: bool) -> str:
    """Why a method has no place; "" where it has one."""
    if record.provenance == "overlap":
        return f"trained on {count_text(record.overlapping_people, 'test person')}"
    if record.provenance == "unknown":
        return "training people unknown"
    if record.kind == "control":
        return "control"
    if tested < generators:
        return f"tested on {tested} of {generators} generators"
    return "" if complete else "tested on other people"
