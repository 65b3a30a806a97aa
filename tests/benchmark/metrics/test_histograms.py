"""Both kinds of scores share bins, and no trial is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.metrics.histograms import histogram

scores = hnp.arrays(
    np.float64, st.integers(1, 40), elements=st.one_of(st.floats(-1e12, 1e12), st.just(-np.inf), st.just(0.1))
)


@settings(max_examples=150, deadline=None)
@given(scores, scores)
def test_every_trial_is_counted_once(genuine: np.ndarray, impostor: np.ndarray) -> None:
    found = histogram(genuine, impostor, 20)
    assert len(found.edges) == 21
    assert np.all(np.diff(found.edges) > 0)
    assert found.genuine.sum() + found.genuine_no_match == len(genuine)
    assert found.impostor.sum() + found.impostor_no_match == len(impostor)


@pytest.mark.parametrize("value", [0.0, 1e15, -1e-300])
def test_constant_scores_fall_in_one_bin(value: float) -> None:
    found = histogram(np.full(3, value), np.full(5, value), 11)
    assert np.flatnonzero(found.genuine).tolist() == np.flatnonzero(found.impostor).tolist() == [5]
