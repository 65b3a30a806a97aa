"""Resampling people: the matrix of pair statistics gives what repeating trials would give."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import logit
from scipy.stats import t
from sklearn.metrics import roc_auc_score

from benchmark.metrics import roc
from benchmark.metrics.intervals import (
    FEWEST_PEOPLE,
    GroupedScores,
    count_group_wins,
    mean_auc_interval,
    mean_auc_samples,
    pair_statistics,
    people_weights,
    pooled_auc_interval,
    proportion_interval,
    resampling_strata,
)

PEOPLE = 6


def trials(seed: int = 0) -> GroupedScores:
    """Genuine trials of person k as target and driver; impostor trials of (target, driver); coarse scores, so ties."""
    rng = np.random.default_rng(seed)
    genuine_people, impostor_people = [], []
    for target in range(PEOPLE):
        genuine_people += [(target, target, target)] * rng.integers(2, 6)
        for driver in range(PEOPLE):
            if driver != target:
                impostor_people += [(target, target, driver)] * rng.integers(1, 5)
    return GroupedScores(
        np.round(rng.normal(0.5, 1, len(genuine_people)), 1),
        np.round(rng.normal(0, 1, len(impostor_people)), 1),
        np.array(genuine_people),
        np.array(impostor_people),
    )


def of_target(scores: GroupedScores, target: int) -> GroupedScores:
    g, i = scores.genuine_people[:, 0] == target, scores.impostor_people[:, 0] == target
    return GroupedScores(scores.genuine[g], scores.impostor[i], scores.genuine_people[g], scores.impostor_people[i])


def test_wins_equal_counting_pairs() -> None:
    rng = np.random.default_rng(2)
    high, low = rng.integers(0, 6, 50).astype(float), rng.integers(0, 6, 70).astype(float)
    a, b = rng.integers(0, 4, 50), rng.integers(0, 3, 70)
    expected = np.zeros((4, 3))
    for h, g in zip(high, a, strict=True):
        for v, e in zip(low, b, strict=True):
            expected[g, e] += 1.0 if h > v else 0.5 if h == v else 0.0
    np.testing.assert_array_equal(count_group_wins(high, a, 4, low, b, 3), expected)


def test_pooled_auc_under_weights_equals_scikit_learns_weighted_auc() -> None:
    scores = trials()
    weights = people_weights(PEOPLE, 5, seed=1)
    result = pair_statistics(scores).weighted_auc(weights)
    for n, w in enumerate(weights):
        genuine = w[scores.genuine_people[:, 0]]
        impostor = w[scores.impostor_people[:, 0]] * w[scores.impostor_people[:, 2]]
        labels = np.repeat([1, 0], [len(genuine), len(impostor)])
        expected = roc_auc_score(
            labels, np.concatenate([scores.genuine, scores.impostor]), sample_weight=np.concatenate([genuine, impostor])
        )
        assert result[n] == pytest.approx(expected, abs=1e-12)


def test_one_weight_each_gives_the_plain_figures() -> None:
    scores = trials()
    ones = np.ones((3, PEOPLE))
    pooled = pooled_auc_interval(pair_statistics(scores), ones, 0.95)
    expected = roc.auc(scores.genuine, scores.impostor)
    assert pooled.value == pytest.approx(expected)
    np.testing.assert_allclose(pair_statistics(scores).weighted_auc(ones), expected)
    targets = [(k, pair_statistics(of_target(scores, k))) for k in range(PEOPLE)]
    mean = mean_auc_interval(targets, ones, 0.95)
    each = [roc.auc(of_target(scores, k).genuine, of_target(scores, k).impostor) for k in range(PEOPLE)]
    assert mean.value == pytest.approx(np.mean(each))
    np.testing.assert_allclose(mean_auc_samples(targets, ones), np.mean(each))


def test_mean_under_weights_equals_repeating_trials() -> None:
    scores = trials(3)
    weights = people_weights(PEOPLE, 40, seed=5)
    targets = [(k, pair_statistics(of_target(scores, k))) for k in range(PEOPLE)]
    samples = []
    for w in weights:
        areas, drawn = [], []
        for k in range(PEOPLE):
            item = of_target(scores, k)
            repeated = np.repeat(item.impostor, w[item.impostor_people[:, 2]].astype(int))
            if w[k] and len(repeated):
                areas.append(roc.auc(item.genuine, repeated))
                drawn.append(w[k])
        samples.append(np.average(areas, weights=drawn))
    np.testing.assert_allclose(mean_auc_samples(targets, weights), samples)


def test_mistake_a_bootstrap_over_trials_promises_far_too_much() -> None:
    """The mistake: trials drawn with replacement, as if each were independent. People differ strongly here."""
    rng = np.random.default_rng(7)
    ease = np.linspace(-1, 3, PEOPLE)
    people = np.repeat(np.arange(PEOPLE), 300)
    impostor_people = [(k, k, d) for k in range(PEOPLE) for d in range(PEOPLE) if d != k for _ in range(60)]
    grouped = GroupedScores(
        rng.normal(ease[people], 1),
        rng.normal(0, 1, len(impostor_people)),
        np.stack([people] * 3, axis=1),
        np.array(impostor_people),
    )
    mistaken = [roc.auc(rng.choice(grouped.genuine, 1800), rng.choice(grouped.impostor, 1800)) for _ in range(200)]
    low, high = np.quantile(mistaken, [0.025, 0.975])
    interval = pooled_auc_interval(pair_statistics(grouped), people_weights(PEOPLE, 300, 0), 0.95)
    assert interval.high - interval.low > 5 * (high - low)


def test_the_interval_is_students_t_around_the_log_odds() -> None:
    rng = np.random.default_rng(0)
    samples = 0.9 + 0.02 * rng.standard_normal(500)
    result = proportion_interval(0.9, samples, 0.95, 12, strata=2)
    reach = t.ppf(0.975, 10) * samples.std(ddof=1) / (0.9 * 0.1)
    assert logit(result.low) == pytest.approx(logit(0.9) - reach)
    assert logit(result.high) == pytest.approx(logit(0.9) + reach)
    assert 0 < result.low < result.high < 1


@pytest.mark.parametrize(
    ("value", "samples", "people", "reason"),
    [
        (0.9, np.linspace(0.8, 1, 50), FEWEST_PEOPLE - 1, "5 people"),
        (1.0, np.linspace(0.8, 1, 50), 20, "the figure is 1 itself"),
        (0.9, np.full(50, 0.9), 20, "every resample"),
        (0.9, np.where(np.arange(50) < 30, np.nan, np.linspace(0.8, 1, 50)), 20, "most resamples"),
        (0.9, np.empty(0), 20, "no resamples"),
    ],
)
def test_where_an_interval_cannot_be_trusted_there_is_a_reason_instead(
    value: float, samples: np.ndarray, people: int, reason: str
) -> None:
    result = proportion_interval(value, samples, 0.95, people)
    assert result.value == value
    assert np.isnan([result.low, result.high]).all()
    assert reason in result.reason


def test_collections_keep_their_number_of_people() -> None:
    strata = np.array([0, 1, 0, 1, 1, 2, 2])
    weights = people_weights(7, 200, 3, strata)
    for stratum, size in ((0, 2), (1, 3), (2, 2)):
        assert (weights[:, strata == stratum].sum(axis=1) == size).all()
    assert weights.std(axis=0).min() > 0


@pytest.mark.parametrize(
    ("sources", "groups"),
    [
        ("aab", [{0, 1, 2}]),  # one person alone joins the largest collection
        ("aabbb", [{0, 1}, {2, 3, 4}]),
        ("aabbbc", [{0, 1}, {2, 3, 4, 5}]),
        ("aabcd", [{0, 1}, {2, 3, 4}]),  # those who are alone are put together
        ("a", [{0}]),
        ("ab", [{0, 1}]),
    ],
)
def test_nobody_is_a_stratum_by_himself(sources: str, groups: list[set[int]]) -> None:
    result = resampling_strata(list(sources))
    assert sorted(set(np.flatnonzero(result == n)) for n in np.unique(result)) == sorted(groups)


def test_weights_keep_the_number_of_people_and_the_seed() -> None:
    weights = people_weights(9, 50, 4)
    assert (weights.sum(axis=1) == 9).all()
    np.testing.assert_array_equal(weights, people_weights(9, 50, 4))
