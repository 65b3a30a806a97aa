"""What every metric must survive: monotone maps, one class missing, extremes, -inf; and the field's known mistakes."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.metrics import det_curve, roc_auc_score, roc_curve

from benchmark.metrics import roc
from benchmark.metrics.costs import affine_calibration, cllr, cllr_min, min_dcf
from benchmark.metrics.curves import score_histogram
from benchmark.metrics.thresholds import error_rates_at, threshold_at_eer, threshold_at_fmr
from nvfair_tools.errors import NvfairError

# Few distinct values, so that ties are common; "no match" among them.
scores = hnp.arrays(np.float64, st.integers(1, 40), elements=st.one_of(st.integers(-4, 4).map(float), st.just(-np.inf)))
RANKED: dict[str, Callable[[np.ndarray, np.ndarray], float]] = {
    "auc": roc.auc,
    "eer": lambda g, i: roc.equal_error_rate(roc.roc_curve(g, i)).value,
    "eer low": lambda g, i: roc.equal_error_rate(roc.roc_curve(g, i)).low,
    "tpr at 10 %": lambda g, i: roc.tpr_at_fmr(g, i, 0.1),
    "fnmr at 10 %": lambda g, i: error_rates_at(g, i, threshold_at_fmr(i, 0.1)).fnmr,
    "min dcf": lambda g, i: min_dcf(roc.roc_curve(g, i)),
    "cllr min": lambda g, i: cllr_min(roc.roc_curve(g, i)),
}
EVERY = {**RANKED, "cllr": cllr, "histogram": lambda g, i: float(score_histogram(g, i).genuine.sum())}


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=60, deadline=None)
@given(genuine=scores, impostor=scores, seed=st.integers(0, 9))
def test_the_order_of_trials_changes_nothing(name: str, genuine: np.ndarray, impostor: np.ndarray, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shuffled = EVERY[name](rng.permutation(genuine), rng.permutation(impostor))
    assert shuffled == pytest.approx(EVERY[name](genuine, impostor), abs=1e-12, nan_ok=False)


@pytest.mark.parametrize("name", RANKED)
@settings(max_examples=60, deadline=None)
@given(genuine=scores, impostor=scores)
def test_a_strictly_increasing_map_changes_no_figure_of_ranks(
    name: str, genuine: np.ndarray, impostor: np.ndarray
) -> None:
    assert RANKED[name](np.arctan(genuine / 3), np.arctan(impostor / 3)) == RANKED[name](genuine, impostor)


@pytest.mark.parametrize("name", EVERY)
@settings(max_examples=60, deadline=None)
@given(genuine=scores, impostor=scores)
def test_repeating_every_trial_changes_no_rate(name: str, genuine: np.ndarray, impostor: np.ndarray) -> None:
    times = 2 if name == "histogram" else 1
    result = EVERY[name](np.repeat(genuine, 2), np.repeat(impostor, 2))
    assert result == pytest.approx(times * EVERY[name](genuine, impostor), abs=1e-12)


@pytest.mark.parametrize("name", EVERY)
def test_a_missing_class_is_refused(name: str) -> None:
    with pytest.raises(NvfairError, match="no genuine"):
        EVERY[name](np.empty(0), np.zeros(3))
    with pytest.raises(NvfairError, match="no impostor"):
        EVERY[name](np.zeros(3), np.empty(0))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("name", EVERY)
def test_nan_and_plus_infinity_are_refused_with_the_trial(name: str, bad: float) -> None:
    """A peer's EER accepts NaN: it sorts somewhere and yields a number."""
    with pytest.raises(NvfairError, match="genuine trial number 1"):
        EVERY[name](np.array([0.0, bad, 1.0]), np.zeros(3))
    with pytest.raises(NvfairError, match="impostor trial number 2"):
        EVERY[name](np.zeros(3), np.array([0.0, -np.inf, bad]))


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
@pytest.mark.parametrize("name", RANKED)
def test_extreme_scores_have_the_figures_of_their_ranks(name: str, scale: float) -> None:
    rng = np.random.default_rng(0)
    genuine, impostor = rng.integers(-3, 6, 40).astype(float), rng.integers(-5, 4, 60).astype(float)
    assert RANKED[name](genuine * scale, impostor * scale) == RANKED[name](genuine, impostor)


@settings(max_examples=150, deadline=None)
@given(scores, scores)
def test_area_and_curves_equal_scikit_learn_with_ties(genuine: np.ndarray, impostor: np.ndarray) -> None:
    labels = np.repeat([1, 0], [len(genuine), len(impostor)])
    # scikit-learn takes no infinities: below every finite score is the same rank.
    both = np.maximum(np.concatenate([genuine, impostor]), -100)
    assert abs(roc.auc(genuine, impostor) - roc_auc_score(labels, both)) < 1e-9
    curve = roc.roc_curve(genuine, impostor)
    fpr, tpr, _ = roc_curve(labels, both, drop_intermediate=False)
    np.testing.assert_allclose(curve.fmr, fpr, atol=1e-12)
    np.testing.assert_allclose(curve.tpr, tpr, atol=1e-12)
    # Its DET curve begins and ends elsewhere between versions; its inner points lie on ours.
    fpr, fnr, _ = det_curve(labels, both)
    every = np.round(np.stack([curve.fmr, curve.fnmr], axis=1), 9)
    assert {tuple(x) for x in np.round(np.stack([fpr, fnr], axis=1), 9)} <= {tuple(x) for x in every}


@settings(max_examples=150, deadline=None)
@given(scores, scores, st.sampled_from([0.0, 0.01, 0.1, 0.25, 0.5, 1.0]))
def test_a_threshold_keeps_its_fmr_and_is_the_most_lenient_one(
    genuine: np.ndarray, impostor: np.ndarray, target: float
) -> None:
    threshold = threshold_at_fmr(impostor, target)
    result = error_rates_at(genuine, impostor, threshold)
    assert result.fmr <= target
    assert 1 - result.fnmr == pytest.approx(roc.tpr_at_fmr(genuine, impostor, target))
    if threshold > -np.inf:
        assert error_rates_at(genuine, impostor, math.nextafter(threshold, -math.inf)).fmr > target


@settings(max_examples=100, deadline=None)
@given(scores, scores)
def test_the_eer_threshold_gives_the_errors_of_the_bracket(genuine: np.ndarray, impostor: np.ndarray) -> None:
    rate = roc.equal_error_rate(roc.roc_curve(genuine, impostor))
    result = error_rates_at(genuine, impostor, threshold_at_eer(genuine, impostor))
    assert sorted((result.fmr, result.fnmr)) == pytest.approx([rate.low, rate.high], abs=1e-12)


def test_a_threshold_of_validation_may_miss_its_fmr_on_the_test_and_says_so() -> None:
    threshold = threshold_at_fmr(np.arange(100.0), 0.1)
    result = error_rates_at(np.array([95.0, 80.0]), np.arange(100.0) + 5, threshold)
    assert result.fmr == 0.15
    assert result.fnmr == 0.5


@pytest.mark.parametrize("target", [-0.1, 1.1, np.nan])
def test_a_target_that_is_no_rate_is_refused(target: float) -> None:
    with pytest.raises(NvfairError, match="not a rate"):
        threshold_at_fmr(np.zeros(3), target)
    with pytest.raises(NvfairError, match="not a number"):
        error_rates_at(np.zeros(2), np.zeros(2), np.nan)


def test_mistake_eer_row_by_row_depends_on_the_order_of_constant_scores() -> None:
    """The mistake: thresholds move one trial at a time through ties, so that the order of rows decides."""

    def row_by_row(labels: np.ndarray) -> float:
        fmr = np.cumsum(labels == 0) / np.sum(labels == 0)
        fnmr = 1 - np.cumsum(labels == 1) / np.sum(labels == 1)
        nearest = int(np.argmin(np.abs(fmr - fnmr)))
        return float((fmr[nearest] + fnmr[nearest]) / 2)

    rows = np.repeat([1, 0], 10)
    mistaken = {row_by_row(rows), row_by_row(rows[::-1]), row_by_row(np.tile([1, 0], 10))}
    assert len(mistaken) == 3
    for labels in (rows, rows[::-1], np.tile([1, 0], 10)):
        constant = np.zeros(len(labels))
        assert roc.equal_error_rate(roc.roc_curve(constant[labels == 1], constant[labels == 0])) == roc.Eer(
            0.5, 0.0, 1.0
        )


def test_mistake_the_nearest_fmr_exceeds_the_target() -> None:
    impostor = np.arange(100.0)
    impostor[98:] = 99.0  # 2 of 100 share the top score: FMR is 0, or 2 %
    genuine = np.array([99.0, 99.5, 50.0])
    curve = roc.roc_curve(genuine, impostor)
    nearest = int(np.argmin(np.abs(curve.fmr - 0.0101)))
    assert curve.fmr[nearest] > 0.0101
    assert curve.tpr[nearest] == pytest.approx(2 / 3)
    assert roc.tpr_at_fmr(genuine, impostor, 0.0101) == pytest.approx(1 / 3)


def test_calibrated_scores_are_never_better_than_the_minimum() -> None:
    rng = np.random.default_rng(3)
    genuine, impostor = rng.normal(-1, 0.3, 500), rng.normal(-1.4, 0.3, 5000)
    calibration = affine_calibration(genuine, impostor)
    least = cllr_min(roc.roc_curve(genuine, impostor))
    assert least < cllr(calibration(genuine), calibration(impostor)) < cllr(genuine, impostor)
