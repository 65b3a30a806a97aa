"""The figures of the study, all of them aggregates over people, and the log of openings.

Each reading of the tracks appends two lines to the log (JSON lines): one when the tracks are read, before anything is
known, and one with the figures. An opening that was cut off therefore shows, too.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.metrics.intervals import Interval, people_weights
from examples.studies.real_people.coverage import CoverageRow
from examples.studies.real_people.driver_tracks import check_people
from examples.studies.real_people.method_scores import ClipScores
from examples.studies.real_people.people_statistics import (
    Design,
    MethodStatistics,
    chance_statistics,
    difference_over_people,
    holm,
    mean_interval,
    mean_statistics,
    method_statistics,
    pooled_interval,
)
from examples.studies.real_people.plan import CHANCE, PUBLISHED, Contrast, HashedPlan, Plan

READ, FIGURES = "tracks read", "figures"
_DIGITS = 4


@dataclass(frozen=True)
class StudyResults:
    """All figures. counts: of people, clips, sessions and trials. methods: one row for each method and generator.
    primary: the tested difference. exploratory: the others, with `holm_p`. coverage: rows of the simulation."""

    counts: dict[str, Any]
    methods: list[dict[str, Any]]
    primary: dict[str, Any]
    exploratory: list[dict[str, Any]]
    coverage: list[dict[str, Any]]


def compute_results(scores: ClipScores, plan: Plan) -> StudyResults:
    """All figures but the coverage. Raises NvfairError where fewer people than planned have an AUC."""
    design = Design.of(scores.person, scores.session)
    statistics = {
        generator: {name: method_statistics(table, design) for name, table in by_method.items()}
        for generator, by_method in scores.scores.items()
    }
    for by_method in statistics.values():
        by_method[PUBLISHED] = mean_statistics([by_method[network.name] for network in plan.published])
    first = next(iter(statistics[plan.generators[0]].values()))
    check_people(len(first.targets), plan)
    weights = people_weights(design.people, plan.resamples, plan.seed)
    rows = [
        {
            "generator": generator,
            "method": name,
            "mean": _interval(mean_interval(method, weights, plan.confidence)),
            "pooled": _interval(pooled_interval(method, weights, plan.confidence)),
        }
        for generator, by_method in statistics.items()
        for name, method in by_method.items()
    ]
    exploratory = [_difference(contrast, statistics, weights, plan) for contrast in plan.exploratory]
    for row, corrected in zip(exploratory, holm([row["p_value"] for row in exploratory]), strict=True):
        row["holm_p"] = round(corrected, _DIGITS)
    genuine = design.genuine()
    pairs = sum(len(rows) for _, _, rows in genuine)
    counts = {
        "people": len(first.targets),
        "clips": len(design.person),
        "sessions": len(np.unique(design.session)),
        "clips_left_out": {reason: count for reason, count in scores.left_out.items() if count},
        "faces": plan.faces.count,
        "genuine_trials": pairs * (plan.faces.count * (plan.faces.count - 1) // 2),
    }
    return StudyResults(counts, rows, _difference(plan.primary, statistics, weights, plan), exploratory, [])


def _interval(interval: Interval) -> list[float | None]:
    return [_rounded(value) for value in (interval.value, interval.low, interval.high)]


def _rounded(value: float) -> float | None:
    return round(float(value), _DIGITS) if np.isfinite(value) else None


def _difference(
    contrast: Contrast, statistics: Mapping[str, Mapping[str, MethodStatistics]], weights: np.ndarray, plan: Plan
) -> dict[str, Any]:
    by_method = statistics[contrast.generator]
    first = by_method[contrast.first]
    second = chance_statistics(first) if contrast.second == CHANCE else by_method[contrast.second]
    tested = difference_over_people(first, second, weights, plan.confidence, plan.power, contrast.figure)
    values = {name: _rounded(value) if isinstance(value, float) else value for name, value in asdict(tested).items()}
    return {"contrast": contrast.text} | values


def coverage_values(rows: list[CoverageRow]) -> list[dict[str, Any]]:
    """The rows of the simulation as plain values."""
    return [
        {name: round(value, _DIGITS) if isinstance(value, float) else value for name, value in asdict(row).items()}
        for row in rows
    ]


def append_to_log(log: Path, plan: HashedPlan, event: str, values: Mapping[str, Any] | None = None) -> None:
    """Appends one line to the log: the opening's number, the day, the plan's title and hash, and `values`."""
    entries = read_log(log)
    opening = sum(entry["event"] == READ for entry in entries) + (event == READ)
    entry = {
        "opening": opening,
        "day": datetime.now(UTC).date().isoformat(),
        "event": event,
        "plan": plan.plan.title,
        "plan_sha256": plan.sha256,
        "people": plan.plan.people,
        **(values or {}),
    }
    log.parent.mkdir(parents=True, exist_ok=True)
    with open(log, "a", encoding="utf-8") as file:
        file.write(json.dumps(entry, allow_nan=False) + "\n")


def read_log(log: Path) -> list[dict[str, Any]]:
    """The entries of the log, the earliest first; none where there is no log."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines() if line]
