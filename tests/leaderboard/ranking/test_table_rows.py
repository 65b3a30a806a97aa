"""The board as data: the same rows as JSON, as CSV and by the API."""

import csv
import io
import json
from dataclasses import replace

from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.table_rows import api_page, submission_json, to_csv, to_json
from tests.leaderboard.example_results import example_board, example_result


def test_json_and_csv_hold_the_same_rows() -> None:
    state = board_state(example_board())
    from_json = json.loads(to_json(state))
    from_csv = list(csv.DictReader(io.StringIO(to_csv(state))))
    assert len(from_json) == len(from_csv) == 10
    as_text = [{key: "" if value is None else str(value) for key, value in row.items()} for row in from_json]
    assert as_text == [dict(sorted(row.items())) for row in from_csv]


def test_the_api_gives_the_figures_that_board_json_gives() -> None:
    state = board_state(example_board())
    keys = ("submission", "generator", "protocol", "auc_mean", "auc_mean_low", "auc_pooled", "trials", "scorer")
    answers = {tuple(getattr(row, key) for key in keys) for row in api_page(state, size=100).rows}
    assert answers == {tuple(row[key] for key in keys) for row in json.loads(to_json(state))}


def test_pages_hold_every_row_once_in_order() -> None:
    state = board_state([example_result(f"m{n}", {"alpha": 0.5 + n / 100}, number=n) for n in range(25)])
    pages = [api_page(state, number=number, size=10) for number in (1, 2, 3, 4)]
    assert [len(page.rows) for page in pages] == [10, 10, 5, 0]
    values = [row.auc_mean for page in pages for row in page.rows if row.auc_mean is not None]
    assert values == sorted(values, reverse=True)
    assert {page.total for page in pages} == {25}


def test_filters_choose_protocol_data_set_and_generator() -> None:
    state = board_state(example_board())
    assert {row.protocol for row in api_page(state, protocol="nvfair-unseen").rows} == {"nvfair-unseen"}
    assert {row.generator for row in api_page(state, generator="beta").rows} == {"beta"}
    assert api_page(state, dataset="no such set").total == 0


def test_rows_without_a_value_come_last_in_either_direction() -> None:
    undated = replace(example_result("undated", {"alpha": 0.7}, number=3), created=None)
    state = board_state([undated, *(example_result(name, {"alpha": 0.8}, number=n) for n, name in enumerate("ab"))])
    for descending in (True, False):
        assert api_page(state, sort="created", descending=descending).rows[-1].method == "undated"


def test_another_version_of_the_scorer_replaces_a_row_of_the_api_and_adds_one_to_board_json() -> None:
    first = example_result("a", {"alpha": 0.9})
    state = board_state([first, replace(first, scorer="2", id=2)])
    assert [row.scorer for row in api_page(state).rows] == ["2"]
    assert [row["scorer"] for row in json.loads(to_json(state))] == ["1", "2"]


def test_no_form_holds_the_contact() -> None:
    state = board_state(example_board())
    digest = state.submission_digests()[0]
    texts = [to_json(state), to_csv(state), api_page(state).model_dump_json(), submission_json(state, digest) or ""]
    assert all("private@example.org" not in text for text in texts)
    assert submission_json(state, "0" * 64) is None


def test_an_empty_board_gives_empty_files() -> None:
    state = board_state([])
    assert (to_json(state), to_csv(state)) == ("[]\n", "")
