"""How often the interval of the primary difference holds the truth with so few people, measured by simulation.

The model: a clip has one vector for each method; it is the person's vector, times the method's separation and the
person's own factor, plus noise of the clip. Part of both is common to all methods. A score is minus the distance of two
clips' vectors. The design (people, sessions, numbers of clips) is that of the study. The truth is the mean of the
difference over all experiments.

Legend: C clips, D dimensions, E experiments, K people, M methods (ours first, then the published ones).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.spatial.distance import cdist

from benchmark.metrics.intervals import people_weights
from examples.studies.real_people.people_statistics import (
    Design,
    TestedDifference,
    difference_over_people,
    mean_statistics,
    method_statistics,
)
from examples.studies.real_people.plan import Coverage, Plan

_FIGURE = "mean"


@dataclass(frozen=True)
class CoverageRow:
    """The result of one scenario.

    truth: mean of the difference over all experiments. covered, jackknife_covered: shares of experiments whose interval
    holds it. rejected: share in which the sign-flip test rejects equality at one minus the confidence; where nothing
    differs, the rate of false alarms. deviation: of the difference between experiments.
    """

    scenario: str
    truth: float
    covered: float
    jackknife_covered: float
    rejected: float
    deviation: float
    experiments: int


def measure_coverage(plan: Plan, design: Design, progress: Callable[[str], None] | None = None) -> list[CoverageRow]:
    """Simulates the study without and with an advantage of our method; returns one row for each."""
    rows = []
    for scenario, advantage in (("no method is better", 0.0), ("ours is better", plan.coverage.advantage)):
        rng = np.random.default_rng([plan.seed, len(rows)])
        differences = []
        for experiment in range(plan.coverage.experiments):
            differences.append(_simulated_difference(plan, design, advantage, rng, experiment))
            if progress and (experiment + 1) % 50 == 0:
                progress(f"coverage, {scenario}: {experiment + 1} of {plan.coverage.experiments} experiments")
        rows.append(_coverage_row(scenario, differences, 1 - plan.confidence))
    return rows


def _coverage_row(scenario: str, differences: list[TestedDifference], level: float) -> CoverageRow:
    values = np.array([difference.value for difference in differences])
    truth = float(values.mean())
    return CoverageRow(
        scenario,
        truth,
        covered=float(np.mean([row.low <= truth <= row.high for row in differences])),
        jackknife_covered=float(np.mean([row.jackknife_low <= truth <= row.jackknife_high for row in differences])),
        rejected=float(np.mean([row.p_value <= level for row in differences])),
        deviation=float(values.std(ddof=1)),
        experiments=len(differences),
    )


def _simulated_difference(
    plan: Plan, design: Design, advantage: float, rng: np.random.Generator, experiment: int
) -> TestedDifference:
    model, methods = plan.coverage, 1 + len(plan.published)
    separation = np.full(methods, model.separation)
    separation[0] += advantage
    person, noise = (_common_and_own(rng, methods, rows, model) for rows in (design.people, len(design.person)))
    factor = np.exp(model.spread * rng.standard_normal((methods, design.people)))
    clips = (separation[:, None, None] * factor[:, :, None] * person)[:, design.person] + noise
    statistics = [method_statistics(-cdist(vectors, vectors)[None], design) for vectors in clips]
    weights = people_weights(design.people, model.resamples, experiment)
    return difference_over_people(
        statistics[0], mean_statistics(statistics[1:]), weights, plan.confidence, plan.power, _FIGURE
    )


def _common_and_own(rng: np.random.Generator, methods: int, rows: int, model: Coverage) -> np.ndarray:
    """Standard normal vectors (M, rows, D), of whose variance the share `model.shared` is common to all methods."""
    common = rng.standard_normal((1, rows, model.dimensions))
    own = rng.standard_normal((methods, rows, model.dimensions))
    return np.sqrt(model.shared) * common + np.sqrt(1 - model.shared) * own
