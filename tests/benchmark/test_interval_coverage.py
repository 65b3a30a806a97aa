"""Soak: intervals by people cover the truth about as often as they say."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import norm

from benchmark.intervals import GroupedScores, mean_auc_interval, pair_statistics, people_weights


@pytest.mark.soak
def test_ninety_percent_intervals_cover_the_expected_auc() -> None:
    """People differ in how easy they are (as targets); the truth is the mean over all people there could be.

    A percentile bootstrap over 30 people is known to be a little narrow; trials taken as independent would cover about
    a quarter of the time here.
    """
    people, clips, spread, rounds = 30, 12, 0.6, 300
    # A genuine score is N(1 + ease, 1), an impostor N(0, 1): the AUC of a person is Phi((1 + ease) / sqrt(2)).
    truth = norm.cdf(1 / np.sqrt(2 + spread**2))
    covered = 0
    for number in range(rounds):
        rng = np.random.default_rng(number)
        ease = rng.normal(0, spread, people)
        weights = people_weights(people, 300, number)
        targets = []
        for k in range(people):
            others = np.setdiff1d(np.arange(people), k)
            drivers = np.repeat(others, 3)
            scores = GroupedScores(
                rng.normal(1 + ease[k], 1, clips),
                rng.normal(0, 1, len(drivers)),
                np.full((clips, 3), k),
                np.stack([np.full(len(drivers), k), np.full(len(drivers), k), drivers], axis=1),
            )
            targets.append((k, pair_statistics(scores)))
        interval = mean_auc_interval(targets, weights, 0.9)
        covered += interval.low <= truth <= interval.high
    assert 0.82 <= covered / rounds <= 0.97
