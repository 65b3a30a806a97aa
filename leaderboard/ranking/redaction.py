"""What may be told of a result on a hidden data set: rounded figures with their interval, nothing about one person.

Every figure told exactly lets an author climb by many small changes; the coarser the answer, the less each says.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from leaderboard.store.results import StoredResult

ROUNDING_STEP = 0.01
_INTERVALS = ("auc_mean", "auc_pooled")


def redacted(result: StoredResult) -> StoredResult:
    """The result as it may leave the server."""
    if result.feedback == "full":
        return result
    return dataclasses.replace(result, figures=coarse_figures(result.figures))


def coarse_figures(figures: dict[str, Any], step: float = ROUNDING_STEP) -> dict[str, Any]:
    """Only the headline figures, rounded to `step`, with intervals rounded outwards, and the counts of trials. Whatever
    else a result comes to hold stays behind."""
    overlap = figures.get("overlap", "unknown")
    generators = {
        name: {key: _interval(one[key], step) for key in _INTERVALS if key in one}
        | ({"trials": {k: v for k, v in one["trials"].items() if isinstance(v, int)}} if "trials" in one else {})
        for name, one in figures.get("generators", {}).items()
    }
    # Who of the test people was named is a hidden label; how many is not.
    told = overlap if isinstance(overlap, str) else [f"test person {n + 1}" for n in range(len(overlap))]
    return {"generators": generators, "overlap": told, "rounded_to": step}


def _interval(interval: dict[str, Any], step: float) -> dict[str, Any]:
    def at(value: float | None, rounding: Any) -> float | None:
        return None if value is None else round(min(1.0, max(0.0, rounding(value / step) * step)), 6)

    # 1e-9: a value that stands on a step is not pushed to the next by the last bit of its division.
    return {
        "value": at(interval["value"], round),
        "low": at(interval.get("low"), lambda x: math.floor(x + 1e-9)),
        "high": at(interval.get("high"), lambda x: math.ceil(x - 1e-9)),
    } | ({"people": interval["people"]} if isinstance(interval.get("people"), int) else {})
