"""Detection costs against a plain search over thresholds."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.metrics import roc as metrics
from benchmark.metrics.detection_cost import Costs, actual_dcf, min_dcf
from benchmark.metrics.thresholds import rates_at
from nvfair_tools.errors import NvfairError

tied = hnp.arrays(np.float64, st.integers(1, 30), elements=st.integers(-4, 4).map(float))


@settings(max_examples=100, deadline=None)
@given(tied, tied, st.sampled_from([0.001, 0.01, 0.5, 0.9]), st.sampled_from([0.5, 1.0, 10.0]))
def test_the_minimum_is_the_best_of_all_thresholds(
    genuine: np.ndarray, impostor: np.ndarray, prior: float, miss: float
) -> None:
    costs = Costs(prior, miss, 2.0)
    every = [
        (miss * prior * np.mean(genuine < threshold) + 2.0 * (1 - prior) * np.mean(impostor >= threshold))
        / min(miss * prior, 2.0 * (1 - prior))
        for threshold in [*np.unique(np.concatenate([genuine, impostor])), np.inf]
    ]
    assert min_dcf(metrics.roc(genuine, impostor), costs) == pytest.approx(min(every))
    assert 0 <= min(every) <= 1 + 1e-12
    for threshold in (-2.0, 0.5):
        assert actual_dcf(rates_at(genuine, impostor, threshold), costs) >= min(every) - 1e-12


def test_looking_at_nothing_costs_one_and_knowing_all_nothing() -> None:
    assert min_dcf(metrics.roc(np.zeros(3), np.zeros(3))) == 1.0
    assert min_dcf(metrics.roc(np.ones(3), np.zeros(3))) == 0.0


@pytest.mark.parametrize("wrong", [{"prior": 0.0}, {"prior": 1.0}, {"miss": 0.0}, {"false_alarm": -1.0}])
def test_costs_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NvfairError, match="is not a"):
        Costs(**wrong)
