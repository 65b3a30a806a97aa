"""The difference of two methods on the same trials: one interval, from resamples or from people's figures."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import t, ttest_rel

from benchmark.metrics.intervals import GroupedScores, ResampledMean, pair_statistics, people_weights
from benchmark.metrics.paired_differences import (
    PairedDifference,
    error_terms,
    paired_mean_difference,
    paired_person_difference,
    paired_pooled_difference,
    resampled_mean_difference,
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
    a, b = (ResampledMean.of(targets(scores), WEIGHTS) for scores in (first, second))
    assert result.value == pytest.approx(a.value - b.value)
    assert 0 < result.low < result.value < result.high
    assert result.superiority == 1.0
    turned = paired_mean_difference(targets(second), targets(first), WEIGHTS, 0.95)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-result.value, -result.high, -result.low))
    assert turned.superiority == 0.0


def test_pairing_is_much_sharper_than_two_intervals_side_by_side() -> None:
    first, second = methods(0.5)
    result = paired_mean_difference(targets(first), targets(second), WEIGHTS, 0.95)
    alone = ResampledMean.of(targets(first), WEIGHTS).interval(0.95)
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


def test_two_resampled_means_have_the_difference_of_their_statistics() -> None:
    first, second = (targets(scores) for scores in methods(1.0))
    expected = paired_mean_difference(first, second, WEIGHTS, 0.95)
    means = [ResampledMean.of(statistics, WEIGHTS) for statistics in (first, second)]
    assert resampled_mean_difference(*means, 0.95) == expected


@pytest.mark.parametrize(("sign", "excludes"), [(1, True), (-1, True), (0, False)])
def test_an_interval_on_one_side_excludes_zero_and_a_missing_one_does_not(sign: int, excludes: bool) -> None:
    assert PairedDifference(0.2 * sign, 0.2 * sign - 0.1, 0.2 * sign + 0.1, np.nan, 9).excludes_zero == excludes
    assert not PairedDifference(0.2 * sign, np.nan, np.nan, np.nan, 3, "3 people").excludes_zero


def test_every_interval_stays_between_the_largest_differences() -> None:
    rng = np.random.default_rng(0)
    far_apart = paired_person_difference(rng.random(7), rng.random(7) - 0.9, 0.95)
    assert -1 <= far_apart.low <= far_apart.high <= 1
    assert far_apart.high == 1
    assert np.isnan(far_apart.superiority)


def pair_table(seed: int, people: int = 9) -> np.ndarray:
    """AUC of each target (row) against each driver (column), with effects of both; NaN for a person against himself."""
    rng = np.random.default_rng(seed)
    effects = rng.normal(0, 0.1, (people, 1)) + rng.normal(0, 0.1, people) + rng.normal(0, 0.05, (people, people))
    table = 0.7 + effects
    np.fill_diagonal(table, np.nan)
    return table


def person_aucs(table: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.nanmean(table, axis=1), np.nanmean(table, axis=0)


def test_the_error_of_peoples_figures_is_the_jackknife_that_leaves_out_a_person_in_both_roles() -> None:
    """Written out: every person is deleted from rows and columns, and the mean over targets is taken again."""
    first, second = pair_table(1), pair_table(2)
    people = len(first)
    others = [np.delete(np.arange(people), person) for person in range(people)]
    left_out = [np.nanmean(np.nanmean((first - second)[np.ix_(rest, rest)], axis=1)) for rest in others]
    error = np.sqrt((people - 1) / people * np.square(left_out - np.mean(left_out)).sum())
    (first_auc, first_impostor), (second_auc, second_impostor) = person_aucs(first), person_aucs(second)
    result = paired_person_difference(
        first_auc, second_auc, 0.95, first_as_impostor=first_impostor, second_as_impostor=second_impostor
    )
    assert result.value == pytest.approx(np.nanmean(first - second))
    half_width = t.ppf(0.975, people - 1) * error
    assert (result.low, result.high) == pytest.approx((result.value - half_width, result.value + half_width))


def test_where_drivers_make_no_difference_the_targets_own_deviation_is_nearly_the_same() -> None:
    rng = np.random.default_rng(3)
    first, second = rng.normal(0.8, 0.1, 30), rng.normal(0.7, 0.1, 30)
    alone = paired_person_difference(first, second, 0.95)
    equal_drivers = paired_person_difference(
        first, second, 0.95, first_as_impostor=np.full(30, 0.8), second_as_impostor=np.full(30, 0.7)
    )
    outside = ttest_rel(first, second).confidence_interval(0.95)
    assert (alone.low, alone.high) == pytest.approx((outside.low, outside.high))
    assert equal_drivers.high - equal_drivers.low == pytest.approx(29 / 28 * (alone.high - alone.low))


def test_terms_of_a_difference_are_the_difference_of_terms() -> None:
    (first, first_impostor), (second, second_impostor) = person_aucs(pair_table(1)), person_aucs(pair_table(2))
    of_difference = error_terms(first - second, first_impostor - second_impostor)
    np.testing.assert_allclose(
        error_terms(first, first_impostor) - error_terms(second, second_impostor), of_difference, atol=1e-15
    )


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
    half_width = t.ppf(0.975, 20 - 2) * error**0.5 / 20
    assert difference.high - difference.value == pytest.approx(half_width, rel=0.02)
    assert difference.value - difference.low == pytest.approx(half_width, rel=0.02)


def test_with_five_people_there_is_no_interval_and_a_reason() -> None:
    difference = paired_person_difference(np.full(5, 0.9), np.full(5, 0.1), 0.95)
    assert np.isnan(difference.low)
    assert difference.value == pytest.approx(0.8)
    assert "5 people" in difference.reason
    assert not difference.excludes_zero
    assert paired_person_difference(np.empty(0), np.empty(0), 0.95).value == 0
