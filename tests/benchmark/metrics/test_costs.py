"""Detection costs against a search over thresholds; Cllr against scikit-learn and against the formula."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

from benchmark.metrics import roc
from benchmark.metrics.costs import Calibration, Costs, affine_calibration, cllr, cllr_min, convex_hull, min_dcf
from nvfair_tools.errors import NvfairError

tied = hnp.arrays(np.float64, st.integers(1, 40), elements=st.integers(-4, 4).map(float))


def isotonic_cllr(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """By scikit-learn's isotonic regression, posteriors turned into likelihood ratios."""
    labels = np.repeat([1.0, 0.0], [len(genuine), len(impostor)])
    posterior = IsotonicRegression().fit_transform(np.concatenate([genuine, impostor]), labels)
    # Blocks of one class have posterior 0 or 1 but for rounding.
    posterior = np.where(posterior < 1e-12, 0, np.where(posterior > 1 - 1e-12, 1, posterior))
    ratio = np.full(len(posterior), np.inf)
    some = posterior < 1
    ratio[some] = posterior[some] / (1 - posterior[some]) * len(impostor) / len(genuine)
    own, other = ratio[: len(genuine)], ratio[len(genuine) :]
    return float((np.mean(np.log2(1 + 1 / own)) + np.mean(np.log2(1 + other))) / 2)


@settings(max_examples=200, deadline=None)
@given(tied, tied)
def test_the_minimum_equals_isotonic_regression_with_ties(genuine: np.ndarray, impostor: np.ndarray) -> None:
    assert cllr_min(roc.roc_curve(genuine, impostor)) == pytest.approx(isotonic_cllr(genuine, impostor), abs=1e-9)


def test_the_minimum_equals_isotonic_regression_on_many_scores() -> None:
    rng = np.random.default_rng(1)
    genuine, impostor = rng.normal(1, 1, 2000), rng.normal(0, 1, 9000)
    assert cllr_min(roc.roc_curve(genuine, impostor)) == pytest.approx(isotonic_cllr(genuine, impostor), abs=1e-9)


def test_true_likelihood_ratios_cost_hardly_more_than_the_minimum() -> None:
    """N(1, 1) against N(0, 1): the log-likelihood ratio is x - 1/2."""
    rng = np.random.default_rng(2)
    genuine, impostor = rng.normal(1, 1, 40_000) - 0.5, rng.normal(0, 1, 40_000) - 0.5
    least = cllr_min(roc.roc_curve(genuine, impostor))
    assert least <= cllr(genuine, impostor) < least + 0.005


def test_knowing_nothing_costs_one_bit_and_a_sure_error_is_beyond_price() -> None:
    assert cllr(np.zeros(4), np.zeros(9)) == pytest.approx(1.0)
    assert cllr_min(roc.roc_curve(np.zeros(4), np.zeros(9))) == pytest.approx(1.0)
    assert cllr_min(roc.roc_curve(np.ones(4), np.zeros(9))) == 0.0
    assert cllr_min(roc.roc_curve(np.zeros(4), np.ones(9))) == pytest.approx(1.0)  # no decreasing map is allowed
    assert cllr(np.array([0.0, -np.inf]), np.zeros(3)) == np.inf
    assert cllr(np.array([1000.0]), np.array([-1000.0])) == 0.0


@settings(max_examples=100, deadline=None)
@given(tied, tied)
def test_the_hull_lies_on_or_above_the_curve_and_is_concave(genuine: np.ndarray, impostor: np.ndarray) -> None:
    curve = roc.roc_curve(genuine, impostor)
    x, y = convex_hull(curve)
    assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
    for fmr, tpr in zip(curve.fmr, curve.tpr, strict=True):
        assert tpr <= max(y[x <= fmr].max(), np.interp(fmr, x, y)) + 1e-12
    assert np.all(np.diff(x)[:-1] * np.diff(y)[1:] <= np.diff(x)[1:] * np.diff(y)[:-1] + 1e-12)


def test_the_affine_map_equals_scikit_learns_logistic_regression() -> None:
    rng = np.random.default_rng(5)
    genuine, impostor = rng.normal(-0.9, 0.2, 4000), rng.normal(-1.3, 0.3, 30_000)
    result = affine_calibration(genuine, impostor)
    labels = np.repeat([1, 0], [4000, 30_000])
    theirs = LogisticRegression(C=np.inf, class_weight="balanced", tol=1e-10)
    theirs.fit(np.concatenate([genuine, impostor])[:, None], labels)
    assert result.scale == pytest.approx(theirs.coef_[0, 0], rel=0.01)
    assert result.offset == pytest.approx(theirs.intercept_[0], rel=0.01)


def test_separable_constant_and_reversed_scores_have_a_finite_map() -> None:
    assert np.isfinite(list(vars(affine_calibration(np.array([1.0, 2.0]), np.array([-1.0, 0.0]))).values())).all()
    constant = affine_calibration(np.zeros(3), np.zeros(5))
    assert cllr(constant(np.zeros(3)), constant(np.zeros(5))) == pytest.approx(1.0, abs=1e-6)
    turned = affine_calibration(np.zeros(50), np.ones(50))
    assert turned.scale == 0.0
    assert Calibration(2.0, 1.0)(np.array([-np.inf, 1.0])).tolist() == [-np.inf, 3.0]
    with pytest.raises(NvfairError, match="nothing to calibrate"):
        affine_calibration(np.array([-np.inf]), np.zeros(3))


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
    assert min_dcf(roc.roc_curve(genuine, impostor), costs) == pytest.approx(min(every))
    assert 0 <= min(every) <= 1 + 1e-12


def test_looking_at_nothing_costs_one_and_knowing_all_nothing() -> None:
    assert min_dcf(roc.roc_curve(np.zeros(3), np.zeros(3))) == 1.0
    assert min_dcf(roc.roc_curve(np.ones(3), np.zeros(3))) == 0.0


@pytest.mark.parametrize("wrong", [{"prior": 0.0}, {"prior": 1.0}, {"miss": 0.0}, {"false_alarm": -1.0}])
def test_costs_that_are_none_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(NvfairError, match="is not a"):
        Costs(**wrong)
