"""All figures of one scorer on one cell's trials, as a typed value with its form in results.json.

The same form stands in bundles of `nvfair reproduce` and in the leaderboard's rows. docs/metrics.md lists the keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from benchmark.metrics.intervals import ResampledMean
from benchmark.trial_scores.chart_data import ChartData
from benchmark.trial_scores.figure_values import (
    CrossCrossFigures,
    DetectionCost,
    EqualErrorRate,
    FailureFigures,
    IntervalFigure,
    LikelihoodRatioCost,
    PermutationFigures,
    RateAtFmr,
    SubgroupFigures,
    ThresholdRates,
    TrialCounts,
)

# A protocol's headline -> the figure (and key) of `CellFigures` that it names.
HEADLINE_FIGURES = {"mean-auc-over-targets": "auc_mean", "pooled-auc": "auc_pooled"}


@dataclass(frozen=True)
class CellFigures:
    """Figures of a scorer over the trials of one cell.

    auc_mean: mean of the targets' AUCs. auc_pooled: AUC of all trials pooled. tpr_at_fmr: FMR target (as text) ->
    true match rate. worst_decile: mean AUC of the worst tenth of people. auc_by_target: target -> AUC.

    Where they were not computed, None: `failures` (trials without a score counted as rejected), rates at thresholds
    that validation people set (name of the threshold -> rates), `subgroups` (column -> figures), `charts`,
    `permutation` and `cross_cross`. resampled_mean: the mean AUC under each resample of people, for paired differences;
    it is not written to files, and None in figures that were read from one.
    """

    auc_mean: IntervalFigure
    auc_pooled: IntervalFigure
    eer: EqualErrorRate
    tpr_at_fmr: Mapping[str, RateAtFmr]
    min_dcf: DetectionCost
    information: LikelihoodRatioCost
    worst_decile: float
    auc_by_target: Mapping[str, float]
    trials: TrialCounts
    failures: FailureFigures | None = None
    at_validation_threshold: Mapping[str, ThresholdRates] | None = None
    subgroups: Mapping[str, SubgroupFigures] | None = None
    charts: ChartData | None = None
    permutation: PermutationFigures | None = None
    cross_cross: CrossCrossFigures | None = None
    resampled_mean: ResampledMean | None = field(default=None, repr=False, compare=False)

    def auc(self, figure: str) -> IntervalFigure:
        """The figure "auc_mean" or "auc_pooled" by its key (a value of HEADLINE_FIGURES)."""
        return {"auc_mean": self.auc_mean, "auc_pooled": self.auc_pooled}[figure]

    def with_cross_cross(self, figures: CellFigures) -> CellFigures:
        """The same with the AUCs of `figures`, which are those of the cell's cross-cross trials."""
        return replace(self, cross_cross=CrossCrossFigures(figures.auc_mean, figures.auc_pooled, figures.trials))

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file; figures that were not computed have no key."""
        content: dict[str, Any] = {
            "auc_mean": self.auc_mean.to_json(),
            "auc_pooled": self.auc_pooled.to_json(),
            "eer": self.eer.to_json(),
            "tpr_at_fmr": {target: rate.to_json() for target, rate in self.tpr_at_fmr.items()},
            "min_dcf": self.min_dcf.to_json(),
            **self.information.to_json(),
            "worst_decile": self.worst_decile,
            "per_target": dict(self.auc_by_target),
            "trials": self.trials.to_json(),
        }
        if self.failures is not None:
            content["fta"] = self.failures.to_json()
        if self.at_validation_threshold is not None:
            rates = self.at_validation_threshold.items()
            content["at_validation_threshold"] = {name: rate.to_json() for name, rate in rates}
        if self.subgroups is not None:
            content["subgroups"] = {column: figures.to_json() for column, figures in self.subgroups.items()}
        if self.charts is not None:
            content |= self.charts.to_json()
        if self.permutation is not None:
            content["permutation"] = self.permutation.to_json()
        if self.cross_cross is not None:
            content["cross_cross"] = self.cross_cross.to_json()
        return content

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CellFigures:
        """The figures that `to_json` wrote; other keys are left alone. Raises KeyError where a key is missing."""
        rates, columns = content.get("at_validation_threshold"), content.get("subgroups")
        permutation, cross_cross = content.get("permutation"), content.get("cross_cross")
        return cls(
            auc_mean=IntervalFigure.from_json(content["auc_mean"]),
            auc_pooled=IntervalFigure.from_json(content["auc_pooled"]),
            eer=EqualErrorRate.from_json(content["eer"]),
            tpr_at_fmr={target: RateAtFmr.from_json(rate) for target, rate in content["tpr_at_fmr"].items()},
            min_dcf=DetectionCost.from_json(content["min_dcf"]),
            information=LikelihoodRatioCost.from_json(content),
            worst_decile=content["worst_decile"],
            auc_by_target=dict(content["per_target"]),
            trials=TrialCounts.from_json(content["trials"]),
            failures=FailureFigures.from_json(content["fta"]) if "fta" in content else None,
            at_validation_threshold=None
            if rates is None
            else {name: ThresholdRates.from_json(rate) for name, rate in rates.items()},
            subgroups=None
            if columns is None
            else {column: SubgroupFigures.from_json(figures) for column, figures in columns.items()},
            charts=ChartData.from_json(content) if "curve" in content else None,
            permutation=None if permutation is None else PermutationFigures.from_json(permutation),
            cross_cross=None if cross_cross is None else CrossCrossFigures.from_json(cross_cross),
        )
