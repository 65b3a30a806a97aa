"""How long a build will take, as a finding of the preflight: from a measured probe of this machine."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np

from nvfair_tools.curate.costs.estimate import rounded_hours
from nvfair_tools.curate.costs.explanation import explain
from nvfair_tools.curate.finding import Finding
from nvfair_tools.errors import NvfairError
from nvfair_tools.recipe.recipe import Recipe, load_recipe


def time_finding(
    recipe: Recipe | Path,
    *,
    stand_in: Callable[[], Iterable[np.ndarray]],
    measure: bool = True,
    cache: Path | None = None,
) -> Finding:
    """Estimates the hours of a build here, with the share of each stage; says why where they are not known.

    stand_in: makes frames with a face where no listed clip is on disk. measure: run the probe where this machine was
    not measured for such a recipe yet. cache: folder of earlier probes.
    """
    recipe = recipe if isinstance(recipe, Recipe) else load_recipe(recipe)
    try:
        report = explain(recipe, stand_in=stand_in, measure=measure, cache=cache)
    except NvfairError as error:
        return Finding("warning", "time", f"unknown: {error.what}", error.remedy)
    hours = [cost.hours for cost in report.costs]
    if any(value is None for value in hours):
        reason = next((text for text in report.assumptions if text.startswith("hours here")), "hours here are unknown")
        return Finding("warning", "time", reason, "nvfair plan RECIPE --explain measures this machine")
    stages = [
        f"{' '.join(filter(None, (cost.stage, cost.generator)))} {rounded_hours(cost.hours)}"
        for cost in sorted(report.costs, key=lambda cost: -(cost.hours or 0.0))
        if cost.hours and cost.hours > 0.05 * sum(filter(None, hours))
    ]
    listed = f" ({', '.join(stages)})" if len(stages) > 1 else ""
    total = rounded_hours(sum(filter(None, hours)))
    total = total if total.startswith("under") else f"about {total}"
    return Finding(
        "ok",
        "time",
        f"{total} here for a whole build{listed}; measured by a probe, at most "
        "this much, as if every clip were usable and nothing made yet",
    )
