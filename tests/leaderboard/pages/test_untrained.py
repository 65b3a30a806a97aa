"""What pages call trained on nothing, and what undeclared."""

from __future__ import annotations

from typing import Any

import pytest

from leaderboard.pages.method_page import method_page_values
from leaderboard.ranking.board_state import board_state
from leaderboard.ranking.records import record_of
from tests.leaderboard.example_results import example_result

ENTRY = {"protocol": "nvfair-unseen", "embeddings": "e.parquet", "trained_on_generators": []}


@pytest.mark.parametrize(
    ("training", "text"),
    [
        ({"people": [], "generators": []}, "nothing"),
        ({"people": "unknown", "generators": []}, "not declared"),
        ({"people": ["toy:01"], "generators": []}, "not declared"),
        ({"people": [], "generators": "unknown"}, "not declared"),
    ],
)
def test_a_method_is_trained_on_nothing_where_its_declaration_says_so(training: dict[str, Any], text: str) -> None:
    declared = {"training": {"datasets": [], "data": "open", **training}, "entries": [ENTRY]}
    result = example_result("size of motion", {"alpha": 0.6}, protocol="nvfair-unseen", declared=declared)
    assert record_of(result).is_untrained == (text == "nothing")
    values = method_page_values(board_state([result]), result.digest, with_comparisons=False)
    assert values is not None
    assert [name for matrix in values["matrices"] for name, _ in matrix["rows"]] == [text]
