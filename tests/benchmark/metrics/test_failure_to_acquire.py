"""Trials that failed count as rejected."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.metrics import roc
from benchmark.metrics.failure_to_acquire import FailedTrials, add_failed_trials, count_failed_trials, generalised_rates
from benchmark.metrics.thresholds import error_rates_at
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError

GENUINE, IMPOSTOR = np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.5, 2.5, 0.5])


@given(st.integers(0, 9), st.integers(0, 9), st.floats(-1, 4))
def test_the_standards_formulas_equal_scores_that_match_nobody(genuine: int, impostor: int, threshold: float) -> None:
    failed = FailedTrials(genuine, impostor)
    formula = generalised_rates(GENUINE, IMPOSTOR, failed, threshold)
    plain = error_rates_at(*add_failed_trials(GENUINE, IMPOSTOR, failed), threshold)
    assert (formula.gfar, formula.gfrr) == pytest.approx((plain.fmr, plain.fnmr))


def test_refusing_hard_genuine_trials_no_longer_pays() -> None:
    """Leaving out the one genuine trial that is below an impostor would make the area whole."""
    assert roc.auc(GENUINE[2:], IMPOSTOR) == 1.0
    assert roc.auc(*add_failed_trials(GENUINE[2:], IMPOSTOR, FailedTrials(genuine=2))) < roc.auc(GENUINE, IMPOSTOR)


def test_failed_trials_are_requested_trials_without_scores() -> None:
    requested = [
        TargetTrials("a", "g", np.zeros((5, 2)), np.zeros((7, 2))),
        TargetTrials("b", "g", *[np.zeros((1, 2))] * 2),
    ]
    scored = [TargetTrials("a", "g", np.zeros((3, 2)), np.zeros((7, 2)))]
    assert count_failed_trials(requested, scored) == FailedTrials(3, 1)
    with pytest.raises(NvfairError, match="target b has scores"):
        count_failed_trials(scored, requested)
    with pytest.raises(NvfairError, match="-1 genuine"):
        FailedTrials(genuine=-1)


def test_clips_drawn_in_place_of_failed_ones_make_no_negative_count() -> None:
    requested = [TargetTrials("a", "g", np.zeros((5, 2)), np.zeros((7, 2)))]
    scored = [TargetTrials("a", "g", np.zeros((6, 2)), np.zeros((4, 2)))]
    assert count_failed_trials(requested, scored) == FailedTrials(0, 3)
    assert count_failed_trials([], []) == FailedTrials()
