"""A comparison of two submissions says which is better only where the data do."""

from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.comparison import compare
from tests.leaderboard.example_results import example_board, example_result


def test_a_comparison_says_who_is_better_only_where_the_interval_says_so() -> None:
    state = board_state(example_board())
    digests = {record.public_result.submission.method: record.digest for record in state.records}
    near = compare(state, digests["motion graph"], digests["temporal net"])
    far = compare(state, digests["tiny net"], digests["motion graph"])
    assert near is not None
    assert far is not None
    assert all("share a place" in board.verdict for board in near.boards)
    assert all(board.verdict.startswith("motion graph is better than tiny net") for board in far.boards)
    assert [board.board.protocol for board in far.boards] == ["nvfair-seen", "nvfair-unseen"]
    assert compare(state, digests["tiny net"], "0" * 64) is None


def test_over_several_generators_the_first_line_and_the_people_are_those_of_all_together() -> None:
    results = [
        example_result("a", {"alpha": 0.9, "beta": 0.8}, number=1),
        example_result("b", {"alpha": 0.6, "beta": 0.7, "gamma": 0.9}, number=2),
    ]
    comparison = compare(board_state(results), results[0].digest, results[1].digest)
    assert comparison is not None
    (board,) = comparison.boards
    assert [line.generator for line in board.lines] == ["", "alpha", "beta"]
    apart = [abs(first - second) for _, first, second in board.people]
    assert len(apart) == 12
    assert apart == sorted(apart, reverse=True)
