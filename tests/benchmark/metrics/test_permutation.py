"""The permutation test rejects where people matter and only there."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.metrics import roc
from benchmark.metrics.permutation import group_aucs, permutation_test

PEOPLE = [f"toy:{n}" for n in range(8)]
SOURCE = dict.fromkeys(PEOPLE, "toy")


def areas(effect: float, seed: int) -> np.ndarray:
    rng = np.random.default_rng(seed)
    rows = []
    for target in range(8):
        group = np.repeat(np.arange(8), 20)
        ease = rng.normal(0, 0.3, 8)  # people differ in how near they come to anybody
        rows.append(group_aucs(rng.normal(0, 1, 160) + ease[group] + effect * (group == target), group, 8))
    return np.array(rows)


def test_group_areas_equal_one_against_the_rest() -> None:
    rng = np.random.default_rng(0)
    scores, group = np.round(rng.normal(0, 1, 60), 1), rng.integers(0, 4, 60)
    result = group_aucs(scores, group, 5)
    for item in range(4):
        assert result[item] == pytest.approx(roc.auc(scores[group == item], scores[group != item]))
    assert np.isnan(result[4])


def test_a_real_effect_gets_the_smallest_p_value() -> None:
    result = permutation_test(areas(2.0, 1), PEOPLE, PEOPLE, SOURCE, 200, 0)
    assert result.p_value == pytest.approx(1 / 201)
    assert result.observed > result.null_high
    assert result.null_mean == pytest.approx(0.5, abs=0.05)


def test_without_an_effect_p_values_are_spread_out() -> None:
    values = np.array([permutation_test(areas(0.0, s), PEOPLE, PEOPLE, SOURCE, 99, s).p_value for s in range(120)])
    assert 0.4 < values.mean() < 0.6
    assert np.mean(values <= 0.05) < 0.12
    assert np.mean(values <= 0.5) == pytest.approx(0.5, abs=0.15)


def test_people_are_exchanged_within_their_collection_only() -> None:
    table = np.full((4, 4), np.nan)
    table[:2, :2] = [[0.9, 0.1], [0.1, 0.9]]
    table[2:, 2:] = [[0.8, 0.2], [0.2, 0.8]]
    names = ["a:1", "a:2", "b:1", "b:2"]
    result = permutation_test(table, names, names, {n: n[0] for n in names}, 400, 0)
    assert result.permutations == 400  # a permutation across collections would have met only NaN
    assert result.p_value == pytest.approx(0.25, abs=0.06)  # 4 permutations, one of them the data's
