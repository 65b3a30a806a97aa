"""Two methods on the same trials: shared weights, honest refusals."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmark.metrics.intervals import GroupedScores, mean_auc_interval, pair_statistics, people_weights
from benchmark.metrics.paired_differences import paired_mean_difference, paired_pooled_difference
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
    found = paired_mean_difference(targets(first), targets(second), WEIGHTS, 0.95)
    a, b = (mean_auc_interval(targets(x), WEIGHTS, 0.95) for x in (first, second))
    assert found.value == pytest.approx(a.value - b.value)
    assert 0 < found.low < found.value < found.high
    assert found.superiority == 1.0
    turned = paired_mean_difference(targets(second), targets(first), WEIGHTS, 0.95)
    assert (turned.value, turned.low, turned.high) == pytest.approx((-found.value, -found.high, -found.low))
    assert turned.superiority == 0.0


def test_pairing_is_much_sharper_than_two_intervals_side_by_side() -> None:
    first, second = methods(0.5)
    found = paired_mean_difference(targets(first), targets(second), WEIGHTS, 0.95)
    alone = mean_auc_interval(targets(first), WEIGHTS, 0.95)
    assert found.high - found.low < 0.5 * (alone.high - alone.low)


def test_a_method_against_itself_has_no_difference_and_no_interval() -> None:
    first, _ = methods(0.0)
    found = paired_mean_difference(targets(first), targets(first), WEIGHTS, 0.95)
    assert found.value == 0
    assert np.isnan(found.low)
    assert "same figure" in found.reason


def test_pooled_differences_follow_the_same_weights() -> None:
    first, second = (pair_statistics(x) for x in methods(1.0))
    found = paired_pooled_difference(first, second, WEIGHTS, 0.95)
    assert found.value == pytest.approx(first.auc - second.auc)
    assert found.low < found.value < found.high
    assert found.people == PEOPLE


def test_few_people_get_no_interval() -> None:
    first, second = (targets(x)[:4] for x in methods(1.0))
    found = paired_mean_difference(first, second, WEIGHTS, 0.95)
    assert np.isnan([found.low, found.high, found.superiority]).all()
    assert found.reason.startswith("4 people")


def test_other_trials_or_targets_are_refused() -> None:
    first, second = methods(1.0)
    fewer = replace(second, genuine=second.genuine[1:], genuine_people=second.genuine_people[1:])
    with pytest.raises(NvfairError, match="target number 0: the two methods were not scored on the same trials"):
        paired_mean_difference(targets(first), targets(fewer), WEIGHTS, 0.95)
    with pytest.raises(NvfairError, match="8 and 7 targets"):
        paired_mean_difference(targets(first), targets(second)[1:], WEIGHTS, 0.95)
    with pytest.raises(NvfairError, match="not scored on the same trials"):
        paired_pooled_difference(pair_statistics(first), pair_statistics(fewer), WEIGHTS, 0.95)
