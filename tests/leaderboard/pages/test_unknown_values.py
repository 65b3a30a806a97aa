"""Every value of a board's pages that may be unknown has its place there."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

import pytest

from leaderboard.pages import method_page, render
from leaderboard.pages.links import Links
from leaderboard.pages.render import PageRenderer
from leaderboard.ranking.board_state import BoardState, board_state
from leaderboard.ranking.query import SORTS, Query
from leaderboard.ranking.views import BoardView
from tests.benchmark.unknown_values import values_with_none
from tests.leaderboard.example_results import example_board


def _text(page: str) -> str:
    return re.sub(r"<[^>]*>", " ", page)


def test_every_value_of_a_row_may_be_unknown_in_the_table(monkeypatch: pytest.MonkeyPatch) -> None:
    state, pages = board_state(example_board()), PageRenderer()
    view = state.first_view(state.boards[0])
    places = {place for row in (*view.rows, *view.not_comparable) for place, _ in values_with_none(row)}
    assert {".low", ".high", ".place", ".worst_person", ".control_margin", ".parameters", ".created"} <= places
    changed_views: list[tuple[str, BoardView]] = [("best_control", replace(view, best_control=None))]
    for place in sorted(places):
        rows = tuple(dict(values_with_none(row)).get(place, row) for row in view.rows)
        others = tuple(dict(values_with_none(row)).get(place, row) for row in view.not_comparable)
        changed_views.append((place, replace(view, rows=rows, not_comparable=others)))
    for place, changed in changed_views:
        monkeypatch.setattr(BoardState, "view", lambda *_, view=changed: view)
        for sort in SORTS:
            page = pages.table(state, Query(sort=sort), Links())
            assert "None" not in _text(page), (place, sort)


def test_every_figure_of_a_method_may_be_unknown_on_its_page(monkeypatch: pytest.MonkeyPatch) -> None:
    state, pages = board_state(example_board()), PageRenderer()
    digest = state.records[0].public_result.digest
    whole = method_page.method_page_values(state, digest, with_comparisons=False)
    assert whole is not None
    line = whole["lines"][0]
    places = dict(values_with_none(line))
    assert {".auc_pooled", ".place"} <= set(places)
    for place, changed in places.items():
        values: dict[str, Any] = {**whole, "lines": [changed]}
        monkeypatch.setattr(render, "method_page_values", lambda *_, values=values, **__: values)
        page = pages.method(state, digest, Links())
        assert "None" not in _text(page or "None"), place
