"""Results with invented figures, for tests of what is made of results. Nothing here scores anything."""

from __future__ import annotations

from typing import Any

import numpy as np

from benchmark import protocols
from benchmark.evaluation.embedding_map import EmbeddingMap
from benchmark.evaluation.machine import Machine
from benchmark.evaluation.method_record import MethodRecord
from benchmark.evaluation.result_rows import (
    CellResult,
    Exclusions,
    NullResult,
    SeedSpread,
    ShortcutMargin,
    ShortcutResult,
    SkippedSweep,
    StressLevel,
    TargetWithoutTrials,
    UnscoredSection,
    ValidationSource,
)
from benchmark.evaluation.results import EvaluatedData, EvaluatedProtocol, EvaluationResults
from benchmark.metrics.intervals import ResampledMean
from benchmark.stress.rates import StressRate
from benchmark.trial_scores.cell_figures import CellFigures
from benchmark.trial_scores.chart_data import (
    BandPoints,
    ChartData,
    CurvePoints,
    DistanceFigures,
    HistogramCounts,
    PersonFigures,
)
from benchmark.trial_scores.figure_values import (
    CrossCrossFigures,
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
)

SEEN, UNSEEN = protocols.load("nvfair-seen"), protocols.load("nvfair-unseen")
EER = EqualErrorRate(0.2, 0.18, 0.22)
TRIALS = TrialCounts(genuine=120, impostor=2400, targets=2)
PEOPLE = {"toy:0": 0.9, "toy:1": 0.7}
CHARTS = ChartData(
    curve=CurvePoints((0.0, 0.1, 1.0), (0.0, 0.6, 1.0)),
    band=BandPoints((0.1, 0.5), (0.6, 0.9), (0.5, None), (0.7, None), ""),
    histogram=HistogramCounts((-1.0, -0.5, 0.0), (20, 100), (1400, 999), 0, 1),
    distances=DistanceFigures(0.4, 0.8, 2.0),
    people=(PersonFigures("toy:0", 0.9, 0.1, None, 60, 1200), PersonFigures("toy:1", 0.7, 0.3, 0.8, 60, 1200)),
)


def auc(value: float, *, interval: bool = True) -> IntervalFigure:
    """An AUC with an interval around it, or without one and with the reason."""
    if not interval:
        return IntervalFigure(value, None, None, 2, "2 people are too few for an interval")
    return IntervalFigure(value, value - 0.05, value + 0.05, 8)


def figures(value: float = 0.8, *, full: bool = True) -> CellFigures:
    """Figures around a mean AUC; full: with every figure that may be left out."""
    rate = RateAtFmr(0.5, 2400, 2, False, "2 different pairs of people, at least 10 are needed")
    least = {
        "auc_mean": auc(value),
        "auc_pooled": auc(value - 0.01, interval=False),
        "eer": EER,
        "tpr_at_fmr": {str(target): rate for target in SEEN.scoring.fmr_targets},
        "min_dcf": DetectionCost(0.7, 0.01, 1.0, 1.0),
        "information": LikelihoodRatioCost(None, "scores as they are", 0.6),
        "worst_decile": 0.7,
        "auc_by_target": PEOPLE,
        "trials": TRIALS,
    }
    if not full:
        return CellFigures(**least)
    return CellFigures(
        **least,
        failures=FailureFigures(3, 4, value, value, EER, {"0.1": 0.5}),
        at_validation_threshold={"eer": ThresholdRates(None, 0.1, 0.2, 0.0, 0.0)},
        subgroups={"gender": SubgroupFigures({"x": GroupFigures(1, 0.9, False)}, None, "", "", 1)},
        charts=CHARTS,
        permutation=PermutationFigures(value, 0.5, 0.6, 0.01, 0.5, 20),
        cross_cross=CrossCrossFigures(auc(value - 0.1), auc(value - 0.1), TRIALS),
        resampled_mean=ResampledMean(value, np.array([value - 0.1, value + 0.1]), (0, 1)),
    )


def cell(method: str, generator: str, value: float = 0.8, *, relation: str = "seen", **changes: Any) -> CellResult:
    """A method on a generator, under nvfair-seen or nvfair-unseen as the relation says."""
    protocol = UNSEEN if relation == "unseen" else SEEN
    values = {
        "method": method,
        "section": 0,
        "train_generators": ("alpha",),
        "generator": generator,
        "relation": relation,
        "protocol": protocol.name,
        "protocol_digest": protocol.digest,
        "contaminated": (),
        "evidence": f"{method}-0.parquet",
        "validation": ValidationSource(2, ""),
        "figures": figures(value),
        "margin": ShortcutMargin("still frame", 0.15, 0.1, 0.2, 2, False),
        "embedding_map": EmbeddingMap(("toy:0", "toy:1"), ((0.1, 0.2, 0, 1), (0.3, -0.2, 1, 0)), (0.5, 0.2)),
    }
    return CellResult(**values | changes)


def network_details(**changes: Any) -> dict[str, Any]:
    """What the record of a trained network holds."""
    details = {
        "kind": "method",
        "digest": "0123456789abcdef" * 4,
        "network": "temporal-cnn",
        "input": "distances",
        "scale": "overall",
        "selection": {"metric": "mean AUC over validation targets", "step": 4, "validation_auc": 0.7},
        "windows": 1600,
        "seed": 3,
        "options": {"seed": 3, "width": 16},
        "parameters": 132448,
    }
    return details | changes


def record(details: dict[str, Any] | None = None) -> MethodRecord:
    """The record of a network that was trained on one generator, or of a method with other details."""
    roles = ("training", "selection", "thresholds", "cohorts")
    return MethodRecord(
        details=network_details() if details is None else details,
        people=dict.fromkeys(roles, 4) | {"cohorts": None},
        generators=dict.fromkeys(roles, ("alpha",)) | {"cohorts": None},
        unknown_roles=("cohorts",),
        data={"name": "toy"},
    )


def results(**changes: Any) -> EvaluationResults:
    """Results of the network "cnn" on a seen and on an unseen generator, with a row of every kind."""
    values = {
        "protocols": tuple(EvaluatedProtocol(0, protocol.digest, protocol) for protocol in (SEEN, UNSEEN)),
        "data": EvaluatedData("toy", "f" * 64, False, ("toy:0", "toy:1"), 200, 1500),
        "generators": {"alpha": "toy", "beta": "toy"},
        "methods": {"cnn": record()},
        "cells": (cell("cnn", "alpha"), cell("cnn", "beta", 0.75, relation="unseen")),
        "shortcuts": tuple(
            ShortcutResult(0, name, generator, figures(value, full=False))
            for name, value in (("mean face shape", 0.6), ("still frame", 0.65))
            for generator in ("alpha", "beta")
        ),
        "nulls": (
            NullResult(0, "constant scores", "auc_mean", "alpha", "", 0.5, 0.5, 1.0, 1.0, True),
            NullResult(
                0, "drivers permuted by person", "auc_mean", "alpha", "cnn", 0.5, 0.49, 0.3, 1.0, True,
                error=0.01, observed=0.8, low=0.4, high=0.6, permutations=200,
            ),
        ),
        "exclusions": (
            Exclusions(0, 203, 200, {"render_failed": 3}, {"face_missing": 7},
                       (TargetWithoutTrials("beta", "toy:1", "target_without_genuine_pair"),)),
        ),
        "unscored": (UnscoredSection(1, "nvfair-cross-cross", "no target has both"),),
        "stress": (
            StressLevel("cnn", "landmark noise", 0, "alpha", auc(0.8), TRIALS, 200, 1500, 0, 0, 0),
            StressLevel("cnn", "landmark noise", 0.1, "alpha", None, TrialCounts(0, 0, 0), 0, 0, 200, 1500, 2520),
            SkippedSweep("cnn", "mimicry", "the people are not simulated"),
        ),
        "shortcut_descriptions": {"still frame": "one frame"},
        "null_descriptions": {"constant scores": "one score", "drivers permuted by person": "as they are"},
        "stress_descriptions": {"landmark noise": "white noise"},
        "published": {"about": "elsewhere", "tables": []},
        "machine": Machine("3.11", "Linux", "a processor", 1, "cpu", {"torch": "2"}, 0.5, 12.3),
        "seed_spreads": (SeedSpread(("cnn", "cnn-1"), 0, "alpha", "seen", "auc_mean", 0.8, None, 0.8, 0.8, 1),),
        "stress_rates": (
            StressRate("cnn", "unstressed", "alpha", "as it is", "", -0.5, "FMR at most 0.1 on validation people",
                       120, 2400, 0.2, 0.1, auc(0.8), 2),
            StressRate("cnn", "disguise", "alpha", "1.25 times as fast", "probe", -0.5,
                       "FMR at most 0.1 on validation people",
                       110, 2400, 0.35, 0.08, auc(0.7), 2, 10),
            StressRate("cnn", "imitation", "alpha", skipped="the people are not simulated"),
        ),
        "warnings": ("Not scored under nvfair-cross-cross: no target has both.",),
    }  # fmt: skip
    return EvaluationResults(**values | changes)
