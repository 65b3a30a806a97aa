"""Two methods on the same trials: shared weights, honest refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

from benchmark.metrics.intervals import GroupedScores, mean_auc_interval, pair_statistics, people_weights
from benchmark.metrics.paired_differences import (
    paired_mean_difference,
    paired_person_difference,
    paired_pooled_difference,
    squared_half_width_per_sum_of_squares,
)
from nvfair_tools.errors import NvfairError
from tests.benchmark.metrics.test_intervals import of_target

PEOPLE = 8


def methods(noise: float, seed: int = 0) -> tuple[GroupedScores, GroupedScores]:
    """Targets differ much in ease, for both methods alike; the second adds noise."""
    rng = np.random.default_rng(seed)
    genuine = np.repeat(np.arange(PEOPLE), 40)
    target, driver = np.divmod(np.arange(PEOPLE * PEOPLE), PEOPLE)
    target, driver = (np.repeat(x[target != driver], 12) for x in (target, driver))
    ease = np.linspace(0, 3, PEOPLE)
    own, other = rng.normal(ease[genuine], 1), rng.normal(0, 1, len(target))
    people = np.stack([genuine] * 3, axis=1), np.stack([target, target, driver], axis=1)
    first = GroupedScores(own, other, *people)
    return first, replace(
        first,
        genuine=own + noise * rng.normal(size=len(own)),
        impostor=other + noise * rng.normal(size=len(other)),
    )


def targets(scores: GroupedScores) -> list:
    return [(k, pair_statistics(of_target(scores, k))) for k in range(PEOPLE)]


WEIGHTS = people_weights(PEOPLE, 400, seed=1)


def test_the_difference_is_that_of_the_figures_and_changes_sign_with_the_order() -> None:
    first, second = methods(1.0)
    result = paired_mean_difference(targets(first), targets(second), WEIGHTS, 0.95)
    a, b = (mean_auc_interval(targets(x), WEIGHTS, 0.95) for x in (first, second))
    assert result.value == pytest.approx(a.value - b.value)
    assert 0 < result.low < result.value < result.high
    assert result.superiority == 1.0
    turned = paired_mean_difference(targets(second), targets(first), WEIGHTS, 0.95)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-result.value, -result.high, -result.low))
    assert turned.superiority == 0.0


def test_pairing_is_much_sharper_than_two_intervals_side_by_side() -> None:
    first, second = methods(0.5)
    result = paired_mean_difference(targets(first), targets(second), WEIGHTS, 0.95)
    alone = mean_auc_interval(targets(first), WEIGHTS, 0.95)
    assert result.high - result.low < 0.5 * (alone.high - alone.low)


def test_a_method_against_itself_has_no_difference_and_no_interval() -> None:
    first, _ = methods(0.0)
    result = paired_mean_difference(targets(first), targets(first), WEIGHTS, 0.95)
    assert result.value == 0
    assert np.isnan(result.low)
    assert "same figure" in result.reason


def test_pooled_differences_follow_the_same_weights() -> None:
    first, second = (pair_statistics(x) for x in methods(1.0))
    result = paired_pooled_difference(first, second, WEIGHTS, 0.95)
    assert result.value == pytest.approx(first.auc - second.auc)
    assert result.low < result.value < result.high
    assert result.people == PEOPLE


def test_few_people_get_no_interval() -> None:
    first, second = (targets(x)[:4] for x in methods(1.0))
    result = paired_mean_difference(first, second, WEIGHTS, 0.95)
    assert np.isnan([result.low, result.high, result.superiority]).all()
    assert result.reason.startswith("4 people")


def test_other_trials_or_targets_are_refused() -> None:
    first, second = methods(1.0)
    fewer = replace(second, genuine=second.genuine[1:], genuine_people=second.genuine_people[1:])
    with pytest.raises(NvfairError, match="target number 0: the two methods were not scored on the same trials"):
        paired_mean_difference(targets(first), targets(fewer), WEIGHTS, 0.95)
    with pytest.raises(NvfairError, match="8 and 7 targets"):
        paired_mean_difference(targets(first), targets(second)[1:], WEIGHTS, 0.95)
    with pytest.raises(NvfairError, match="not scored on the same trials"):
        paired_pooled_difference(pair_statistics(first), pair_statistics(fewer), WEIGHTS, 0.95)


def test_the_interval_over_peoples_figures_is_that_of_resampling_them_within_their_strata() -> None:
    rng = np.random.default_rng(4)
    strata = np.repeat([0, 1], [8, 12])
    first = rng.uniform(0.6, 0.9, 20) + 0.2 * strata
    second = rng.uniform(0.5, 0.9, 20)
    difference = paired_person_difference(first, second, 0.95, strata)
    # Resampled by hand: each stratum keeps its number of people, and its variance gets its small-sample factor.
    error = 0.0
    for stratum, size in ((0, 8), (1, 12)):
        members = (first - second)[strata == stratum]
        sums = members[rng.integers(0, size, (40_000, size))].sum(axis=1)
        error += sums.var() * size / (size - 1)
    half_width = stats.t.ppf(0.975, 20 - 2) * error**0.5 / 20
    assert difference.high - difference.value == pytest.approx(half_width, rel=0.02)
    assert difference.value - difference.low == pytest.approx(half_width, rel=0.02)


def test_many_methods_are_compared_by_the_very_same_interval() -> None:
    rng = np.random.default_rng(5)
    first, second = rng.uniform(0.6, 0.9, (2, 15))
    difference, each = paired_person_difference(first, second, 0.95), first - second
    squares = np.square(each - each.mean()).sum()
    half_width = (squared_half_width_per_sum_of_squares(15, 0.95) * squares) ** 0.5
    assert difference.high - difference.value == pytest.approx(half_width, abs=1e-12)


def test_with_five_people_there_is_no_interval_and_a_reason() -> None:
    difference = paired_person_difference(np.full(5, 0.9), np.full(5, 0.1), 0.95)
    assert np.isnan(difference.low)
    assert difference.value == pytest.approx(0.8)
    assert "5 people" in difference.reason
    assert not difference.excludes_zero
