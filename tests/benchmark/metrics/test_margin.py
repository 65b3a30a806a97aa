"""The margin over the strongest shortcut, and when a shortcut comes near."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import t

from benchmark.metrics.intervals import ResampledMean
from benchmark.metrics.margin import NEAR_MARGIN, Margin, margin_over_shortcuts
from nvfair_tools.errors import NvfairError

PEOPLE = 20


def mean(value: float, deviation: float = 0.0, seed: int = 0, people: int = PEOPLE) -> ResampledMean:
    """A mean AUC whose 400 resamples have this deviation, and `value` as their mean."""
    noise = np.random.default_rng(seed).normal(0, 1, 400)
    noise = deviation * (noise - noise.mean()) / noise.std(ddof=1)
    return ResampledMean(value, value + noise, tuple(range(people)), strata=2)


def margin(method: ResampledMean, shortcut: ResampledMean) -> Margin:
    result = margin_over_shortcuts(method, {"shortcut": shortcut}, 0.95)
    assert result is not None
    return result


def test_it_is_taken_over_the_strongest_shortcut() -> None:
    shortcuts = {"weak": mean(0.55, 0.02, 1), "strong": mean(0.65, 0.02, 2)}
    result = margin_over_shortcuts(mean(0.8, 0.02), shortcuts, 0.95)
    assert result is not None
    assert result.shortcut == "strong"
    assert result.difference.people == PEOPLE
    assert result.difference.value == pytest.approx(0.15)
    assert not result.near
    assert margin_over_shortcuts(mean(0.8), {}, 0.95) is None


def test_its_interval_is_students_t_with_the_deviation_of_paired_resamples() -> None:
    result = margin(mean(0.8, 0.03, 1), mean(0.6, 0.04, 2)).difference
    error = (mean(0.8, 0.03, 1).samples - mean(0.6, 0.04, 2).samples).std(ddof=1)
    half_width = t.ppf(0.975, PEOPLE - 2) * error
    assert (result.low, result.high) == pytest.approx((0.2 - half_width, 0.2 + half_width))


def test_resamples_that_are_hard_for_both_cancel() -> None:
    shared = mean(0.8, 0.1)
    shortcut = ResampledMean(0.6, 0.9 * (shared.samples - 0.8) + 0.6, shared.targets, shared.strata)
    result = margin(shared, shortcut).difference
    alone = margin(shared, mean(0.6)).difference
    assert result.high - result.low == pytest.approx(0.1 * (alone.high - alone.low))


def test_a_shortcut_comes_near_by_its_margin_or_by_its_interval() -> None:
    by_margin = margin(mean(0.8, 0.001), mean(0.8 - NEAR_MARGIN / 2, 0.001, 1))
    assert by_margin.difference.low > 0
    assert by_margin.near
    by_interval = margin(mean(0.8, 0.05), mean(0.75, 0.05, 1))
    assert by_interval.difference.value > NEAR_MARGIN
    assert by_interval.difference.low < 0
    assert by_interval.near


def test_too_few_people_get_no_interval_and_the_reason() -> None:
    result = margin(mean(0.8, 0.02, people=5), mean(0.6, 0.02, 1, people=5))
    assert np.isnan([result.difference.low, result.difference.high]).all()
    assert result.difference.reason.startswith("5 people")
    assert result.difference.value == pytest.approx(0.2)
    assert not result.near


def test_other_targets_or_resamples_are_refused() -> None:
    with pytest.raises(NvfairError, match="20 and 19 targets"):
        margin(mean(0.8, 0.02), mean(0.6, 0.02, people=19))
    shorter = ResampledMean(0.6, np.zeros(10), tuple(range(PEOPLE)))
    with pytest.raises(NvfairError, match="400 and 10 resamples"):
        margin(mean(0.8, 0.02), shorter)
