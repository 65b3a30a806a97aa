"""A reader's query of the table: which board and generator, which rows, in which order, which page."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from leaderboard.ranking.board_state import BoardState
from leaderboard.ranking.boards import Board
from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.views import BoardView, MethodRow

PAGE_ROWS = 100
_MAX_SEARCH = 100  # characters
_MAX_NAME = 200
RELATIONS, TRAINING_DATA = ("seen", "unseen"), ("open", "closed", "unknown")


@dataclass(frozen=True)
class SortColumn:
    """A column that the table can be sorted by.

    value: of a row; rows where it is None come last in either direction. largest_first: where the reader does not say.
    """

    value: Callable[[MethodRow], Any]
    largest_first: bool


SORTS = {
    "auc": SortColumn(lambda row: row.value, True),
    "other": SortColumn(lambda row: row.auc_other_relation, True),
    "worst": SortColumn(lambda row: row.worst_person and row.worst_person[1], True),
    "control": SortColumn(lambda row: row.control_margin, True),
    "method": SortColumn(lambda row: row.method.lower(), False),
    "trained": SortColumn(lambda row: ", ".join(row.trained_on).lower() or None, False),
    "data": SortColumn(lambda row: row.training_data, False),
    "parameters": SortColumn(lambda row: row.parameters, False),
    "date": SortColumn(lambda row: row.created.timestamp() if row.created else None, True),
}


@dataclass(frozen=True)
class Query:
    """What a reader asks the table for. generator: None for the board's first view. data: of the training."""

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
    def from_parameters(cls, parameters: Mapping[str, str]) -> Query:
        """Reads an address's parameters. A value that cannot be understood counts as absent."""

        def choice(name: str, allowed: Sequence[str]) -> str:
            value = parameters.get(name, "")
            return value if value in allowed else ""

        sort = choice("sort", tuple(SORTS)) or "auc"
        order = choice("order", ("asc", "desc"))
        page = parameters.get("page", "1")
        return cls(
            board=parameters.get("board", "")[:_MAX_NAME],
            protocol=parameters.get("protocol", "")[:_MAX_SEARCH],
            relation=choice("relation", RELATIONS),
            generator=parameters["generator"][:_MAX_NAME] if "generator" in parameters else None,
            data=choice("data", TRAINING_DATA),
            search=parameters.get("q", "").strip()[:_MAX_SEARCH],
            sort=sort,
            descending=order == "desc" if order else SORTS[sort].largest_first,
            page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
        )

    def to_parameters(self, **changes: Any) -> str:
        """The parameters of an address, defaults left out; empty where every value is the default."""
        query = dataclasses.replace(self, **changes)
        is_usual_order = query.descending == SORTS[query.sort].largest_first
        pairs = [
            ("board", query.board),
            ("protocol", query.protocol),
            ("relation", query.relation),
            ("generator", query.generator),
            ("data", query.data),
            ("q", query.search),
            ("sort", "" if query.sort == "auc" else query.sort),
            ("order", "" if is_usual_order else "desc" if query.descending else "asc"),
            ("page", "" if query.page == 1 else str(query.page)),
        ]
        # ALL_GENERATORS is an empty text, which says something else than no generator at all.
        return urlencode(
            [(name, value) for name, value in pairs if value or (name == "generator" and value == ALL_GENERATORS)]
        )


@dataclass(frozen=True)
class TablePage:
    """One page of a view's rows, in the order of the query. total: the number of rows on all pages."""

    view: BoardView
    rows: tuple[MethodRow, ...]
    not_comparable: tuple[MethodRow, ...]
    total: int
    pages: int
    page: int


def choose_board(state: BoardState, query: Query) -> Board | None:
    """The board that a query names; of several the newest, seen before unseen; None where no board matches."""
    boards = [
        board
        for board in state.boards
        if query.board in ("", board.slug)
        and query.protocol in ("", board.protocol)
        and query.relation in ("", board.relation)
    ]

    def order(board: Board) -> tuple[int, int]:
        relation = RELATIONS.index(board.relation) if board.relation in RELATIONS else len(RELATIONS)
        return relation, -board.newest

    return min(boards, key=order, default=None)


def table_page(state: BoardState, query: Query) -> TablePage | None:
    """The page of rows that a query names; None where no board matches."""
    board = choose_board(state, query)
    if board is None:
        return None
    if query.generator is None or query.generator not in (ALL_GENERATORS, *board.generators):
        view = state.first_view(board)
    else:
        view = state.view(board, query.generator)
    rows, not_comparable = (_matching_rows(group, query) for group in (view.rows, view.not_comparable))
    pages = max(1, -(-max(len(rows), len(not_comparable)) // PAGE_ROWS))
    page = min(max(1, query.page), pages)
    page_rows = slice((page - 1) * PAGE_ROWS, page * PAGE_ROWS)
    total = len(rows) + len(not_comparable)
    return TablePage(view, tuple(rows[page_rows]), tuple(not_comparable[page_rows]), total, pages, page)


def _matching_rows(rows: Sequence[MethodRow], query: Query) -> list[MethodRow]:
    words = query.search.lower().split()
    matching = [
        row for row in rows if query.data in ("", row.training_data) and all(word in row.search_text for word in words)
    ]
    if query.sort == "auc":
        return matching if query.descending else matching[::-1]  # a view stands in that order already
    sort_value = SORTS[query.sort].value
    with_value = [row for row in matching if sort_value(row) is not None]
    without_value = [row for row in matching if sort_value(row) is None]
    return sorted(with_value, key=sort_value, reverse=query.descending) + without_value
