"""Which list a method stands in, and what stands beside its figure."""

from dataclasses import replace

import pytest

from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.comparison import compare
from leaderboard.ranking.views import BoardView, MethodRow
from leaderboard.store.results import StoredResult
from tests.leaderboard.example_results import example_board, example_result


def view(results: list[StoredResult], protocol: str = "nvfair-seen", generator: str = "") -> BoardView:
    """The view of the only board of a protocol."""
    state = board_state(results)
    (board,) = [board for board in state.boards if board.protocol == protocol]
    return state.view(board, generator)


def rows_by_method(board_view: BoardView) -> dict[str, MethodRow]:
    return {row.method: row for row in board_view.rows}


def test_neighbours_share_places_and_the_best_stands_first() -> None:
    rows = rows_by_method(view(example_board()))
    assert rows["motion graph"].place == rows["temporal net"].place == (1, 2)
    assert rows["tiny net"].place is not None
    assert rows["tiny net"].place[0] == 3


def test_those_who_knew_test_people_or_do_not_say_have_no_place_however_good() -> None:
    whole = view(example_board())
    assert [(row.method, row.place, row.note) for row in whole.not_comparable] == [
        ("has seen them", None, "trained on 2 test people"),
        ("says nothing", None, "training people unknown"),
    ]
    comparable = [r for r in example_board() if r.submission.method not in ("has seen them", "says nothing")]
    without = view(comparable)
    assert [(row.method_key, row.place) for row in whole.rows] == [(row.method_key, row.place) for row in without.rows]


def test_a_control_is_a_mark_for_others_and_takes_no_place() -> None:
    whole = view(example_board())
    rows = rows_by_method(whole)
    assert whole.best_control is not None
    assert whole.best_control.method == "mean face shape"
    assert rows["mean face shape"].place is None
    assert rows["motion graph"].control_margin == pytest.approx(0.86 - 0.66, abs=0.01)
    assert rows["motion graph"].beats_control is True


def test_a_method_that_is_not_above_the_control_is_said_not_to_be() -> None:
    same = example_result("no better", {"alpha": 0.661}, number=9)
    assert rows_by_method(view([*example_board(), same]))["no better"].beats_control is False


def test_nobody_becomes_a_control_or_baseline_by_saying_so() -> None:
    strong = example_result("so called", {"alpha": 0.95}, number=9, declared={"kind": "control"})
    whole = view([*example_board(), strong])
    assert whole.best_control is not None
    assert whole.best_control.method == "mean face shape"
    assert rows_by_method(whole)["so called"].place == (1, 1)


def test_figures_on_unseen_generators_stand_beside_those_on_seen_ones() -> None:
    seen = rows_by_method(view(example_board()))
    unseen = rows_by_method(view(example_board(), "nvfair-unseen"))
    assert seen["tiny net"].auc_other_relation == pytest.approx(unseen["tiny net"].value)
    assert unseen["tiny net"].auc_other_relation == pytest.approx(seen["tiny net"].value)
    assert seen["landmark spread"].auc_other_relation is None


def test_the_worst_person_is_the_one_with_the_lowest_auc() -> None:
    result = example_result("a", {"alpha": 0.8})
    per_target = result.figures["generators"]["alpha"]["per_target"]
    (row,) = view([result]).rows
    assert row.worst_person == min(per_target.items(), key=lambda item: item[1])


def test_who_was_tested_on_some_generators_has_a_place_under_each_and_none_over_all() -> None:
    whole = [example_result(f"w{n}", {"alpha": 0.8, "beta": 0.7}, number=n) for n in (1, 2)]
    easy = example_result("easy only", {"alpha": 0.95}, number=3)
    over_all = view([*whole, easy])
    assert [(row.method, row.note) for row in over_all.rows][-1] == ("easy only", "tested on 1 of 2 generators")
    assert over_all.rows[-1].place is None
    assert view([*whole, easy], generator="alpha").rows[0].place == (1, 1)


def test_who_was_tested_on_other_people_has_no_place() -> None:
    whole = [example_result(f"w{n}", {"alpha": 0.8}, number=n) for n in (1, 2)]
    fewer = example_result("fewer people", {"alpha": 0.95}, number=3, people=11)
    rows = rows_by_method(view([*whole, fewer]))
    assert (rows["fewer people"].note, rows["fewer people"].place) == ("tested on other people", None)


def test_over_generators_the_figure_is_the_mean_of_the_means() -> None:
    (row,) = view([example_result("a", {"alpha": 0.9, "beta": 0.7})]).rows
    assert row.value == pytest.approx(0.8, abs=0.005)


def test_hidden_labels_show_rounded_figures_and_no_person() -> None:
    hidden = [replace(result, feedback="coarse") for result in example_board()]
    whole = view(hidden)
    for row in (*whole.rows, *whole.not_comparable):
        assert row.worst_person is None
        assert row.value == pytest.approx(round(row.value, 2), abs=1e-12)
    comparison = compare(board_state(hidden), whole.rows[0].digest, whole.rows[1].digest)
    assert comparison is not None
    assert all(line.difference is None for board in comparison.boards for line in board.lines)
    assert all(board.people == () for board in comparison.boards)


def test_with_hidden_labels_a_difference_below_the_step_gives_no_place() -> None:
    near = [
        example_result("a", {"alpha": 0.8}, number=1, spread=0.0, feedback="coarse"),
        example_result("b", {"alpha": 0.804}, number=2, spread=0.0, feedback="coarse"),
    ]
    assert {row.place for row in view(near).rows} == {(1, 2)}
    exact = [replace(result, feedback="full") for result in near]
    assert {row.place for row in view(exact).rows} == {(1, 1), (2, 2)}


def test_on_a_sealed_set_places_follow_the_answers_alone() -> None:
    """Exact figures in the reverse order of the answers, and people who would tell all methods apart."""
    sealed = [
        example_result("first", {"alpha": 0.9}, number=1, spread=0.0, feedback="coarse", sealed=True, answer=0.6),
        example_result("second", {"alpha": 0.8}, number=2, spread=0.0, feedback="coarse", sealed=True, answer=0.7),
        example_result("third", {"alpha": 0.7}, number=3, spread=0.0, feedback="coarse", sealed=True, answer=0.75),
        example_result("unanswered", {"alpha": 0.99}, number=4, feedback="coarse", sealed=True),
        example_result("of test people", {"alpha": 0.5}, number=5, overlap=["toy:01"], feedback="coarse", sealed=True,
                       answer=0.55),
    ]  # fmt: skip
    whole = view(sealed)
    assert [(row.method, row.value, row.place) for row in whole.rows] == [
        ("third", 0.75, (1, 1)),
        ("second", 0.7, (2, 2)),
        ("first", 0.6, (3, 3)),
        ("of test people", 0.55, (4, 4)),
    ]
    assert whole.not_comparable == ()
    assert {(row.low, row.high, row.worst_person, row.beats_control, row.generators) for row in whole.rows} == {
        (None, None, None, None, ("hidden",))
    }


def with_impostor_aucs(result: StoredResult, deviation: float) -> StoredResult:
    """The result with an AUC of each person as an impostor, high and low by turns."""
    generators = {
        name: figures
        | {
            "people": [
                {"person": person, "auc_as_impostor": 0.7 + deviation * (1 if number % 2 else -1)}
                for number, person in enumerate(sorted(figures["per_target"]))
            ]
        }
        for name, figures in result.figures["generators"].items()
    }
    return replace(result, figures=result.figures | {"generators": generators})


def test_methods_that_rank_drivers_differently_share_a_place_although_targets_agree() -> None:
    first = example_result("first", {"alpha": 0.9}, number=1)
    second = example_result("second", {"alpha": 0.8}, number=2)
    assert [row.place for row in view([first, second]).rows] == [(1, 1), (2, 2)]
    alike = [with_impostor_aucs(result, 0.1) for result in (first, second)]
    assert [row.place for row in view(alike).rows] == [(1, 1), (2, 2)]
    different = [with_impostor_aucs(first, 0.3), with_impostor_aucs(second, -0.3)]
    assert [row.place for row in view(different).rows] == [(1, 2), (1, 2)]
    # Where one result has no such figures, all are compared by the targets alone.
    assert [row.place for row in view([different[0], second]).rows] == [(1, 1), (2, 2)]
    comparison = compare(board_state(different), first.digest, second.digest)
    assert comparison is not None
    assert "share a place" in comparison.boards[0].verdict
