"""Which boards there are, which results stand on them, and that a state is made once for the same results."""

from dataclasses import replace

import pytest

from leaderboard.ranking.board_state import BoardStateCache, board_state
from tests.leaderboard.example_results import example_board, example_result


def test_drafts_are_on_no_board() -> None:
    draft = example_result("a", {"alpha": 0.8}, private=True)
    assert board_state([draft]).boards == ()
    assert BoardStateCache().get((draft,)).boards == ()


def test_the_newest_submission_of_a_method_stands_for_it_and_not_the_best() -> None:
    older, newer = (example_result("a", {"alpha": mean}, number=number) for number, mean in ((1, 0.9), (2, 0.7)))
    state = board_state([older, newer])
    (row,) = state.view(state.boards[0]).rows
    assert row.digest == newer.digest
    assert [record.digest for record in state.records_of_method(row.method_key)] == [older.digest, newer.digest]


def test_scoring_again_replaces_the_figure_and_keeps_the_old_one_in_the_history() -> None:
    first = example_result("a", {"alpha": 0.9})
    figures = example_result("a", {"alpha": 0.8}, number=3).figures
    state = board_state([first, replace(first, figures=figures, reason="a labelling error", id=2)])
    (row,) = state.view(state.boards[0]).rows
    assert row.value == pytest.approx(0.8, abs=0.01)
    reasons = [record.public_result.reason for record in state.records_of_method(row.method_key)]
    assert reasons == ["first scoring", "a labelling error"]


def test_other_protocols_data_sets_and_scorers_are_other_boards() -> None:
    first = example_result("a", {"alpha": 0.9})
    changes = ({"protocol_digest": "e" * 64}, {"dataset_digest": "e" * 64}, {"scorer": "2"})
    state = board_state([first, *(replace(first, **change) for change in changes)])
    assert len(state.boards) == 4
    assert all(len(state.view(board).rows) == 1 for board in state.boards)
    assert {state.board_of(record) for record in state.records} == set(state.boards)


def test_where_nobody_was_tested_on_all_generators_the_first_view_is_of_one() -> None:
    state = board_state([example_result("a", {"alpha": 0.8}, number=1), example_result("b", {"beta": 0.8}, number=2)])
    first = state.first_view(state.boards[0])
    assert first.generator in ("alpha", "beta")
    assert first.rows[0].place == (1, 1)


def test_a_state_grows_with_its_results_as_if_it_were_made_anew() -> None:
    results = [example_result(f"m{n}", {"alpha": 0.6 + n / 200}, number=n) for n in range(60)]
    cache = BoardStateCache()
    early = cache.get(tuple(results[:58]))
    early.view(early.boards[0])
    late, anew = cache.get(tuple(results)), board_state(results)
    assert late.view(late.boards[0]).rows == anew.view(anew.boards[0]).rows


def test_the_same_collection_gives_the_same_state_and_a_result_the_same_record() -> None:
    cache, results = BoardStateCache(), tuple(example_board())
    state = cache.get(results)
    assert cache.get(results) is state
    assert cache.get(results[1:]).records[0] is state.records[1]


def test_a_view_is_made_once() -> None:
    state = board_state(example_board())
    assert state.view(state.boards[0]) is state.view(state.boards[0])
