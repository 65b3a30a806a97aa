"""The margin over the strongest shortcut, and when a shortcut comes near."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from benchmark.metrics.margin import NEAR_MARGIN, margin_over_shortcuts

PEOPLE = [f"a:{n:02d}" for n in range(20)]


def areas(mean: float, spread: float = 0.0, seed: int = 0) -> dict[str, float]:
    draw = np.random.default_rng(seed).normal(0, spread, len(PEOPLE)) if spread else np.zeros(len(PEOPLE))
    return dict(zip(PEOPLE, mean + draw - draw.mean(), strict=True))


def test_it_is_taken_over_the_strongest_shortcut() -> None:
    result = margin_over_shortcuts(areas(0.8, 0.02), {"weak": areas(0.55, 0.02, 1), "strong": areas(0.65, 0.02, 2)})
    assert result is not None
    assert (result.shortcut, result.people) == ("strong", 20)
    assert result.value == pytest.approx(0.15)
    assert result.low is not None
    assert result.high is not None
    assert result.low < 0.15 < result.high
    assert not result.near


def test_targets_that_are_hard_for_both_cancel() -> None:
    method, shortcut = areas(0.8, 0.1), {name: value - 0.1 for name, value in areas(0.8, 0.1).items()}
    result = margin_over_shortcuts(method, {"shortcut": shortcut})
    assert result is not None
    assert result.low == pytest.approx(0.1)
    assert result.high == pytest.approx(0.1)


def test_a_shortcut_comes_near_by_its_margin_or_by_its_interval() -> None:
    close = margin_over_shortcuts(areas(0.8), {"s": areas(0.8 - NEAR_MARGIN / 2)})
    unsure = margin_over_shortcuts(areas(0.8, 0.3), {"s": areas(0.75, 0.3, 1)})
    assert close is not None
    assert close.low is not None
    assert close.low > 0
    assert close.near
    assert unsure is not None
    assert unsure.low is not None
    assert unsure.value > NEAR_MARGIN
    assert unsure.low < 0
    assert unsure.near


def test_only_shared_targets_count_and_too_few_give_no_interval() -> None:
    method = areas(0.8)
    result = margin_over_shortcuts(method, {"s": {PEOPLE[0]: 0.5, PEOPLE[1]: 0.6, "b:99": 1.0}})
    assert result is not None
    assert result.people == 2
    assert result.value == pytest.approx(0.25)
    assert result.low is None
    assert result.to_json()["near"] is False
    assert margin_over_shortcuts(method, {}) is None
    assert margin_over_shortcuts(method, {"s": {"b:99": 1.0}}) is None


def test_the_interval_is_the_paired_t_interval_of_another_library() -> None:
    method, shortcut = areas(0.8, 0.1), areas(0.7, 0.1, 1)
    result = margin_over_shortcuts(method, {"s": shortcut})
    assert result is not None
    outside = stats.ttest_rel(list(method.values()), list(shortcut.values())).confidence_interval(0.95)
    assert (result.low, result.high) == pytest.approx((outside.low, outside.high), abs=1e-12)


def test_people_are_drawn_within_their_collection() -> None:
    """Where a collection's people gain alike, nothing is left to chance."""
    source = {name: "x" if n < 5 else "y" for n, name in enumerate(PEOPLE)}
    method = {name: 0.9 if source[name] == "x" else 0.6 for name in PEOPLE}
    result = margin_over_shortcuts(method, {"s": areas(0.5)}, source=source)
    assert result is not None
    assert result.low == pytest.approx(result.high) == pytest.approx(0.175)
