"""Where everybody stands: boards of results that may be compared, and their rows with places.

A board is a protocol on a data set by one version of the scorer. Within it, a view is all test generators or one of
them; a method's place compares it with those that were tested on the same people by the same generators.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import numpy as np

from benchmark import protocols
from benchmark.protocols.schema import Protocol
from benchmark.protocols.schema import Relation as Relations
from leaderboard.ranking.records import Cell, Kind, Provenance, Record, record_of
from leaderboard.ranking.shared_ranks import SharedRanks, shared_ranks, significantly_better
from leaderboard.store.results import StoredResult

ALL_GENERATORS = ""  # the view of all test generators
Relation = Literal["seen", "unseen", "any"]


@dataclass(frozen=True, eq=False)
class Board:
    """Results that may be compared. methods: of each method its newest submission's results on this board."""

    protocol: str
    protocol_digest: str
    dataset: str
    dataset_digest: str
    scorer: str
    relation: Relation
    relation_free_digest: str  # equal for protocols that differ in the relation of generators alone
    title: str
    coarse: bool
    generators: tuple[str, ...]
    people: int
    methods: dict[str, tuple[Record, ...]]
    newest: int

    @property
    def slug(self) -> str:
        """A name for addresses."""
        return f"{self.protocol}-{self.protocol_digest[:6]}-{self.dataset_digest[:6]}-s{self.scorer}"


@dataclass(frozen=True)
class MethodRow:
    """A method in a view. place: first and last place it may have; none where `note` says why it has none."""

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
    auc_other_relation: float | None  # the mean figure on the board of the other relation
    worst_person: tuple[str, float] | None
    control_margin: float | None  # above the best control
    beats_control: bool | None  # whether that leaves zero out
    trained_on: tuple[str, ...]
    generators: tuple[str, ...]
    training_data: str
    parameters: int | None
    provenance: Provenance
    overlapping_people: int
    created: datetime | None
    number: int
    search_text: str  # what a search looks through, in small letters


@dataclass(frozen=True)
class BoardView:
    """A board's rows, the best first. rows: may be compared, controls among them; apart: may not."""

    board: Board
    generator: str
    rows: tuple[MethodRow, ...]
    not_comparable: tuple[MethodRow, ...]
    best_control: MethodRow | None  # the best one


class BoardState:
    """Everything that the pages show of a set of results. Views are made when they are asked for, and kept."""

    def __init__(self, records: list[Record], ladders: dict[tuple[str, str], SharedRanks] | None = None) -> None:
        self.records = records
        self.boards = _boards(records)
        self._ladders = dict(ladders or {})
        self._views: dict[tuple[str, str], BoardView] = {}
        self._lock = threading.Lock()
        self._by_slug = {board.slug: board for board in self.boards}
        self._submissions: dict[str, list[Record]] | None = None
        self._methods: dict[str, list[Record]] | None = None

    @property
    def ladders(self) -> dict[tuple[str, str], SharedRanks]:
        """What is known of places, for the next standing to go on from."""
        return dict(self._ladders)

    def view(self, board: Board, generator: str = ALL_GENERATORS) -> BoardView:
        """The rows of a board, over all its generators or one of them."""
        if len(board.generators) == 1:
            generator = ALL_GENERATORS  # the same rows
        if len(board.generators) == 1:
            generator = ALL_GENERATORS  # the same rows
        key = (board.slug, generator)
        with self._lock:
            found = self._views.get(key)
            if found is None:
                found, steps = _board_view(board, generator, self._sibling(board), self._ladders.get(key))
                self._views[key], self._ladders[key] = found, steps
            return found

    def first_view(self, board: Board) -> BoardView:
        """The view of all generators, or, where nobody was tested on all of them, of the one most were tested on."""
        view = self.view(board)
        if len(board.generators) < 2 or any(row.place for row in view.rows):
            return view
        counts = {name: sum(name in row.generators for row in view.rows) for name in board.generators}
        most = max(board.generators, key=lambda name: counts[name], default=ALL_GENERATORS)
        return self.view(board, most) if counts.get(most) else view

    def records_of_submission(self, digest: str) -> list[Record]:
        """Every result of a submission, the oldest first; empty where there is none."""
        if self._submissions is None:
            self._submissions = _grouped(self.records, lambda one: one.digest)
        return self._submissions.get(digest, [])

    def records_of_method(self, key: str) -> list[Record]:
        """Every result of a method, of all its submissions, the oldest first."""
        if self._methods is None:
            self._methods = _grouped(self.records, lambda one: one.method_key)
        return self._methods.get(key, [])

    def find_board(self, slug: str) -> Board | None:
        """The board of that name."""
        return self._by_slug.get(slug)

    def board_of(self, one: Record) -> Board:
        """The board a result stands on."""
        return next(b for b in self.boards if (b.protocol_digest, b.dataset_digest, b.scorer) == one.board_key)

    def submission_digests(self) -> list[str]:
        """Every submission, in the order in which they came."""
        return list(dict.fromkeys(one.digest for one in self.records))

    def _sibling(self, board: Board) -> Board | None:
        wanted = {"seen": "unseen", "unseen": "seen"}.get(board.relation)
        same = (board.relation_free_digest, board.dataset_digest, board.scorer, wanted)
        return next(
            (b for b in self.boards if (b.relation_free_digest, b.dataset_digest, b.scorer, b.relation) == same), None
        )


class BoardStateCache:
    """The standing of whatever results there are at the moment; results that were seen before are not read again."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._source: object = None
        self._known: dict[int, tuple[StoredResult, Record]] = {}
        self._last = BoardState([])

    def get(self, results: Iterable[StoredResult]) -> BoardState:
        """The standing of `results`: the same object as long as the same collection comes."""
        if results is self._source:
            return self._last
        with self._lock:
            if results is self._source:
                return self._last
            known = {}
            for result in results:
                before = self._known.get(id(result))
                kept = before if before is not None and before[0] is result else (result, record_of(result))
                known[id(result)] = kept
            self._last = BoardState(
                [one for _, one in known.values() if not one.public_result.private], self._last.ladders
            )
            self._known, self._source = known, results
            return self._last


def board_state(results: Iterable[StoredResult]) -> BoardState:
    """The standing of some results. Drafts are left out."""
    return BoardState([record_of(result) for result in results if not result.private])


def newest_scorings(records: Iterable[Record]) -> list[Record]:
    """Of each entry of a submission on a board the newest scoring."""
    newest = {(one.digest, one.board_key, one.public_result.entry): one for one in records}
    return list(newest.values())


def _grouped(records: list[Record], key) -> dict[str, list[Record]]:  # type: ignore[no-untyped-def]
    groups: dict[str, list[Record]] = {}
    for one in records:
        groups.setdefault(key(one), []).append(one)
    return groups


def _boards(records: list[Record]) -> tuple[Board, ...]:
    """The boards: newest scorer first within a protocol and data set, then by name."""
    groups: dict[tuple[str, str, str], list[tuple[int, Record]]] = {}
    for number, one in enumerate(records):
        groups.setdefault(one.board_key, []).append((number, one))
    boards = [_board([one for _, one in group], group[-1][0]) for group in groups.values()]
    return tuple(sorted(boards, key=lambda b: (b.dataset, b.protocol, b.dataset_digest, -b.newest)))


def _board(records: list[Record], newest: int) -> Board:
    methods: dict[str, dict[int, Record]] = {}
    for one in records:
        mine = methods.setdefault(one.method_key, {})
        if mine and next(iter(mine.values())).digest != one.digest:
            mine.clear()  # a method's newest submission stands for it
        mine[one.public_result.entry] = one
    last = records[-1].public_result
    relation, kin, title = _relation_and_title(last.protocol, last.protocol_digest)
    people = {len(cell.auc_by_person) for one in records for cell in one.cells}
    return Board(
        protocol=last.protocol,
        protocol_digest=last.protocol_digest,
        dataset=last.dataset,
        dataset_digest=last.dataset_digest,
        scorer=last.scorer,
        relation=relation,
        relation_free_digest=kin,
        title=title,
        coarse=records[-1].coarse,
        generators=tuple(sorted({cell.generator for one in records for cell in one.cells})),
        people=max(people, default=0),
        methods={key: tuple(mine.values()) for key, mine in methods.items()},
        newest=newest,
    )


def _relation_and_title(name: str, digest: str) -> tuple[Relation, str, str]:
    """(relation, kin, title) of a protocol that ships with this version; by its name where it is another one."""
    if name in protocols.names():
        protocol = protocols.load(name)
        if protocol.digest == digest:
            return protocol.generators.relation.value, _relation_free_digest(protocol), protocol.title
    relation: Relation = "unseen" if name.endswith("-unseen") else "seen" if name.endswith("-seen") else "any"
    return relation, name.removesuffix(f"-{relation}"), ""


def _relation_free_digest(protocol: Protocol) -> str:
    generators = protocol.generators.model_copy(update={"relation": Relations.ANY})
    return protocol.model_copy(update={"generators": generators}).digest


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


def cells_by_generator(records: Iterable[Record], generator: str) -> dict[str, list[Cell]]:
    """Cells of all test generators (ALL) or one, by generator."""
    cells: dict[str, list[Cell]] = {}
    for one in records:
        for cell in one.cells:
            if generator in (ALL_GENERATORS, cell.generator):
                cells.setdefault(cell.generator, []).append(cell)
    return cells


def headline_auc(cells: dict[str, list[Cell]]) -> tuple[float, float | None, float | None]:
    """Value and interval over test generators: the mean over generators of the mean over a generator's entries.

    The ends of the intervals are averaged alike: wider than need be, since errors of several figures part cancel.
    """
    value = _mean([_mean([cell.value for cell in group]) for group in cells.values()])
    ends = []
    for name in ("low", "high"):
        values = [[getattr(cell, name) for cell in group] for group in cells.values()]
        whole = all(end is not None for group in values for end in group)
        ends.append(_mean([_mean(group) for group in values]) if whole else None)
    return value, ends[0], ends[1]


def auc_by_person(cells: dict[str, list[Cell]], *, public_only: bool = False) -> dict[str, float]:
    """AUC of each person, averaged as the headline is; of the people that every cell has."""
    if len(cells) == 1 and len(only := next(iter(cells.values()))) == 1:
        return only[0].public_auc_by_person if public_only else only[0].auc_by_person
    every = [
        cell.public_auc_by_person if public_only else cell.auc_by_person for group in cells.values() for cell in group
    ]
    people = sorted(set.intersection(*(set(one) for one in every))) if every else []
    groups = [
        [cell.public_auc_by_person if public_only else cell.auc_by_person for cell in group] for group in cells.values()
    ]
    return {who: _mean([_mean([one[who] for one in group]) for group in groups]) for who in people}


def _board_view(
    board: Board, generator: str, sibling: Board | None, earlier: SharedRanks | None
) -> tuple[BoardView, SharedRanks]:
    wanted = board.generators if generator == ALL_GENERATORS else (generator,)
    cells = {key: cells_by_generator(mine, generator) for key, mine in board.methods.items()}
    cells = {key: mine for key, mine in cells.items() if mine}
    areas = {key: auc_by_person(mine) for key, mine in cells.items()}
    people = max((tuple(one) for one in areas.values()), key=len, default=())
    whole = {key for key, mine in cells.items() if len(mine) == len(wanted) and tuple(areas[key]) == people}
    first = {key: mine[0] for key, mine in board.methods.items()}
    ranked = [key for key in sorted(whole) if first[key].provenance == "disjoint" and first[key].kind != "control"]
    margin = next(iter(first.values())).difference_margin if first else 0.0
    table = {key: np.array([areas[key][who] for who in people]) for key in whole}
    stacked = np.array([table[key] for key in ranked]).reshape(len(ranked), len(people))
    steps = shared_ranks(ranked, people, stacked, margin=margin, earlier=earlier)
    places = steps.places()
    controls = [key for key in whole if first[key].kind == "control"]
    values = {key: headline_auc(mine) for key, mine in cells.items()}
    best = max(controls, key=lambda key: (values[key][0], key), default=None)
    sure: set[str] = set()
    if best is not None and ranked:
        mask = significantly_better(stacked, table[best], margin)
        sure = {key for key, one in zip(ranked, mask, strict=True) if one}
    rows = []
    for key, mine in cells.items():
        one = first[key]
        told = one.public_result.submission
        value, low, high = values[key]
        other = cells_by_generator(sibling.methods.get(key, ()), ALL_GENERATORS) if sibling else {}
        worst = None if one.coarse or not areas[key] else min(areas[key].items(), key=lambda item: item[1])
        trained = tuple(sorted({name for group in mine.values() for cell in group for name in cell.trained_on}))
        rows.append(
            MethodRow(
                method_key=key,
                digest=one.digest,
                method=told.method,
                authors=told.authors,
                kind=one.kind,
                value=value,
                low=low,
                high=high,
                place=places.get(key),
                note=_note(one, len(mine), len(wanted), key in whole),
                auc_other_relation=headline_auc(other)[0] if other else None,
                worst_person=worst,
                control_margin=value - values[best][0] if best is not None and key in whole and key != best else None,
                beats_control=key in sure if best is not None and key in places else None,
                trained_on=trained,
                generators=tuple(mine),
                training_data=told.training.data,
                parameters=told.parameters,
                provenance=one.provenance,
                overlapping_people=one.overlapping_people,
                created=max(
                    (r.public_result.created for r in board.methods[key] if r.public_result.created), default=None
                ),
                number=one.public_result.id,
                search_text=" ".join((told.method, *told.authors, told.description, *trained)).lower(),
            )
        )
    rows.sort(key=lambda row: (row.note != "" and row.kind != "control", -row.value, row.method, row.method_key))
    together = tuple(row for row in rows if row.provenance == "disjoint")
    apart = tuple(row for row in rows if row.provenance != "disjoint")
    control = next((row for row in rows if row.method_key == best), None)
    return BoardView(board, generator, together, apart, control), steps


def _note(one: Record, tested: int, wanted: int, whole: bool) -> str:
    if one.provenance == "overlap":
        people = "person" if one.overlapping_people == 1 else "people"
        return f"trained on {one.overlapping_people} test {people}"
    if one.provenance == "unknown":
        return "training people unknown"
    if one.kind == "control":
        return "control"
    if tested < wanted:
        return f"tested on {tested} of {wanted} generators"
    return "" if whole else "tested on other people"
