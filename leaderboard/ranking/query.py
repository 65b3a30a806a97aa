"""What a reader asks the table for: which board and generator, which rows, in which order, which page."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leaderboard.ranking.boards import ALL_GENERATORS, Board, BoardState, BoardView, MethodRow

PAGE_ROWS = 100
_LONGEST = 100  # letters of a search
RELATIONS, DATA = ("seen", "unseen"), ("open", "closed", "unknown")
# Column -> (what rows are sorted by, whether the largest comes first by itself). Rows without a value come last.
SORTS: dict[str, tuple[Any, bool]] = {
    "auc": (lambda row: row.value, True),
    "other": (lambda row: row.auc_other_relation, True),
    "worst": (lambda row: row.worst_person and row.worst_person[1], True),
    "control": (lambda row: row.control_margin, True),
    "method": (lambda row: row.method.lower(), False),
    "trained": (lambda row: ", ".join(row.trained_on).lower() or None, False),
    "data": (lambda row: row.training_data, False),
    "parameters": (lambda row: row.parameters, False),
    "date": (lambda row: row.created.timestamp() if row.created else None, True),
}


@dataclass(frozen=True)
class Query:
    """A reader's wishes; what cannot be understood counts as not said. generator None: the board's first view."""

    board: str = ""
    protocol: str = ""
    relation: str = ""
    generator: str | None = None
    data: str = ""
    search: str = ""
    sort: str = "auc"
    descending: bool = True
    page: int = 1

    @classmethod
    def from_parameters(cls, values: Mapping[str, str]) -> Query:
        """From an address's parameters."""

        def one_of(name: str, allowed: Sequence[str]) -> str:
            value = values.get(name, "")
            return value if value in allowed else ""

        sort = one_of("sort", tuple(SORTS)) or "auc"
        order = one_of("order", ("asc", "desc"))
        number = values.get("page", "1")
        return cls(
            board=values.get("board", "")[:200],
            protocol=values.get("protocol", "")[:_LONGEST],
            relation=one_of("relation", RELATIONS),
            generator=values["generator"][:200] if "generator" in values else None,
            data=one_of("data", DATA),
            search=values.get("q", "").strip()[:_LONGEST],
            sort=sort,
            descending=order == "desc" if order else SORTS[sort][1],
            page=int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1,
        )

    def to_parameters(self, **changes: Any) -> str:
        """The parameters of an address, what is usual left out; empty where all is."""
        one = dataclasses.replace(self, **changes)
        usual = SORTS[one.sort][1]
        pairs = [
            ("board", one.board),
            ("protocol", one.protocol),
            ("relation", one.relation),
            ("generator", one.generator if one.generator is not None else None),
            ("data", one.data),
            ("q", one.search),
            ("sort", "" if one.sort == "auc" else one.sort),
            ("order", "" if one.descending == usual else "desc" if one.descending else "asc"),
            ("page", "" if one.page == 1 else str(one.page)),
        ]
        return urlencode(
            [(name, value) for name, value in pairs if value or (name == "generator" and value == ALL_GENERATORS)]
        )


@dataclass(frozen=True)
class TablePage:
    """The answer: the view, and one page of its rows in the order asked for. total: rows on all pages."""

    view: BoardView
    rows: tuple[MethodRow, ...]
    not_comparable: tuple[MethodRow, ...]
    total: int
    pages: int
    page: int


def choose_board(standing: BoardState, query: Query) -> Board | None:
    """The board asked for; of several the newest, seen before unseen; None where there is none."""
    found = [
        board
        for board in standing.boards
        if query.board in ("", board.slug)
        and query.protocol in ("", board.protocol)
        and query.relation in ("", board.relation)
    ]
    return min(
        found, key=lambda b: (RELATIONS.index(b.relation) if b.relation in RELATIONS else 2, -b.newest), default=None
    )


def table_page(standing: BoardState, query: Query) -> TablePage | None:
    """The rows asked for; None where no board fits."""
    board = choose_board(standing, query)
    if board is None:
        return None
    if query.generator is None or query.generator not in (ALL_GENERATORS, *board.generators):
        view = standing.first_view(board)
    else:
        view = standing.view(board, query.generator)
    rows, apart = (_wanted(group, query) for group in (view.rows, view.not_comparable))
    pages = max(1, -(-max(len(rows), len(apart)) // PAGE_ROWS))
    page = min(max(1, query.page), pages)
    part = slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS)
    return TablePage(view, tuple(rows[part]), tuple(apart[part]), len(rows) + len(apart), pages, page)


def _wanted(rows: Sequence[MethodRow], query: Query) -> list[MethodRow]:
    words = query.search.lower().split()
    kept = [
        row
        for row in rows
        if (not query.data or row.training_data == query.data) and all(word in row.search_text for word in words)
    ]
    value, _ = SORTS[query.sort]
    if query.sort == "auc":
        return kept if query.descending else kept[::-1]  # a view stands in that order already
    known = [row for row in kept if value(row) is not None]
    missing = [row for row in kept if value(row) is None]
    return sorted(known, key=value, reverse=query.descending) + missing
