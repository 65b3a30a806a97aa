"""Bands by counts equal curves of repeated trials; both kinds of scores share bins, and no trial is lost."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from benchmark.metrics import roc
from benchmark.metrics.curves import roc_band, score_histogram
from benchmark.metrics.intervals import GroupedScores, people_weights

PEOPLE = 7
GRID = np.array([0.0, 0.01, 0.05, 0.1, 0.3, 0.7, 1.0])


def trials(seed: int = 0) -> GroupedScores:
    rng = np.random.default_rng(seed)
    genuine = np.repeat(np.arange(PEOPLE), 9)
    target, driver = np.divmod(np.arange(PEOPLE * PEOPLE), PEOPLE)
    target, driver = (np.repeat(x[target != driver], 5) for x in (target, driver))
    return GroupedScores(
        np.round(rng.normal(1.2, 1, len(genuine)), 1),
        np.round(rng.normal(0, 1, len(target)), 1),
        np.stack([genuine] * 3, axis=1),
        np.stack([target, target, driver], axis=1),
    )


def test_the_curve_on_the_grid_is_tpr_at_fmr() -> None:
    scores = trials()
    result = roc_band([scores], people_weights(PEOPLE, 20, 0), 0.9, GRID)
    for fmr, tpr in zip(GRID, result.tpr, strict=True):
        assert tpr == pytest.approx(roc.tpr_at_fmr(scores.genuine, scores.impostor, fmr))


def test_bands_equal_quantiles_over_repeated_trials() -> None:
    scores, weights = trials(1), people_weights(PEOPLE, 60, 3)
    samples = []
    for w in weights.astype(int):
        genuine = np.repeat(scores.genuine, w[scores.genuine_people[:, 0]])
        impostor = np.repeat(scores.impostor, w[scores.impostor_people[:, 0]] * w[scores.impostor_people[:, 2]])
        samples.append([roc.tpr_at_fmr(genuine, impostor, x) for x in GRID])
    low, high = np.quantile(samples, [0.05, 0.95], axis=0)
    result = roc_band([scores], weights, 0.9, GRID)
    np.testing.assert_allclose(result.low, low, atol=1e-12)
    np.testing.assert_allclose(result.high, high, atol=1e-12)


def test_parts_are_one_pot() -> None:
    scores, weights = trials(2), people_weights(PEOPLE, 30, 1)
    halves = [
        GroupedScores(
            scores.genuine[at::2], scores.impostor[at::2], scores.genuine_people[at::2], scores.impostor_people[at::2]
        )
        for at in (0, 1)
    ]
    whole, parts = roc_band([scores], weights, 0.9, GRID), roc_band(halves, weights, 0.9, GRID)
    np.testing.assert_allclose(parts.low, whole.low)
    np.testing.assert_allclose(parts.high, whole.high)


def test_thresholds_on_a_grid_err_to_the_low_side_by_little() -> None:
    rng = np.random.default_rng(4)
    scores = GroupedScores(
        rng.normal(1.5, 1, 20_000),
        rng.normal(0, 1, 200_000),
        np.repeat(rng.integers(0, 9, 20_000)[:, None], 3, axis=1),
        np.sort(rng.integers(0, 9, (200_000, 3)), axis=1),
    )
    result = roc_band([scores], people_weights(9, 10, 0), 0.9)
    for fmr, tpr in zip(result.fmr, result.tpr, strict=True):
        exact = roc.tpr_at_fmr(scores.genuine, scores.impostor, float(fmr))
        assert exact - 0.01 <= tpr <= exact + 1e-12


def test_no_match_is_never_accepted_before_all_are() -> None:
    scores = trials(3)
    scores.genuine[:30] = -np.inf
    result = roc_band([scores], people_weights(PEOPLE, 20, 0), 0.9, np.array([0.5, 1.0]))
    assert result.tpr[0] <= 1 - 30 / len(scores.genuine)
    assert result.tpr[1] == 1.0


def test_few_people_get_no_band() -> None:
    scores = trials()
    weights = np.zeros((50, PEOPLE))
    weights[:, :4] = people_weights(4, 50, 0)
    result = roc_band([scores], weights, 0.9, GRID)
    assert np.isnan(result.low).all()
    assert result.reason.startswith("4 people")
    assert not np.isnan(result.tpr).any()


any_scores = hnp.arrays(
    np.float64, st.integers(1, 40), elements=st.one_of(st.floats(-1e12, 1e12), st.just(-np.inf), st.just(0.1))
)


@settings(max_examples=150, deadline=None)
@given(any_scores, any_scores)
def test_every_trial_is_counted_once(genuine: np.ndarray, impostor: np.ndarray) -> None:
    result = score_histogram(genuine, impostor, 20)
    assert len(result.edges) == 21
    assert np.all(np.diff(result.edges) > 0)
    assert result.genuine.sum() + result.genuine_no_match == len(genuine)
    assert result.impostor.sum() + result.impostor_no_match == len(impostor)


@pytest.mark.parametrize("value", [0.0, 1e15, -1e-300])
def test_constant_scores_fall_in_one_bin(value: float) -> None:
    result = score_histogram(np.full(3, value), np.full(5, value), 11)
    assert np.flatnonzero(result.genuine).tolist() == np.flatnonzero(result.impostor).tolist() == [5]
