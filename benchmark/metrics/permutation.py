"""A p-value by permuting people.

The null hypothesis: for a face's enrolled videos it makes no difference which person drives a probe. Under it the
groups of probes (all clips of one driver on that face) are exchangeable, whole people at a time. The test statistic is
the mean over targets of the AUC of the genuine group against all other groups. In the data the genuine group of target
k is driven by k; under a permutation pi of the people of one collection it is the group driven by pi(k), and k's own
videos are impostors. One permutation serves all targets, so that each person keeps one place.

What the test cannot show: a score that only detects that a face moves unlike its owner's recordings rejects this null
hypothesis too. The cross-cross trials and the self/cross control answer that question.

Legend: K targets, J drivers.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.intervals import count_group_wins


@dataclass(frozen=True)
class PermutationTest:
    """The result of the permutation test.

    observed: the statistic of the data. null_mean, null_high: mean and 95 % quantile of the statistic over the
    permutations. p_value: share of permutations (the data among them) whose statistic is at least as large. smallest:
    the least p-value that so many people and permutations allow. permutations: those that gave a statistic.
    """

    observed: float
    null_mean: float
    null_high: float
    p_value: float
    smallest: float
    permutations: int


def group_aucs(scores: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """AUC (J,) of each group of probe scores against all other groups; NaN for an absent group.

    scores (n,); group (n,): number of each score's group, below `groups` (J).
    """
    counts = np.bincount(group, minlength=groups).astype(np.float64)
    wins = count_group_wins(scores, group, groups, scores, group, groups)
    # Wins against scores of the same group do not count.
    wins_over_others = wins.sum(axis=1) - np.diag(wins)
    pairs = counts * (counts.sum() - counts)
    return np.divide(wins_over_others, pairs, out=np.full(groups, np.nan), where=pairs > 0)


def permutation_test(
    auc_of_group: np.ndarray,
    drivers: Sequence[str],
    targets: Sequence[str],
    source: dict[str, str],
    permutations: int,
    seed: int,
) -> PermutationTest:
    """Tests the mean over targets of the genuine group's AUC, permuting people within their collection.

    auc_of_group: (K, J), AUC of the group of driver j among the probes of target k, NaN where there is none. Each
    target is one of the drivers. source: person -> collection. A group that a permutation makes genuine and that does
    not exist is left out of that permutation's mean.
    """
    column = {driver: j for j, driver in enumerate(drivers)}
    rows, target_column = np.arange(len(targets)), np.array([column[target] for target in targets])
    observed = float(np.nanmean(auc_of_group[rows, target_column]))
    collections = sorted({source[driver] for driver in drivers})
    columns_of_collection = [
        np.array([column[driver] for driver in drivers if source[driver] == collection]) for collection in collections
    ]
    rng = np.random.default_rng(seed)
    null_means = np.full(permutations, np.nan)
    for n in range(permutations):
        image = np.arange(len(drivers))
        for columns in columns_of_collection:
            image[columns] = rng.permutation(columns)
        values = auc_of_group[rows, image[target_column]]
        if not np.isnan(values).all():
            null_means[n] = np.nanmean(values)
    null = null_means[~np.isnan(null_means)]
    if len(null) == 0:
        return PermutationTest(observed, float("nan"), float("nan"), float("nan"), 1.0, 0)
    at_least_as_large = int(np.count_nonzero(null >= observed - 1e-12))
    log_arrangements = sum(math.lgamma(len(columns) + 1) for columns in columns_of_collection)
    return PermutationTest(
        observed=observed,
        null_mean=float(null.mean()),
        null_high=float(np.quantile(null, 0.95)),
        p_value=(1 + at_least_as_large) / (1 + len(null)),
        smallest=max(1 / (1 + len(null)), 1 / math.exp(log_arrangements)),
        permutations=len(null),
    )
