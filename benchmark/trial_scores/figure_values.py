"""The values that `CellFigures` is made of, each with its form in results.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from benchmark.metrics.intervals import Interval
from benchmark.trial_scores.json_values import FlatValue


def finite_or_none(value: float) -> float | None:
    """A number for a JSON file, which has neither NaN nor infinity: None for those."""
    return float(value) if math.isfinite(value) else None


@dataclass(frozen=True)
class IntervalFigure:
    """A figure with its interval over resampled people.

    low, high: None where no interval can be trusted; `reason` says why ("" where there is an interval). people: the
    number of people who were resampled.
    """

    value: float
    low: float | None
    high: float | None
    people: int
    reason: str = ""

    @classmethod
    def from_interval(cls, interval: Interval) -> IntervalFigure:
        """The figure that a metric gives with NaN for a missing interval."""
        low, high = finite_or_none(interval.low), finite_or_none(interval.high)
        return cls(interval.value, low, high, interval.people, interval.reason)

    @property
    def interval_text(self) -> str:
        """The interval in words, such as "0.712–0.843"; where there is none, that and why."""
        if self.low is None or self.high is None:
            return f"no interval: {self.reason}" if self.reason else "no interval"
        return f"{self.low:.3f}–{self.high:.3f}"

    def to_json(self) -> dict[str, Any]:
        """Plain values; without the key `reason` where it is empty."""
        content = {"value": self.value, "low": self.low, "high": self.high, "people": self.people}
        return content | ({"reason": self.reason} if self.reason else {})

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> IntervalFigure:
        """The figure that `to_json` wrote."""
        return cls(content["value"], content["low"], content["high"], content["people"], content.get("reason", ""))


@dataclass(frozen=True)
class EqualErrorRate(FlatValue):
    """Equal error rate: `value` is the middle of the bracket [low, high] between which FMR and FNMR cross."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class RateAtFmr(FlatValue):
    """The largest true match rate at a false match rate that does not exceed the target.

    impostors: impostor trials. pairs: different pairs of people among them. supported: whether so many trials support
    the rate; `reason` says what is missing. The value is given all the same, so that a page can grey it out.
    """

    value: float
    impostors: int
    pairs: int
    supported: bool
    reason: str


@dataclass(frozen=True)
class DetectionCost(FlatValue):
    """Least normalised detection cost, with the prior and the costs (of a miss, of a false alarm) it was taken at."""

    value: float
    prior: float
    miss: float
    false_alarm: float


@dataclass(frozen=True)
class LikelihoodRatioCost(FlatValue):
    """Cllr, the cost in bits of scores read as log-likelihood ratios, and its minimum over monotone maps.

    cllr: None where it is infinite. cllr_of: which scores `cllr` is of, in words.
    """

    cllr: float | None
    cllr_of: str
    cllr_min: float


@dataclass(frozen=True)
class TrialCounts(FlatValue):
    """The number of genuine trials, of impostor trials, and of targets that have both."""

    genuine: int
    impostor: int
    targets: int


@dataclass(frozen=True)
class FailureFigures:
    """Failures to acquire: trials without a score, and the figures with these trials rejected.

    genuine, impostor: the numbers of such trials. tpr_at_fmr: FMR target (as text) -> true match rate.
    """

    genuine: int
    impostor: int
    auc_mean: float
    auc_pooled: float
    eer: EqualErrorRate
    tpr_at_fmr: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "genuine": self.genuine,
            "impostor": self.impostor,
            "auc_mean": self.auc_mean,
            "auc_pooled": self.auc_pooled,
            "eer": self.eer.to_json(),
            "tpr_at_fmr": dict(self.tpr_at_fmr),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> FailureFigures:
        """The figures that `to_json` wrote."""
        eer = EqualErrorRate.from_json(content["eer"])
        counts = (content["genuine"], content["impostor"])
        return cls(*counts, content["auc_mean"], content["auc_pooled"], eer, dict(content["tpr_at_fmr"]))


@dataclass(frozen=True)
class ThresholdRates(FlatValue):
    """Error rates on the test at a threshold that validation people set, with failed trials rejected.

    gfar, gfrr: generalised false acceptance and rejection rates. fta_genuine, fta_impostor: shares of trials that
    failed. None where a value is not finite, such as a threshold that accepts everybody.
    """

    threshold: float | None
    gfar: float | None
    gfrr: float | None
    fta_genuine: float | None
    fta_impostor: float | None


@dataclass(frozen=True)
class GroupFigures(FlatValue):
    """Mean AUC of the people of one group; supported: whether they are enough for a comparison."""

    people: int
    auc: float
    supported: bool


@dataclass(frozen=True)
class SubgroupFigures:
    """Mean AUC by what people stated about themselves in one column of identities.parquet.

    groups: stated value -> figures. gap: the largest difference between supported groups, None where fewer than two
    are. best, worst: their values, "" without a gap. unknown: the number of people who stated nothing.
    """

    groups: Mapping[str, GroupFigures]
    gap: float | None
    best: str
    worst: str
    unknown: int

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "groups": {value: group.to_json() for value, group in self.groups.items()},
            "gap": self.gap,
            "best": self.best,
            "worst": self.worst,
            "unknown": self.unknown,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SubgroupFigures:
        """The figures that `to_json` wrote."""
        groups = {value: GroupFigures.from_json(group) for value, group in content["groups"].items()}
        return cls(groups, content["gap"], content["best"], content["worst"], content["unknown"])


@dataclass(frozen=True)
class PermutationFigures(FlatValue):
    """The test that permutes people among the drivers of each face.

    observed: the statistic of the data. null_mean, null_high: mean and 95 % quantile over permutations. p_value: the
    share of permutations (the data among them) at least as large. smallest: the least p-value that so many people and
    permutations allow. None where no permutation has a statistic.
    """

    observed: float | None
    null_mean: float | None
    null_high: float | None
    p_value: float | None
    smallest: float | None
    permutations: int


@dataclass(frozen=True)
class CrossCrossFigures:
    """AUCs over trials in which both videos are driven by somebody other than the face's owner."""

    auc_mean: IntervalFigure
    auc_pooled: IntervalFigure
    trials: TrialCounts

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        return {
            "auc_mean": self.auc_mean.to_json(),
            "auc_pooled": self.auc_pooled.to_json(),
            "trials": self.trials.to_json(),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> CrossCrossFigures:
        """The figures that `to_json` wrote."""
        auc_mean, auc_pooled = (IntervalFigure.from_json(content[key]) for key in ("auc_mean", "auc_pooled"))
        return cls(auc_mean, auc_pooled, TrialCounts.from_json(content["trials"]))
