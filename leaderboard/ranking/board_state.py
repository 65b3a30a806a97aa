"""The state of all boards at one time: their results, views and histories, as pages and the API read them."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from leaderboard.ranking.boards import Board, group_into_boards
from leaderboard.ranking.headline import ALL_GENERATORS
from leaderboard.ranking.records import Record, record_of
from leaderboard.ranking.views import BoardView, build_view
from leaderboard.store.results import StoredResult


class BoardState:
    """Everything that pages and the API show of a set of results. A view is made when it is first asked for.

    records: scorings in the order in which they were made, drafts left out.
    """

    def __init__(self, records: list[Record]) -> None:
        self.records = records
        self.boards = group_into_boards(records)
        self._views: dict[tuple[str, str], BoardView] = {}
        self._lock = threading.Lock()
        self._boards_by_key = {board.key: board for board in self.boards}
        self._records_by_submission: dict[str, list[Record]] = {}
        self._records_by_method: dict[str, list[Record]] = {}
        for record in records:
            self._records_by_submission.setdefault(record.digest, []).append(record)
            self._records_by_method.setdefault(record.method_key, []).append(record)

    def view(self, board: Board, generator: str = ALL_GENERATORS) -> BoardView:
        """The rows of a board, over all its generators or on one of them."""
        if len(board.generators) == 1:
            generator = ALL_GENERATORS  # the same rows
        key = (board.slug, generator)
        with self._lock:  # a second reader waits for the first rather than ranking the same methods
            if key not in self._views:
                self._views[key] = build_view(board, generator, self._sibling(board))
            return self._views[key]

    def first_view(self, board: Board) -> BoardView:
        """The view that a reader sees first.

        It is over all generators, or, where no method was tested on all of them, on the generator that most were
        tested on.
        """
        view = self.view(board)
        if len(board.generators) < 2 or any(row.place for row in view.rows):
            return view
        counts = {name: sum(name in row.generators for row in view.rows) for name in board.generators}
        most_tested = max(board.generators, key=lambda name: counts[name], default=ALL_GENERATORS)
        return self.view(board, most_tested) if counts.get(most_tested) else view

    def records_of_submission(self, digest: str) -> list[Record]:
        """Every scoring of a submission, the oldest first; empty where there is no such submission."""
        return self._records_by_submission.get(digest, [])

    def records_of_method(self, method_key: str) -> list[Record]:
        """Every scoring of a method, of all its submissions, the oldest first."""
        return self._records_by_method.get(method_key, [])

    def board_of(self, record: Record) -> Board:
        """The board that a record stands on."""
        return self._boards_by_key[record.board_key]

    def submission_digests(self) -> list[str]:
        """The digest of every submission, in the order in which they were first scored."""
        return list(self._records_by_submission)

    def _sibling(self, board: Board) -> Board | None:
        """The board of the other relation: the same protocol on unseen instead of seen generators, or the reverse."""
        other_relation = {"seen": "unseen", "unseen": "seen"}.get(board.relation)
        for other in self.boards:
            same_protocol = other.relation_free_digest == board.relation_free_digest
            same_results = (other.dataset_digest, other.scorer) == (board.dataset_digest, board.scorer)
            if same_protocol and same_results and other.relation == other_relation:
                return other
        return None


class BoardStateCache:
    """Keeps the newest board state, and the records of its results, between calls.

    With 10,000 results a new state costs a quarter of a second less than from nothing, and the same results again give
    the state with every view that was made of it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._results: object = None
        self._records: dict[int, tuple[StoredResult, Record]] = {}  # by the identity of the result
        self._state = BoardState([])

    def get(self, results: Iterable[StoredResult]) -> BoardState:
        """The state of `results`: the same object as long as the same collection comes. Drafts are left out."""
        if results is self._results:
            return self._state
        with self._lock:
            if results is self._results:
                return self._state
            records = {}
            for result in results:
                cached = self._records.get(id(result))
                is_same = cached is not None and cached[0] is result
                records[id(result)] = cached if cached is not None and is_same else (result, record_of(result))
            self._state = BoardState([record for result, record in records.values() if not result.private])
            self._records, self._results = records, results
            return self._state


def board_state(results: Iterable[StoredResult]) -> BoardState:
    """The state of some results. Drafts are left out."""
    return BoardState([record_of(result) for result in results if not result.private])
