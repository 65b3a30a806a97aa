"""Low rates need many impostors and many people."""

from __future__ import annotations

import pytest

from benchmark.metrics.thresholds import fmr_support
from nvfair_tools.errors import NvfairError


@pytest.mark.parametrize(("target", "need", "people"), [(0.1, 100, 10), (0.01, 1000, 100), (0.001, 10_000, 1000)])
def test_ten_false_matches_and_as_many_pairs_of_people_are_needed(target: float, need: int, people: int) -> None:
    assert fmr_support(need, people, target).supported
    few = fmr_support(need - 1, people, target)
    assert not few.supported
    assert str(need) in few.reason
    alike = fmr_support(10 * need, people - 1, target)
    assert not alike.supported
    assert "pairs of people" in alike.reason


def test_trials_do_not_make_up_for_people() -> None:
    """NVFAIR's 35 test people: all drivers on all faces, drivers within their collections (10, 6, 19), ten people."""
    assert fmr_support(2_600_000, 35 * 34, 0.001).supported
    within = 10 * 9 + 6 * 5 + 19 * 18
    assert fmr_support(2_600_000, within, 0.01).supported
    assert not fmr_support(2_600_000, within, 0.001).supported
    assert not fmr_support(2_600_000, 10 * 9, 0.01).supported


def test_a_target_that_is_no_rate_is_refused() -> None:
    with pytest.raises(NvfairError, match="not a rate"):
        fmr_support(10, 10, 0.0)
