"""A p-value by permuting people.

The null hypothesis: for a face's enrolled videos it makes no difference which person drives a probe. Under it the
groups of probes (all clips of one driver on that face) are exchangeable, whole people at a time. The test statistic is
the mean over targets of the AUC of "the group called genuine" against all other groups; in the data the genuine group
of target k is driven by k, under a permutation pi of the people of one collection it is the group driven by pi(k),
and k's own videos are impostors. One permutation serves all targets, so that each person keeps one place.

What it does not say: a score that only notices that a face moves unlike its owner's recordings rejects this null
too. The cross-cross trials and the self/cross control answer that.

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
    """observed: the statistic of the data. p_value: share of permutations (the data among them) at least as large.
    smallest: the least p-value that so many people and permutations allow."""

    observed: float
    null_mean: float
    null_high: float
    p_value: float
    smallest: float
    permutations: int


def group_aucs(scores: np.ndarray, group: np.ndarray, groups: int) -> np.ndarray:
    """AUC (J,) of each group of probe scores against all other groups; NaN for an absent group."""
    counts = np.bincount(group, minlength=groups).astype(np.float64)
    wins = count_group_wins(scores, group, groups, scores, group, groups)
    others = counts.sum() - counts
    above = wins.sum(axis=1) - np.diag(wins)
    pairs = counts * others
    return np.divide(above, pairs, out=np.full(groups, np.nan), where=pairs > 0)


def permutation_test(
    areas: np.ndarray, drivers: Sequence[str], targets: Sequence[str], source: dict[str, str], rounds: int, seed: int
) -> PermutationTest:
    """Permutes people within their source.

    areas: (K, J), AUC of the group of driver j among the probes of target k, NaN where there is none. Each target is
    one of the drivers. Groups that a permutation asks for and that do not exist are left out of that round's mean.
    """
    column = {driver: j for j, driver in enumerate(drivers)}
    own = np.array([column[target] for target in targets])
    observed = float(np.nanmean(areas[np.arange(len(own)), own]))
    sources = sorted({source[driver] for driver in drivers})
    members = [np.array([column[d] for d in drivers if source[d] == name]) for name in sources]
    rng = np.random.default_rng(seed)
    null = np.full(rounds, np.nan)
    for n in range(rounds):
        image = np.arange(len(drivers))
        for people in members:
            image[people] = rng.permutation(people)
        values = areas[np.arange(len(own)), image[own]]
        if not np.isnan(values).all():
            null[n] = np.nanmean(values)
    null = null[~np.isnan(null)]
    if len(null) == 0:
        return PermutationTest(observed, float("nan"), float("nan"), float("nan"), 1.0, 0)
    at_least = int(np.count_nonzero(null >= observed - 1e-12))
    return PermutationTest(
        observed=observed,
        null_mean=float(null.mean()),
        null_high=float(np.quantile(null, 0.95)),
        p_value=(1 + at_least) / (1 + len(null)),
        smallest=max(1 / (1 + len(null)), 1 / math.exp(sum(math.lgamma(len(people) + 1) for people in members))),
        permutations=len(null),
    )
