"""Metrics against scikit-learn, against published code's values, and by their properties."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import roc_auc_score, roc_curve

from benchmark.metrics import roc
from nvfair_tools.errors import NvfairError

# Few distinct values, so that ties are common.
tied = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(-4, 4).map(float))
free = hnp.arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e6, 1e6))


def brute_auc(genuine: np.ndarray, impostor: np.ndarray) -> float:
    wins = 0.0
    for g in genuine:
        for i in impostor:
            wins += 1.0 if g > i else 0.5 if g == i else 0.0
    return wins / (len(genuine) * len(impostor))


def brute_tpr(genuine: np.ndarray, impostor: np.ndarray, target: float) -> float:
    best = 0.0
    for threshold in [*np.unique(np.concatenate([genuine, impostor])), np.inf]:
        if np.mean(impostor >= threshold) <= target:
            best = max(best, float(np.mean(genuine >= threshold)))
    return best


@pytest.mark.parametrize("kind", ["float32", "float64"])
@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_auc_equals_scikit_learn_with_and_without_ties(kind: str, decimals: int) -> None:
    rng = np.random.default_rng(decimals)
    genuine = np.round(rng.normal(0.7, 1, 3000), decimals).astype(kind)
    impostor = np.round(rng.normal(0, 1, 20000), decimals).astype(kind)
    labels = np.repeat([1, 0], [3000, 20000])
    expected = roc_auc_score(labels, np.concatenate([genuine, impostor]))
    assert abs(roc.auc(genuine, impostor) - expected) < 1e-9
    assert abs(roc.auc(impostor, genuine) - (1 - expected)) < 1e-9


def test_roc_equals_scikit_learn_point_by_point() -> None:
    rng = np.random.default_rng(1)
    genuine, impostor = np.round(rng.normal(1, 1, 200), 1), np.round(rng.normal(0, 1, 900), 1)
    fpr, tpr, threshold = roc_curve(
        np.repeat([1, 0], [200, 900]), np.concatenate([genuine, impostor]), drop_intermediate=False
    )
    curve = roc.roc_curve(genuine, impostor)
    np.testing.assert_allclose(curve.fmr, fpr, atol=1e-12)
    np.testing.assert_allclose(curve.tpr, tpr, atol=1e-12)
    np.testing.assert_array_equal(curve.threshold[1:], threshold[1:])


@settings(max_examples=150, deadline=None)
@given(tied, tied)
def test_auc_equals_counting_pairs(genuine: np.ndarray, impostor: np.ndarray) -> None:
    assert roc.auc(genuine, impostor) == pytest.approx(brute_auc(genuine, impostor), abs=1e-12)


@settings(max_examples=100, deadline=None)
@given(free, free, st.randoms(use_true_random=False))
def test_order_of_trials_changes_no_figure(genuine: np.ndarray, impostor: np.ndarray, random) -> None:
    g, i = list(genuine), list(impostor)
    random.shuffle(g)
    random.shuffle(i)
    assert roc.auc(np.array(g), np.array(i)) == roc.auc(genuine, impostor)
    assert roc.equal_error_rate(roc.roc_curve(np.array(g), np.array(i))) == roc.equal_error_rate(
        roc.roc_curve(genuine, impostor)
    )
    assert roc.tpr_at_fmr(np.array(g), np.array(i), 0.2) == roc.tpr_at_fmr(genuine, impostor, 0.2)


@settings(max_examples=100, deadline=None)
@given(tied, tied)
def test_exchanging_roles_and_signs_leaves_the_area(genuine: np.ndarray, impostor: np.ndarray) -> None:
    assert roc.auc(-impostor, -genuine) == pytest.approx(roc.auc(genuine, impostor), abs=1e-12)
    assert roc.auc(impostor, genuine) == pytest.approx(1 - roc.auc(genuine, impostor), abs=1e-12)


@settings(max_examples=150, deadline=None)
@given(tied, tied, st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 0.9, 1.0]))
def test_tpr_is_the_best_at_an_fmr_that_does_not_exceed_the_target(
    genuine: np.ndarray, impostor: np.ndarray, target: float
) -> None:
    assert roc.tpr_at_fmr(genuine, impostor, target) == pytest.approx(brute_tpr(genuine, impostor, target))


@settings(max_examples=150, deadline=None)
@given(tied, tied)
def test_eer_bracket_holds_the_value_and_lies_between_neighbouring_points(
    genuine: np.ndarray, impostor: np.ndarray
) -> None:
    curve = roc.roc_curve(genuine, impostor)
    rate = roc.equal_error_rate(curve)
    assert 0 <= rate.low <= rate.value <= rate.high <= 1
    points = set(zip(np.round(curve.fmr, 12), np.round(curve.fnmr, 12), strict=True))
    low, high = round(rate.low, 12), round(rate.high, 12)
    assert (low, high) in points or (high, low) in points


def test_tpr_counts_whole_impostors_despite_binary_fractions() -> None:
    impostor = np.arange(100.0)
    genuine = np.array([70.5, 71.5])  # 29 impostors lie above 70.5, 28 above 71.5
    assert roc.tpr_at_fmr(genuine, impostor, 0.29) == 1.0
    assert roc.tpr_at_fmr(genuine, impostor, 0.28) == 0.5


def test_constant_scores_are_chance_with_the_widest_bracket() -> None:
    genuine, impostor = np.zeros(7), np.zeros(31)
    assert roc.auc(genuine, impostor) == 0.5
    assert roc.equal_error_rate(roc.roc_curve(genuine, impostor)) == roc.Eer(0.5, 0.0, 1.0)
    assert roc.tpr_at_fmr(genuine, impostor, 0.1) == 0.0


def test_perfect_scores_have_no_error() -> None:
    assert roc.equal_error_rate(roc.roc_curve(np.array([2.0, 3.0]), np.array([0.0, 1.0]))).value == 0.0


def test_nan_is_refused_naming_the_trial() -> None:
    scores = np.array([0.0, 1.0, np.nan])
    with pytest.raises(NvfairError, match=r"genuine trial a\|b"):
        roc.checked_scores(scores, "genuine", ["x", "y", "a|b"].__getitem__)
    for function in (roc.auc, roc.roc_curve):
        with pytest.raises(NvfairError, match="impostor trial number 2"):
            function(np.zeros(2), scores)


def test_infinite_scores_are_ranked() -> None:
    assert roc.auc(np.array([0.0, -np.inf]), np.array([-1.0, -np.inf])) == pytest.approx((1 + 1 + 0 + 0.5) / 4)


def test_no_trials_is_an_error_not_a_figure() -> None:
    with pytest.raises(NvfairError, match="no genuine"):
        roc.auc(np.array([]), np.zeros(3))
    with pytest.raises(NvfairError, match="no target"):
        roc.mean_auc_over_targets({})


def test_thinning_keeps_ends_and_points_of_the_curve() -> None:
    rng = np.random.default_rng(0)
    curve = roc.roc_curve(rng.normal(1, 1, 4000), rng.normal(0, 1, 9000))
    few = roc.thin_curve(curve, 100)
    assert len(few.fmr) <= 402
    assert (few.fmr[0], few.tpr[0], few.fmr[-1], few.tpr[-1]) == (0, 0, 1, 1)
    assert np.isin(few.threshold, curve.threshold).all()
    assert np.all(np.diff(few.fmr) >= 0)
    assert np.all(np.diff(few.tpr) >= 0)


def test_pooled_figures_of_published_code(shared: Path) -> None:
    golden = np.load(shared / "protocols" / "metric_golden.npz")
    scores, labels = golden["pooled_scores"], golden["pooled_labels"] == 1
    assert abs(roc.auc(scores[labels], scores[~labels]) - float(golden["pooled_auc"])) < 1e-9
    curve = roc.roc_curve(scores[labels], scores[~labels])
    rate = roc.equal_error_rate(curve)
    assert rate.low - 1e-9 <= float(golden["pooled_eer"]) <= rate.high + 1e-9
    assert abs(roc.nearest_fmr(curve) - float(golden["pooled_eer"])) < 1e-9


def test_auc_of_each_target_is_that_of_published_code(shared: Path) -> None:
    """To 1e-9, but for trials that are nearer to each other than float32, in which they were scored there, can tell."""
    golden = np.load(shared / "protocols" / "metric_golden.npz")
    rows = golden["embeddings"].astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    distances = np.linalg.norm(rows[:, None] - rows[None], axis=2)
    exact = 0
    for number, target in enumerate(np.unique(golden["target"])):
        on_face = golden["target"] == target
        own, others = np.flatnonzero(on_face & golden["is_self"]), np.flatnonzero(on_face & ~golden["is_self"])
        first, second = np.triu_indices(len(own), 1)
        genuine, impostor = -distances[own[first], own[second]], -distances[np.ix_(own, others)].ravel()
        gaps = np.abs(genuine[:, None] - impostor)
        undecided = np.count_nonzero((gaps > 0) & (gaps < 1e-6)) / gaps.size
        exact += undecided == 0
        assert abs(roc.auc(genuine, impostor) - golden["per_target_auc"][number]) <= undecided + 1e-9
        assert undecided < 1e-3
    assert exact >= 6
