"""Worst tenth and groups of people."""

from __future__ import annotations

import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics.subgroups import compare_subgroups, demographic_values, worst_decile_auc
from nvfair_tools.errors import NvfairError


@given(st.lists(st.floats(0, 1), min_size=1, max_size=45))
def test_the_worst_decile_is_the_mean_of_the_lowest_tenth_rounded_up(values: list[float]) -> None:
    count = -(-len(values) // 10)
    assert worst_decile_auc({str(n): v for n, v in enumerate(values)}) == pytest.approx(
        sum(sorted(values)[:count]) / count
    )


def test_nobody_has_no_worst_decile() -> None:
    with pytest.raises(NvfairError, match="no person"):
        worst_decile_auc({})


def test_gaps_are_between_groups_of_enough_people() -> None:
    areas = {f"p{n}": 0.9 for n in range(5)} | {f"q{n}": 0.7 for n in range(5)} | {"r": 0.1, "s": 0.5}
    values = {f"p{n}": "x" for n in range(5)} | {f"q{n}": "y" for n in range(5)} | {"r": "z", "s": None}
    result = compare_subgroups(areas, values)
    assert {name: (g.people, g.supported) for name, g in result.groups.items()} == {
        "x": (5, True),
        "y": (5, True),
        "z": (1, False),
    }
    assert result.gap == pytest.approx(0.2)
    assert (result.best, result.worst, result.unknown) == ("x", "y", 1)


def test_one_supported_group_has_no_gap() -> None:
    assert math.isnan(compare_subgroups(dict.fromkeys("abcdef", 0.8), dict.fromkeys("abcdef", "x")).gap)


def test_demographics_are_columns_in_which_somebody_said_something() -> None:
    table = pd.DataFrame({"identity": ["a:1", "a:2"], "gender": ["x", None], "age": [None, None]})
    assert demographic_values(table) == {"gender": {"a:1": "x", "a:2": None}}
