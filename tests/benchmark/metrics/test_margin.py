"""The margin over the strongest shortcut, and when a shortcut comes near."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics.margin import NEAR_MARGIN, margin_over_shortcuts

PEOPLE = [f"a:{n:02d}" for n in range(20)]


def areas(mean: float, spread: float = 0.0, seed: int = 0) -> dict[str, float]:
    draw = np.random.default_rng(seed).normal(0, spread, len(PEOPLE)) if spread else np.zeros(len(PEOPLE))
    return dict(zip(PEOPLE, mean + draw - draw.mean(), strict=True))


def test_it_is_taken_over_the_strongest_shortcut() -> None:
    found = margin_over_shortcuts(areas(0.8, 0.02), {"weak": areas(0.55, 0.02, 1), "strong": areas(0.65, 0.02, 2)})
    assert found is not None
    assert (found.shortcut, found.people) == ("strong", 20)
    assert found.value == pytest.approx(0.15)
    assert found.low is not None
    assert found.high is not None
    assert found.low < 0.15 < found.high
    assert not found.near


def test_targets_that_are_hard_for_both_cancel() -> None:
    method, shortcut = areas(0.8, 0.1), {name: value - 0.1 for name, value in areas(0.8, 0.1).items()}
    found = margin_over_shortcuts(method, {"shortcut": shortcut})
    assert found is not None
    assert found.low == pytest.approx(0.1)
    assert found.high == pytest.approx(0.1)


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
    found = margin_over_shortcuts(method, {"s": {PEOPLE[0]: 0.5, PEOPLE[1]: 0.6, "b:99": 1.0}})
    assert found is not None
    assert found.people == 2
    assert found.value == pytest.approx(0.25)
    assert found.low is None
    assert found.to_json()["near"] is False
    assert margin_over_shortcuts(method, {}) is None
    assert margin_over_shortcuts(method, {"s": {"b:99": 1.0}}) is None


def test_people_are_drawn_within_their_collection() -> None:
    """Where a collection's people gain alike, nothing is left to chance."""
    source = {name: "x" if n < 5 else "y" for n, name in enumerate(PEOPLE)}
    method = {name: 0.9 if source[name] == "x" else 0.6 for name in PEOPLE}
    found = margin_over_shortcuts(method, {"s": areas(0.5)}, source=source)
    assert found is not None
    assert found.low == pytest.approx(found.high) == pytest.approx(0.175)
