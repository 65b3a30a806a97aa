"""The numbers that charts and the table of people are drawn from, and how they are made from scored trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics import roc
from benchmark.metrics.curves import roc_band, score_histogram
from benchmark.trial_scores.embedding_distances import embedding_distances
from benchmark.trial_scores.figure_values import finite_or_none
from benchmark.trial_scores.json_values import FlatValue
from benchmark.trial_scores.scored_trials import ScoredTrials
from benchmark.trial_scores.scores import PairScorer

_CURVE_POINTS = 150
_DIGITS = 7  # of the rates of a curve


@dataclass(frozen=True)
class CurvePoints:
    """Points of the ROC curve: false match rates and true match rates, strictest threshold first."""

    fmr: tuple[float, ...]
    tpr: tuple[float, ...]


@dataclass(frozen=True)
class BandPoints:
    """The band of the ROC curve at fixed false match rates.

    low, high: its edges, None where none can be trusted; `reason` says why ("" where there is a band).
    """

    fmr: tuple[float | None, ...]
    tpr: tuple[float | None, ...]
    low: tuple[float | None, ...]
    high: tuple[float | None, ...]
    reason: str


@dataclass(frozen=True)
class HistogramCounts:
    """Counts of genuine and impostor scores over the same bins, whose edges are one more than the counts.

    genuine_no_match, impostor_no_match: trials whose score is minus infinity, which are in no bin.
    """

    edges: tuple[float, ...]
    genuine: tuple[int, ...]
    impostor: tuple[int, ...]
    genuine_no_match: int
    impostor_no_match: int


@dataclass(frozen=True)
class DistanceFigures:
    """Mean distances of embeddings of videos by the same driver and by another driver; ratio: None without one."""

    same_driver: float
    other_driver: float
    ratio: float | None


@dataclass(frozen=True)
class PersonFigures(FlatValue):
    """One target's figures and numbers of trials.

    auc_as_impostor: the share of pairs (genuine trial, trial in which this person drives somebody else's face) that
    are ranked rightly; None where this person never drives one.
    """

    person: str
    auc: float
    eer: float
    auc_as_impostor: float | None
    genuine: int
    impostor: int


@dataclass(frozen=True)
class ChartData:
    """What the charts and the table of people of one cell are drawn from."""

    curve: CurvePoints
    band: BandPoints
    histogram: HistogramCounts
    distances: DistanceFigures | None
    people: tuple[PersonFigures, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values under the keys curve, bands, histogram, distances and people."""
        band, counts, distances = self.band, self.histogram, self.distances
        return {
            "curve": {"fmr": list(self.curve.fmr), "tpr": list(self.curve.tpr)},
            "bands": {
                "fmr": list(band.fmr),
                "tpr": list(band.tpr),
                "low": list(band.low),
                "high": list(band.high),
                "reason": band.reason,
            },
            "histogram": {
                "edges": list(counts.edges),
                "genuine": list(counts.genuine),
                "impostor": list(counts.impostor),
                "genuine_no_match": counts.genuine_no_match,
                "impostor_no_match": counts.impostor_no_match,
            },
            "distances": None
            if distances is None
            else {"self": distances.same_driver, "cross": distances.other_driver, "ratio": distances.ratio},
            "people": [person.to_json() for person in self.people],
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> ChartData:
        """The data that `to_json` wrote."""
        curve, bands, counts, distances = (content[key] for key in ("curve", "bands", "histogram", "distances"))
        return cls(
            CurvePoints(tuple(curve["fmr"]), tuple(curve["tpr"])),
            BandPoints(
                fmr=tuple(bands["fmr"]),
                tpr=tuple(bands["tpr"]),
                low=tuple(bands["low"]),
                high=tuple(bands["high"]),
                reason=bands["reason"],
            ),
            HistogramCounts(
                edges=tuple(counts["edges"]),
                genuine=tuple(counts["genuine"]),
                impostor=tuple(counts["impostor"]),
                genuine_no_match=counts["genuine_no_match"],
                impostor_no_match=counts["impostor_no_match"],
            ),
            None if distances is None else DistanceFigures(distances["self"], distances["cross"], distances["ratio"]),
            tuple(PersonFigures.from_json(person) for person in content["people"]),
        )


def compute_chart_data(scorer: PairScorer, scored: ScoredTrials, curve: roc.RocCurve) -> ChartData:
    """Chart data of scored trials, whose pooled ROC curve is `curve`."""
    drawn = roc.thin_curve(curve, _CURVE_POINTS)
    band = roc_band(scored.grouped_scores, scored.weights, scored.uncertainty.confidence)
    counts = score_histogram(scored.genuine, scored.impostor)
    distances = embedding_distances(scorer, scored.complete_targets)
    return ChartData(
        CurvePoints(_rounded(drawn.fmr), _rounded(drawn.tpr)),
        BandPoints(
            fmr=_finite(band.fmr),
            tpr=_finite(band.tpr),
            low=_finite(band.low),
            high=_finite(band.high),
            reason=band.reason,
        ),
        HistogramCounts(
            tuple(counts.edges.tolist()),
            tuple(counts.genuine.tolist()),
            tuple(counts.impostor.tolist()),
            counts.genuine_no_match,
            counts.impostor_no_match,
        ),
        None
        if distances is None
        else DistanceFigures(distances.same_driver, distances.other_driver, finite_or_none(distances.ratio)),
        person_figures(scored),
    )


def _rounded(rates: np.ndarray) -> tuple[float, ...]:
    return tuple(round(float(rate), _DIGITS) for rate in rates)


def _finite(rates: np.ndarray) -> tuple[float | None, ...]:
    return tuple(finite_or_none(rate) for rate in _rounded(rates))


def person_figures(scored: ScoredTrials) -> tuple[PersonFigures, ...]:
    """Figures of each target, in the order of their ids."""
    number_of_person = {person: number for number, person in enumerate(scored.people)}
    # Of each person as a driver of somebody else's face: wins of genuine trials over these trials, and how many pairs.
    wins_against, pairs_against = np.zeros(len(scored.people)), np.zeros(len(scored.people))
    for target, statistics in scored.target_statistics:
        wins, genuine = statistics.wins.sum(axis=0), statistics.genuine_count.sum()
        other_people = statistics.impostor_people[:, 1:]
        for column in range(other_people.shape[1]):
            person = other_people[:, column]
            # A person who stands in two columns of a trial counts once.
            is_new = (person >= 0) & (person != target)
            for earlier in range(column):
                is_new &= other_people[:, earlier] != person
            np.add.at(wins_against, person[is_new], wins[is_new])
            np.add.at(pairs_against, person[is_new], genuine * statistics.impostor_count[is_new])
    people = []
    for scores in sorted(scored.complete_targets, key=lambda scores: scores.trials.target):
        number = number_of_person[scores.trials.target]
        pairs = pairs_against[number]
        people.append(
            PersonFigures(
                person=scores.trials.target,
                auc=scored.auc_by_target[scores.trials.target],
                eer=roc.equal_error_rate(roc.roc_curve(scores.genuine, scores.impostor)).value,
                auc_as_impostor=float(wins_against[number] / pairs) if pairs else None,
                genuine=len(scores.genuine),
                impostor=len(scores.impostor),
            )
        )
    return tuple(people)
