"""Who stands in which list, and what stands beside a figure."""

from dataclasses import replace

import pytest

from leaderboard.ranking.boards import BoardStateCache, BoardView, board_state
from leaderboard.ranking.comparison import compare
from leaderboard.store.results import StoredResult
from tests.leaderboard.example_results import example_board, example_result


def view(results: list[StoredResult], protocol: str = "nvfair-seen", generator: str = "") -> BoardView:
    found = board_state(results)
    (one,) = [b for b in found.boards if b.protocol == protocol]
    return found.view(one, generator)


def test_neighbours_share_places_and_the_best_stands_first() -> None:
    rows = {row.method: row for row in view(example_board()).rows}
    assert rows["motion graph"].place == rows["temporal net"].place == (1, 2)
    assert rows["tiny net"].place is not None
    assert rows["tiny net"].place[0] == 3


def test_those_who_knew_test_people_or_do_not_say_have_no_place_however_good() -> None:
    found = view(example_board())
    assert [(row.method, row.place, row.note) for row in found.not_comparable] == [
        ("has seen them", None, "trained on 2 test people"),
        ("says nothing", None, "training people unknown"),
    ]
    without = view([r for r in example_board() if r.submission.method not in ("has seen them", "says nothing")])
    assert [(r.method_key, r.place) for r in found.rows] == [(r.method_key, r.place) for r in without.rows]


def test_a_control_is_a_mark_for_others_and_takes_no_place() -> None:
    found = view(example_board())
    rows = {row.method: row for row in found.rows}
    assert found.best_control is not None
    assert found.best_control.method == "mean face shape"
    assert rows["mean face shape"].place is None
    assert rows["motion graph"].control_margin == pytest.approx(0.86 - 0.66, abs=0.01)
    assert rows["motion graph"].beats_control is True


def test_a_method_that_is_not_above_the_control_is_said_not_to_be() -> None:
    same = example_result("no better", {"alpha": 0.661}, number=9)
    rows = {row.method: row for row in view([*example_board(), same]).rows}
    assert rows["no better"].beats_control is False


def test_nobody_becomes_a_control_or_baseline_by_saying_so() -> None:
    strong = example_result("so called", {"alpha": 0.95}, number=9, declared={"kind": "control"})
    found = view([*example_board(), strong])
    assert found.best_control is not None
    assert found.best_control.method == "mean face shape"
    assert {row.method: row for row in found.rows}["so called"].place == (1, 1)


def test_figures_on_unseen_generators_stand_beside_those_on_seen_ones() -> None:
    seen = {row.method: row for row in view(example_board()).rows}
    unseen = {row.method: row for row in view(example_board(), "nvfair-unseen").rows}
    assert seen["tiny net"].auc_other_relation == pytest.approx(unseen["tiny net"].value)
    assert unseen["tiny net"].auc_other_relation == pytest.approx(seen["tiny net"].value)
    assert seen["landmark spread"].auc_other_relation is None


def test_the_worst_person_is_the_one_with_the_lowest_auc() -> None:
    one = example_result("a", {"alpha": 0.8})
    areas = one.figures["generators"]["alpha"]["per_target"]
    (row,) = view([one]).rows
    assert row.worst_person == min(areas.items(), key=lambda item: item[1])


def test_drafts_are_on_no_board() -> None:
    assert board_state([example_result("a", {"alpha": 0.8}, private=True)]).boards == ()
    assert BoardStateCache().get((example_result("a", {"alpha": 0.8}, private=True),)).boards == ()


def test_the_newest_submission_of_a_method_stands_for_it_and_not_the_best() -> None:
    older, newer = example_result("a", {"alpha": 0.9}, number=1), example_result("a", {"alpha": 0.7}, number=2)
    found = board_state([older, newer])
    (row,) = found.view(found.boards[0]).rows
    assert row.digest == newer.digest
    assert [one.digest for one in found.records_of_method(row.method_key)] == [older.digest, newer.digest]


def test_scoring_again_replaces_the_figure_and_keeps_the_old_one_in_the_history() -> None:
    first = example_result("a", {"alpha": 0.9})
    again = replace(
        first, figures=example_result("a", {"alpha": 0.8}, number=3).figures, reason="a labelling error", id=2
    )
    found = board_state([first, again])
    (row,) = found.view(found.boards[0]).rows
    assert row.value == pytest.approx(0.8, abs=0.01)
    assert [one.public_result.reason for one in found.records_of_method(row.method_key)] == [
        "first scoring",
        "a labelling error",
    ]


def test_other_protocols_data_sets_and_scorers_are_other_boards() -> None:
    one = example_result("a", {"alpha": 0.9})
    others = [replace(one, protocol_digest="e" * 64), replace(one, dataset_digest="e" * 64), replace(one, scorer="2")]
    found = board_state([one, *others])
    assert len(found.boards) == 4
    assert all(len(found.view(b).rows) == 1 for b in found.boards)


def test_who_was_tested_on_some_generators_has_a_place_under_each_and_none_over_all() -> None:
    whole = [example_result(f"w{n}", {"alpha": 0.8, "beta": 0.7}, number=n) for n in (1, 2)]
    easy = example_result("easy only", {"alpha": 0.95}, number=3)
    over_all = view([*whole, easy])
    assert [(row.method, row.note) for row in over_all.rows][-1] == ("easy only", "tested on 1 of 2 generators")
    assert over_all.rows[-1].place is None
    assert view([*whole, easy], generator="alpha").rows[0].place == (1, 1)


def test_over_generators_the_figure_is_the_mean_of_the_means() -> None:
    (row,) = view([example_result("a", {"alpha": 0.9, "beta": 0.7})]).rows
    assert row.value == pytest.approx(0.8, abs=0.005)


def test_where_nobody_was_tested_on_all_generators_the_first_view_is_of_one() -> None:
    found = board_state([example_result("a", {"alpha": 0.8}, number=1), example_result("b", {"beta": 0.8}, number=2)])
    first = found.first_view(found.boards[0])
    assert first.generator in ("alpha", "beta")
    assert first.rows[0].place == (1, 1)


def test_hidden_labels_show_rounded_figures_and_no_person() -> None:
    hidden = [replace(one, feedback="coarse") for one in example_board()]
    found = view(hidden)
    for row in (*found.rows, *found.not_comparable):
        assert row.worst_person is None
        assert row.value == pytest.approx(round(row.value, 2), abs=1e-12)
    told = board_state(hidden)
    comparison = compare(told, found.rows[0].digest, found.rows[1].digest)
    assert comparison is not None
    assert all(line.difference is None for meeting in comparison.boards for line in meeting.lines)
    assert all(meeting.people == () for meeting in comparison.boards)


def test_with_hidden_labels_a_difference_below_the_step_gives_no_place() -> None:
    near = [
        example_result("a", {"alpha": 0.8}, number=1, spread=0.0, feedback="coarse"),
        example_result("b", {"alpha": 0.804}, number=2, spread=0.0, feedback="coarse"),
    ]
    assert {row.place for row in view(near).rows} == {(1, 2)}
    assert {row.place for row in view([replace(one, feedback="full") for one in near]).rows} == {(1, 1), (2, 2)}


def test_a_standing_grows_with_its_results_as_if_it_were_made_anew() -> None:
    results = [example_result(f"m{n}", {"alpha": 0.6 + n / 200}, number=n) for n in range(60)]
    standings = BoardStateCache()
    early = standings.get(tuple(results[:58]))
    early.view(early.boards[0])
    late = standings.get(tuple(results))
    anew = board_state(results)
    assert late.view(late.boards[0]).rows == anew.view(anew.boards[0]).rows


def test_the_same_collection_is_looked_at_once() -> None:
    standings, results = BoardStateCache(), tuple(example_board())
    assert standings.get(results) is standings.get(results)


def test_a_comparison_says_who_is_better_only_where_the_interval_says_so() -> None:
    found = board_state(example_board())
    digests = {one.public_result.submission.method: one.digest for one in found.records}
    near = compare(found, digests["motion graph"], digests["temporal net"])
    far = compare(found, digests["tiny net"], digests["motion graph"])
    assert near is not None
    assert far is not None
    assert all("share a place" in meeting.verdict for meeting in near.boards)
    assert all(meeting.verdict.startswith("motion graph is better than tiny net") for meeting in far.boards)
    assert [meeting.board.protocol for meeting in far.boards] == ["nvfair-seen", "nvfair-unseen"]
    assert compare(found, digests["tiny net"], "0" * 64) is None
