"""All figures of one scorer on one generator's trials, as plain values for the results file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any
from typing import Protocol as Interface

import numpy as np
import pandas as pd

from benchmark import metrics
from benchmark.intervals import (
    GroupedScores,
    Interval,
    mean_auc_interval,
    pair_statistics,
    people_groups,
    people_weights,
    pooled_auc_interval,
    pooled_statistics,
)
from benchmark.permutation import group_aucs, permutation_test
from benchmark.scores import TargetScores
from benchmark.trials import TargetTrials
from nvfair_tools.protocol import Protocol, TrialRule

# The pooled interval needs every group of genuine against every group of impostor trials; beyond this the mean's
# interval alone is given (cross-cross trials have hundreds of thousands of groups).
_POOLED_GROUPS = 2_000_000


# Names of a protocol's headlines -> keys of `figures`.
HEADLINES = {"mean-auc-over-targets": "auc_mean", "pooled-auc": "auc_pooled"}


class PairScorer(Interface):
    """Anything that scores a target's trials."""

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores, larger for more alike."""
        ...


def figures(
    scorer: PairScorer, trials: Sequence[TargetTrials], videos: pd.DataFrame, protocol: Protocol, *, full: bool = True
) -> dict[str, Any]:
    """Figures of `scorer` over `trials` (those that have genuine and impostor pairs; under the same-driver rule all,
    in the pooled figures: its blocks are parts of one pot).

    videos: the table that trials number. full: also curves and the permutation test.
    """
    one_pot = protocol.trials.rule is TrialRule.SAME_DRIVER
    pooled = [scorer.score(one) for one in trials if one.complete or (one_pot and len(one.genuine) + len(one.impostor))]
    scored = [one for one in pooled if one.trials.complete]
    people = sorted({*videos["driver"], *videos["target"]})
    number = {person: n for n, person in enumerate(people)}
    target, driver = (videos[role].map(number).to_numpy() for role in ("target", "driver"))
    grouped = [_grouped(one, target, driver) for one in pooled]
    present = np.zeros(len(people), dtype=bool)
    for part in grouped:
        present[part.genuine_people] = True
        present[part.impostor_people] = True
    taking_part = np.flatnonzero(present)
    genuine = np.concatenate([one.genuine for one in pooled]) if pooled else np.empty(0)
    impostor = np.concatenate([one.impostor for one in pooled]) if pooled else np.empty(0)
    per_target = {one.trials.target: metrics.auc(one.genuine, one.impostor) for one in scored}
    metrics.mean_over_targets(per_target)  # refuses an empty set in words
    settings = protocol.uncertainty
    weights = np.zeros((settings.resamples, len(people)))
    weights[:, taking_part] = people_weights(len(taking_part), settings.resamples, settings.seed)
    statistics = [
        (number[one.trials.target], pair_statistics(g))
        for one, g in zip(pooled, grouped, strict=True)
        if one.trials.complete
    ]
    mean = mean_auc_interval(statistics, weights, settings.confidence)
    curve = metrics.roc(genuine, impostor)
    rate = metrics.eer(curve)
    result: dict[str, Any] = {
        "auc_mean": as_json(mean),
        "auc_pooled": as_json(_pooled(grouped, weights, protocol, metrics.auc(genuine, impostor), len(taking_part))),
        "eer": {"value": rate.value, "low": rate.low, "high": rate.high},
        "tpr_at_fmr": {str(x): metrics.tpr_at_fmr(genuine, impostor, x) for x in protocol.scoring.fmr_targets},
        "per_target": {name: per_target[name] for name in sorted(per_target)},
        "trials": {"genuine": len(genuine), "impostor": len(impostor), "targets": len(scored)},
    }
    if full:
        drawn = metrics.thinned(curve, 150)
        result["curve"] = {
            "fmr": [round(float(x), 7) for x in drawn.fmr],
            "tpr": [round(float(x), 7) for x in drawn.tpr],
        }
        if protocol.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS:
            result["permutation"] = _permutation(scored, videos, people, driver, protocol)
    return result


def as_json(interval: Interval) -> dict[str, Any]:
    """An interval as plain values; null where there is none."""
    ends = {name: None if math.isnan(end) else end for name, end in (("low", interval.low), ("high", interval.high))}
    return {"value": interval.value, **ends, "people": interval.people}


def _grouped(scores: TargetScores, target: np.ndarray, driver: np.ndarray) -> GroupedScores:
    genuine, impostor = (
        scores.trials.people(pairs, target, driver) for pairs in (scores.trials.genuine, scores.trials.impostor)
    )
    return GroupedScores(scores.genuine, scores.impostor, genuine, impostor)


def _pooled(
    grouped: list[GroupedScores], weights: np.ndarray, protocol: Protocol, value: float, people: int
) -> Interval:
    groups, others = (
        sum(len(people_groups(getattr(g, name))[0]) for g in grouped) for name in ("genuine_people", "impostor_people")
    )
    if groups * others > _POOLED_GROUPS:
        return Interval(value, math.nan, math.nan, people)
    return pooled_auc_interval(pooled_statistics(grouped), weights, protocol.uncertainty.confidence)


def _permutation(
    scored: list[TargetScores], videos: pd.DataFrame, people: list[str], driver: np.ndarray, protocol: Protocol
) -> dict[str, Any]:
    """The people-permutation test over each target's probes, grouped by driver."""
    areas = []
    for one in scored:
        # A genuine pair's second video is a probe of the target's own group; an impostor pair's second the other's.
        group = np.concatenate([driver[one.trials.genuine[:, 1]], driver[one.trials.impostor[:, 1]]])
        areas.append(group_aucs(np.concatenate([one.genuine, one.impostor]), group, len(people)))
    table = np.array(areas)
    present = np.flatnonzero(~np.isnan(table).all(axis=0))
    source = dict(zip(videos["driver"], videos["source"], strict=True)) | dict(
        zip(videos["target"], videos["source"], strict=True)
    )
    test = permutation_test(
        table[:, present],
        [people[n] for n in present],
        [one.trials.target for one in scored],
        source,
        protocol.uncertainty.permutations,
        protocol.uncertainty.seed,
    )
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in vars(test).items()}
