"""All figures of one scorer on one generator's trials."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from benchmark.metrics import roc
from benchmark.metrics.costs import Costs, affine_calibration, cllr, cllr_min, min_dcf
from benchmark.metrics.failure_to_acquire import FailedTrials, add_failed_trials, count_failed_trials, generalised_rates
from benchmark.metrics.permutation import group_aucs, permutation_test
from benchmark.metrics.subgroups import compare_subgroups, worst_decile_auc
from benchmark.metrics.thresholds import fmr_support, threshold_at_eer, threshold_at_fmr
from benchmark.protocols.schema import Protocol, TrialRule
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.chart_data import compute_chart_data
from benchmark.trial_scores.figure_values import (
    DetectionCost,
    EqualErrorRate,
    FailureFigures,
    GroupFigures,
    IntervalFigure,
    LikelihoodRatioCost,
    PermutationFigures,
    RateAtFmr,
    SubgroupFigures,
    ThresholdRates,
    TrialCounts,
    finite_or_none,
)
from benchmark.trial_scores.scored_trials import ScoredTrials, collection_of_person, score_trials
from benchmark.trial_scores.scores import PairScorer
from benchmark.trials.trials import TargetTrials

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
) -> CellFigures:
    """Figures of `scorer` over those of `trials` that have genuine and impostor pairs.

    Under the same-driver rule targets with one kind of pairs count too, in the pooled figures: there a target's trials
    are one block of the whole.

    videos: the table whose rows the trials number. full: also chart data and the permutation test. requested_trials:
    the trials that the rule makes of all videos, those without a score among them; what is missing from `trials`
    counts as rejected under `failures`. validation_scores: genuine and impostor scores of validation people, from
    which thresholds and the calibration are taken. demographics: column -> person -> value.

    Raises NvfairError where a score is missing or NaN, naming the trial, and where no target has an AUC.
    """
    scored = score_trials(scorer, trials, videos, protocol)
    genuine, impostor, auc_by_target = scored.genuine, scored.impostor, scored.auc_by_target
    curve = roc.roc_curve(genuine, impostor)
    failures, at_thresholds, failed = None, None, FailedTrials()
    requested = _requested_trials(requested_trials, protocol)
    if requested:
        failed = count_failed_trials(requested, [scores.trials for scores in scored.target_scores])
    if requested_trials is not None:
        failures = _failures(scored, requested, failed, protocol)
    if validation_scores is not None:
        at_thresholds = _rates_at_validation_thresholds(genuine, impostor, validation_scores, failed, protocol)
    has_permutation = full and protocol.trials.rule is TrialRule.SELF_SELF_VS_SELF_CROSS
    return CellFigures(
        auc_mean=IntervalFigure.from_interval(scored.mean_interval()),
        auc_pooled=IntervalFigure.from_interval(scored.pooled_interval()),
        eer=_eer(curve),
        tpr_at_fmr={str(target): _rate_at_fmr(scored, target) for target in protocol.scoring.fmr_targets},
        min_dcf=DetectionCost(min_dcf(curve, COSTS), COSTS.prior, COSTS.miss, COSTS.false_alarm),
        information=_cllr(genuine, impostor, curve, validation_scores),
        worst_decile=worst_decile_auc(auc_by_target),
        auc_by_target={target: auc_by_target[target] for target in sorted(auc_by_target)},
        trials=TrialCounts(len(genuine), len(impostor), len(scored.complete_targets)),
        failures=failures,
        at_validation_threshold=at_thresholds,
        subgroups=_subgroups(auc_by_target, demographics) if demographics else None,
        charts=compute_chart_data(scorer, scored, curve) if full else None,
        permutation=_permutation(scored, videos, protocol) if has_permutation else None,
    )


def _eer(curve: roc.RocCurve) -> EqualErrorRate:
    eer = roc.equal_error_rate(curve)
    return EqualErrorRate(eer.value, eer.low, eer.high)


def _rate_at_fmr(scored: ScoredTrials, target: float) -> RateAtFmr:
    value = roc.tpr_at_fmr(scored.genuine, scored.impostor, target)
    impostors, pairs = len(scored.impostor), scored.impostor_pairs
    if target == 0:
        return RateAtFmr(value, impostors, pairs, False, "no number of trials supports an FMR of 0")
    supported = fmr_support(impostors, pairs, target)
    return RateAtFmr(value, impostors, pairs, supported.supported, supported.reason)


def _cllr(
    genuine: np.ndarray,
    impostor: np.ndarray,
    curve: roc.RocCurve,
    validation_scores: tuple[np.ndarray, np.ndarray] | None,
) -> LikelihoodRatioCost:
    """Cllr of scores calibrated on validation people, or else of the scores as they are, and its minimum."""
    if validation_scores is None:
        cost, scores = cllr(genuine, impostor), "scores as they are"
    else:
        calibration = affine_calibration(*validation_scores)
        cost = cllr(calibration(genuine), calibration(impostor))
        scores = "scores calibrated on validation people"
    return LikelihoodRatioCost(finite_or_none(cost), scores, cllr_min(curve))


def _requested_trials(requested: Sequence[TargetTrials] | None, protocol: Protocol) -> list[TargetTrials]:
    """Of the requested trials, those that would have been scored had nothing failed."""
    any_kind_counts = protocol.trials.rule is TrialRule.SAME_DRIVER
    return [target_trials for target_trials in requested or () if target_trials.complete or any_kind_counts]


def _failures(
    scored: ScoredTrials, requested: Sequence[TargetTrials], failed: FailedTrials, protocol: Protocol
) -> FailureFigures:
    """Counts of trials without a score, and the figures with them rejected.

    A target that lost all trials of one kind was not scored; what it had of the other kind is lost with it.
    """
    scores_of_target = {scores.trials.target: scores for scores in scored.target_scores}
    auc_by_target = {}
    for target_trials in requested:
        if target_trials.complete:
            scores = scores_of_target.get(target_trials.target)
            genuine, impostor = (scores.genuine, scores.impostor) if scores else (np.empty(0), np.empty(0))
            failed_of_target = count_failed_trials([target_trials], [scores.trials] if scores else [])
            auc_by_target[target_trials.target] = roc.auc(*add_failed_trials(genuine, impostor, failed_of_target))
    genuine, impostor = add_failed_trials(scored.genuine, scored.impostor, failed)
    return FailureFigures(
        genuine=failed.genuine,
        impostor=failed.impostor,
        auc_mean=roc.mean_auc_over_targets(auc_by_target),
        auc_pooled=roc.auc(genuine, impostor),
        eer=_eer(roc.roc_curve(genuine, impostor)),
        tpr_at_fmr={str(target): roc.tpr_at_fmr(genuine, impostor, target) for target in protocol.scoring.fmr_targets},
    )


def _rates_at_validation_thresholds(
    genuine: np.ndarray,
    impostor: np.ndarray,
    validation_scores: tuple[np.ndarray, np.ndarray],
    failed: FailedTrials,
    protocol: Protocol,
) -> dict[str, ThresholdRates]:
    """Error rates on the test at thresholds that validation people set, by the thresholds' names."""
    targets = protocol.scoring.fmr_targets
    thresholds = {f"fmr {target}": threshold_at_fmr(validation_scores[1], target) for target in targets}
    thresholds["eer"] = threshold_at_eer(*validation_scores)
    result = {}
    for name, threshold in thresholds.items():
        rates = generalised_rates(genuine, impostor, failed, threshold)
        result[name] = ThresholdRates(
            threshold=finite_or_none(rates.threshold),
            gfar=finite_or_none(rates.gfar),
            gfrr=finite_or_none(rates.gfrr),
            fta_genuine=finite_or_none(rates.fta_genuine),
            fta_impostor=finite_or_none(rates.fta_impostor),
        )
    return result


def _subgroups(
    auc_by_target: Mapping[str, float], demographics: Mapping[str, Mapping[str, str | None]]
) -> dict[str, SubgroupFigures]:
    """Figures of groups of people by each demographic column, in the order of the columns' names."""
    figures = {}
    for column, values in sorted(demographics.items()):
        subgroups = compare_subgroups(auc_by_target, values)
        figures[column] = SubgroupFigures(
            groups={value: GroupFigures(g.people, g.auc, g.supported) for value, g in subgroups.groups.items()},
            gap=finite_or_none(subgroups.gap),
            best=subgroups.best,
            worst=subgroups.worst,
            unknown=subgroups.unknown,
        )
    return figures


def _permutation(scored: ScoredTrials, videos: pd.DataFrame, protocol: Protocol) -> PermutationFigures:
    """The people-permutation test over each target's probes, grouped by driver."""
    aucs = []
    for scores in scored.complete_targets:
        # A genuine pair's second video is a probe of the target's own group; an impostor pair's second the other's.
        probes = np.concatenate([scores.trials.genuine[:, 1], scores.trials.impostor[:, 1]])
        target_scores = np.concatenate([scores.genuine, scores.impostor])
        aucs.append(group_aucs(target_scores, scored.driver_numbers[probes], len(scored.people)))
    table = np.array(aucs)  # (targets, people): AUC of each person's probes against all others; NaN where none
    present = np.flatnonzero(~np.isnan(table).all(axis=0))
    test = permutation_test(
        table[:, present],
        [scored.people[number] for number in present],
        [scores.trials.target for scores in scored.complete_targets],
        collection_of_person(videos),
        protocol.uncertainty.permutations,
        protocol.uncertainty.seed,
    )
    return PermutationFigures(
        observed=_number_or_none(test.observed),
        null_mean=_number_or_none(test.null_mean),
        null_high=_number_or_none(test.null_high),
        p_value=_number_or_none(test.p_value),
        smallest=_number_or_none(test.smallest),
        permutations=test.permutations,
    )


def _number_or_none(value: float) -> float | None:
    """The value as it is; None for NaN."""
    return None if math.isnan(value) else value
