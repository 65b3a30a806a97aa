"""All figures of one scorer on one generator's trials, as plain values for the results file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.metrics import roc
from benchmark.metrics.costs import Costs, affine_calibration, cllr, cllr_min, min_dcf
from benchmark.metrics.curves import roc_band, score_histogram
from benchmark.metrics.failure_to_acquire import FailedTrials, add_failed_trials, count_failed_trials, generalised_rates
from benchmark.metrics.intervals import Interval
from benchmark.metrics.permutation import group_aucs, permutation_test
from benchmark.metrics.subgroups import compare_subgroups, worst_decile_auc
from benchmark.metrics.thresholds import fmr_support, threshold_at_eer, threshold_at_fmr
from benchmark.protocols.schema import Protocol, TrialRule
from benchmark.trial_scores.embedding_distances import embedding_distances
from benchmark.trial_scores.scored_trials import ScoredTrials, collection_of_person, scored_trials
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.trials import TargetTrials

# Names of a protocol's headlines -> keys of `figures`.
HEADLINE_FIGURES = {"mean-auc-over-targets": "auc_mean", "pooled-auc": "auc_pooled"}
COSTS = Costs()


def compute_figures(
    scorer: PairScorer,
    trials: Sequence[TargetTrials],
    videos: pd.DataFrame,
    protocol: Protocol,
    *,
    full: bool = True,
    requested_trials: Sequence[TargetTrials] | None = None,
    validation_scores: tuple[np.ndarray, np.ndarray] | None = None,
    demographics: Mapping[str, Mapping[str, str | None]] | None = None,
) -> dict[str, Any]:
    """Figures of `scorer` over `trials` (those that have genuine and impostor pairs; under the same-driver rule all,
    in the pooled figures: its blocks are parts of one pot).

    videos: the table that trials number. full: also curves, bands, histograms, the table of people, distances and the
    permutation test. requested_trials: the trials that the rule makes of all videos, those without a score among
    them; what is missing from `trials` counts as rejected under "fta". validation_scores: genuine and impostor scores
    of validation people, from which thresholds and the calibration are taken. demographics: column -> person -> value.
    """
    found = scored_trials(scorer, trials, videos, protocol)
    genuine, impostor, per_target = found.genuine, found.impostor, found.auc_by_target
    curve = roc.roc_curve(genuine, impostor)
    result: dict[str, Any] = {
        "auc_mean": as_json(found.mean_interval()),
        "auc_pooled": as_json(found.pooled_interval()),
        "eer": vars(roc.equal_error_rate(curve)),
        "tpr_at_fmr": {str(x): _tpr(genuine, impostor, found.impostor_pairs, x) for x in protocol.scoring.fmr_targets},
        "min_dcf": {"value": min_dcf(curve, COSTS), **vars(COSTS)},
        **_cllr(genuine, impostor, curve, validation_scores),
        "worst_decile": worst_decile_auc(per_target),
        "per_target": {name: per_target[name] for name in sorted(per_target)},
        "trials": {"genuine": len(genuine), "impostor": len(impostor), "targets": len(found.complete_targets)},
    }
    wanted = _requested_trials(requested_trials, protocol)
    failed = count_failed_trials(wanted, [one.trials for one in found.target_scores]) if wanted else FailedTrials()
    if requested_trials is not None:
        result["fta"] = _failures(found, wanted, failed, protocol)
    if validation_scores is not None:
        result["at_validation_threshold"] = _rates_at_validation_thresholds(
            genuine, impostor, validation_scores, failed, protocol
        )
    if demographics:
        result["subgroups"] = {name: _subgroups(per_target, values) for name, values in sorted(demographics.items())}
    if full:
        result |= _chart_data(scorer, found, curve)
        if protocol.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS:
            result["permutation"] = _permutation(found, videos, protocol)
    return result


def as_json(interval: Interval) -> dict[str, Any]:
    """An interval as plain values; null, with the reason, where there is none."""
    ends = {"value": interval.value, "low": plain(interval.low), "high": plain(interval.high)}
    return {**ends, "people": interval.people, **({"reason": interval.reason} if interval.reason else {})}


def plain(value: float) -> float | None:
    """A number for a JSON file, which has neither NaN nor infinity: null for those."""
    return float(value) if math.isfinite(value) else None


def _tpr(genuine: np.ndarray, impostor: np.ndarray, pairs: int, target: float) -> dict[str, Any]:
    """The value is given even where it is not supported, so that a page can grey it out with the reason."""
    found = {"value": roc.tpr_at_fmr(genuine, impostor, target), "impostors": len(impostor), "pairs": pairs}
    if target == 0:
        return {**found, "supported": False, "reason": "no number of trials supports an FMR of 0"}
    return {**found, **vars(fmr_support(len(impostor), pairs, target))}


def _cllr(
    genuine: np.ndarray,
    impostor: np.ndarray,
    curve: roc.RocCurve,
    validation: tuple[np.ndarray, np.ndarray] | None,
) -> dict[str, Any]:
    """Cllr of scores calibrated on validation people, or else of the scores as they are, and its minimum."""
    if validation is None:
        cost, of = cllr(genuine, impostor), "scores as they are"
    else:
        calibration = affine_calibration(*validation)
        cost, of = cllr(calibration(genuine), calibration(impostor)), "scores calibrated on validation people"
    return {"cllr": plain(cost), "cllr_of": of, "cllr_min": cllr_min(curve)}


def _requested_trials(requested: Sequence[TargetTrials] | None, protocol: Protocol) -> list[TargetTrials]:
    """Of the trials that were asked for, those that would have been scored had nothing failed."""
    one_pot = protocol.trials.rule is TrialRule.SAME_DRIVER
    return [one for one in requested or () if one.complete or one_pot]


def _failures(
    found: ScoredTrials, wanted: Sequence[TargetTrials], failed: FailedTrials, protocol: Protocol
) -> dict[str, Any]:
    """Counts of trials without a score, and the figures with them rejected.

    A target that lost all trials of one kind was not scored; what it had of the other kind is lost with it.
    """
    scores = {one.trials.target: one for one in found.target_scores}
    areas = {}
    for one in wanted:
        if one.complete:
            mine = scores.get(one.target)
            own, other = (mine.genuine, mine.impostor) if mine else (np.empty(0), np.empty(0))
            lost = count_failed_trials([one], [mine.trials] if mine else [])
            areas[one.target] = roc.auc(*add_failed_trials(own, other, lost))
    genuine, impostor = add_failed_trials(found.genuine, found.impostor, failed)
    return {
        **vars(failed),
        "auc_mean": roc.mean_auc_over_targets(areas),
        "auc_pooled": roc.auc(genuine, impostor),
        "eer": vars(roc.equal_error_rate(roc.roc_curve(genuine, impostor))),
        "tpr_at_fmr": {str(x): roc.tpr_at_fmr(genuine, impostor, x) for x in protocol.scoring.fmr_targets},
    }


def _rates_at_validation_thresholds(
    genuine: np.ndarray,
    impostor: np.ndarray,
    validation: tuple[np.ndarray, np.ndarray],
    failed: FailedTrials,
    protocol: Protocol,
) -> dict[str, Any]:
    """Error rates on the test at thresholds that validation people set."""
    chosen = {f"fmr {x}": threshold_at_fmr(validation[1], x) for x in protocol.scoring.fmr_targets}
    chosen["eer"] = threshold_at_eer(*validation)
    return {
        name: {key: plain(value) for key, value in vars(generalised_rates(genuine, impostor, failed, at)).items()}
        for name, at in chosen.items()
    }


def _subgroups(per_target: Mapping[str, float], values: Mapping[str, str | None]) -> dict[str, Any]:
    found = compare_subgroups(per_target, values)
    return {
        "groups": {value: vars(group) for value, group in found.groups.items()},
        "gap": plain(found.gap),
        "best": found.best,
        "worst": found.worst,
        "unknown": found.unknown,
    }


def _chart_data(scorer: PairScorer, found: ScoredTrials, curve: roc.RocCurve) -> dict[str, Any]:
    """What charts and tables are drawn from."""
    few = roc.thin_curve(curve, 150)
    band = roc_band(found.grouped_scores, found.weights, found.uncertainty.confidence)
    counts = score_histogram(found.genuine, found.impostor)
    apart = embedding_distances(scorer, found.complete_targets)
    return {
        "curve": {"fmr": [round(float(x), 7) for x in few.fmr], "tpr": [round(float(x), 7) for x in few.tpr]},
        "bands": {
            **{key: [plain(round(float(x), 7)) for x in getattr(band, key)] for key in ("fmr", "tpr", "low", "high")},
            "reason": band.reason,
        },
        "histogram": {
            "edges": counts.edges.tolist(),
            "genuine": counts.genuine.tolist(),
            "impostor": counts.impostor.tolist(),
            "genuine_no_match": counts.genuine_no_match,
            "impostor_no_match": counts.impostor_no_match,
        },
        "distances": None
        if apart is None
        else {"self": apart.same_driver, "cross": apart.other_driver, "ratio": plain(apart.ratio)},
        "people": _people(found),
    }


def _people(found: ScoredTrials) -> list[dict[str, Any]]:
    """One row a target: its figures, its trials, and how well it is told apart where it drives somebody else's face
    (null where it never does)."""
    beaten, pairs = np.zeros(len(found.people)), np.zeros(len(found.people))
    number = {person: n for n, person in enumerate(found.people)}
    for target, statistics in found.target_statistics:
        wins, genuine = statistics.wins.sum(axis=0), statistics.genuine_count.sum()
        others = statistics.impostor_people[:, 1:]
        for column in range(others.shape[1]):
            who = others[:, column]
            new = (who >= 0) & (who != target)
            for earlier in range(column):
                new &= others[:, earlier] != who
            np.add.at(beaten, who[new], wins[new])
            np.add.at(pairs, who[new], genuine * statistics.impostor_count[new])
    rows = []
    for one in sorted(found.complete_targets, key=lambda x: x.trials.target):
        n = number[one.trials.target]
        rows.append(
            {
                "person": one.trials.target,
                "auc": found.auc_by_target[one.trials.target],
                "eer": roc.equal_error_rate(roc.roc_curve(one.genuine, one.impostor)).value,
                "auc_as_impostor": float(beaten[n] / pairs[n]) if pairs[n] else None,
                "genuine": len(one.genuine),
                "impostor": len(one.impostor),
            }
        )
    return rows


def _permutation(found: ScoredTrials, videos: pd.DataFrame, protocol: Protocol) -> dict[str, Any]:
    """The people-permutation test over each target's probes, grouped by driver."""
    areas = []
    for one in found.complete_targets:
        # A genuine pair's second video is a probe of the target's own group; an impostor pair's second the other's.
        group = np.concatenate(
            [found.driver_numbers[one.trials.genuine[:, 1]], found.driver_numbers[one.trials.impostor[:, 1]]]
        )
        areas.append(group_aucs(np.concatenate([one.genuine, one.impostor]), group, len(found.people)))
    table = np.array(areas)
    present = np.flatnonzero(~np.isnan(table).all(axis=0))
    test = permutation_test(
        table[:, present],
        [found.people[n] for n in present],
        [one.trials.target for one in found.complete_targets],
        collection_of_person(videos),
        protocol.uncertainty.permutations,
        protocol.uncertainty.seed,
    )
    return {key: None if isinstance(value, float) and math.isnan(value) else value for key, value in vars(test).items()}
