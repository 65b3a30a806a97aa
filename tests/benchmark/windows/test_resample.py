"""Tracks keep their time whatever their frame rate."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from benchmark.windows.resample import mirrored_order, resample


def line(time: np.ndarray) -> np.ndarray:
    """Landmarks (T, 2, 2) that move linearly in time, so that linear interpolation must hit them."""
    base = np.stack([time, 3 - 2 * time], axis=1)
    return np.stack([base, base + 5], axis=1).astype(np.float32)


def test_the_protocols_own_rate_leaves_every_value_as_it_is() -> None:
    rng = np.random.default_rng(0)
    points = rng.normal(0, 1, (50, 126, 2)).astype(np.float32)
    result, valid = resample(points, np.ones(50, bool), 0.2 + np.arange(50) / 30, Fraction(30), 0)
    assert valid.all()
    np.testing.assert_array_equal(result, points)


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001), Fraction(50), Fraction(24)])
def test_linear_motion_is_found_again_at_every_source_rate(rate: Fraction) -> None:
    time = 1.0 + np.arange(90) * float(1 / rate)
    result, valid = resample(line(time), np.ones(90, bool), time, Fraction(30), 0)
    expected_time = 1.0 + np.arange(len(result)) / 30
    assert valid.all()
    assert abs(len(result) - (time[-1] - time[0]) * 30 - 1) <= 1.001
    np.testing.assert_allclose(result, line(expected_time), atol=2e-6)


def test_variable_frame_times_decide_not_frame_numbers() -> None:
    rng = np.random.default_rng(3)
    time = np.cumsum(rng.uniform(0.02, 0.05, 80))
    result, valid = resample(line(time), np.ones(80, bool), time, Fraction(30), 2)
    assert valid.all()
    np.testing.assert_allclose(result, line(time[0] + np.arange(len(result)) / 30), atol=2e-6)


@pytest.mark.parametrize(("lost", "filled"), [(1, True), (3, True), (4, False)])
def test_gaps_up_to_the_limit_are_filled_and_longer_ones_stay_open(lost: int, filled: bool) -> None:
    time = np.arange(40) / 30
    valid = np.ones(40, bool)
    valid[10 : 10 + lost] = False
    points = line(time)
    points[~valid] = np.nan
    result, usable = resample(points, valid, time, Fraction(30), 3)
    assert usable.all() == filled
    if filled:
        np.testing.assert_allclose(result, line(time), atol=1e-6)
    else:
        assert not usable[10:14].any()
        assert np.isnan(result[10:14]).all()
        assert usable[:10].all()
        assert usable[14:].all()


def test_a_jump_in_time_is_a_gap_even_where_no_frame_says_so() -> None:
    time = np.concatenate([np.arange(20), np.arange(40, 60)]) / 30
    _, usable = resample(line(time), np.ones(40, bool), time, Fraction(30), 5)
    assert len(usable) == 60
    assert not usable[20:40].any()
    assert usable[:20].all()


def test_nothing_is_extrapolated_before_the_first_or_after_the_last_face() -> None:
    time = np.arange(30) / 30
    valid = np.ones(30, bool)
    valid[:2] = valid[-2:] = False
    _, usable = resample(line(time), valid, time, Fraction(30), 5)
    assert not usable[:2].any()
    assert not usable[-2:].any()
    assert usable[2:-2].all()


def test_no_face_and_no_frames() -> None:
    time = np.arange(5) / 30
    _, usable = resample(line(time), np.zeros(5, bool), time, Fraction(30), 5)
    assert not usable.any()
    points, usable = resample(line(time[:0]), np.zeros(0, bool), time[:0], Fraction(30), 5)
    assert len(points) == len(usable) == 0


def test_times_that_run_backwards_are_refused() -> None:
    with pytest.raises(ValueError, match="increase"):
        resample(line(np.zeros(3)), np.ones(3, bool), np.array([0, 0.1, 0.1]), Fraction(30), 0)


def test_mirroring_never_jumps() -> None:
    order = mirrored_order(5, 17)
    assert len(order) == 17
    assert np.abs(np.diff(order)).max() == 1
    assert set(order) == set(range(5))
