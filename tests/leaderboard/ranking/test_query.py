"""What a reader asks of the table, and that nonsense is no error."""

import pytest

from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.query import PAGE_ROWS, Query, table_page
from tests.leaderboard.example_results import example_board, example_result


def names(**values: str) -> list[str]:
    page = table_page(board_state(example_board()), Query.from_parameters(values))
    assert page is not None
    return [row.method for row in page.rows]


def test_the_front_page_is_the_seen_protocol_by_auc() -> None:
    assert names() == ["motion graph", "temporal net", "tiny net", "landmark spread", "mean face shape"]


def test_rows_are_filtered_by_training_data_and_by_every_word_of_a_search() -> None:
    assert names(data="open") == ["motion graph", "tiny net"]
    assert names(data="closed") == ["temporal net"]
    assert names(q="NET") == ["temporal net", "tiny net"]
    assert names(q="net tiny author") == ["tiny net"]
    assert names(q="nothing like it") == []


def test_the_relation_and_the_protocol_choose_the_board() -> None:
    assert names(relation="unseen") == names(protocol="nvfair-unseen") == ["motion graph", "temporal net", "tiny net"]
    assert (
        table_page(
            board_state(example_board()), Query.from_parameters({"protocol": "nvfair-seen", "relation": "unseen"})
        )
        is None
    )


def test_rows_are_sorted_both_ways_and_those_without_a_value_come_last() -> None:
    assert names(sort="method")[0] == "landmark spread"
    assert names(sort="method", order="desc")[0] == "tiny net"
    assert names(order="asc") == names()[::-1]
    assert names(sort="parameters", order="asc")[:3] == ["motion graph", "temporal net", "tiny net"]
    assert names(sort="parameters", order="desc")[:3] == ["tiny net", "temporal net", "motion graph"]


def test_pages_hold_every_row_once() -> None:
    whole = board_state([example_result(f"m{n}", {"alpha": 0.5 + n / 1000}, number=n, people=6) for n in range(250)])
    pages = [table_page(whole, Query(page=number)) for number in (1, 2, 3)]
    rows = [row.digest for page in pages if page for row in page.rows]
    assert len(rows) == len(set(rows)) == 250
    assert pages[0] is not None
    assert (len(pages[0].rows), pages[0].pages) == (PAGE_ROWS, 3)


@pytest.mark.parametrize(
    "values",
    [
        {"page": "-1"},
        {"page": "9" * 400},
        {"page": "²"},
        {"page": "1; DROP TABLE results"},
        {"sort": "'; --", "order": "sideways"},
        {"data": "' OR 1=1"},
        {"generator": "../../etc/passwd"},
    ],
)
def test_what_cannot_be_understood_counts_as_absent(values: dict[str, str]) -> None:
    assert names(**values) == names()


def test_an_address_says_again_what_was_read_from_it() -> None:
    values = {"board": "b", "q": "a b", "data": "open", "sort": "date", "order": "asc", "page": "3", "generator": ""}
    query = Query.from_parameters(values)
    assert query.to_parameters() == "board=b&generator=&data=open&q=a+b&sort=date&order=asc&page=3"
    assert Query.from_parameters({}).to_parameters() == ""
