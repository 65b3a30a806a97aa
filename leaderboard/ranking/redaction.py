"""What of a result may leave the server: on hidden data sets little, on others all but single people who are not shown.

Where labels are open, people who did not agree to public display (`leaderboard.submission.scoring.UNNAMED`) have no
row and no name of their own; means and intervals are over everybody.

Before the phases of a hidden set have closed the result is sealed: only the answer of `leaderboard.store.answers`
leaves, where there is one. Nothing else does: no figure of one generator, no interval, no count, and not how many of
the test people the declaration names. Afterwards, when no submission can use them, figures leave rounded, with
intervals, and nothing about single people.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable
from typing import Any

from leaderboard.store.results import StoredResult
from leaderboard.submission.scoring import UNNAMED

ROUNDING_STEP = 0.01
SEALED = "sealed"  # in place of the test people whom the declaration names
HIDDEN_GENERATOR = "hidden"
LEFT_OUT = "people_left_out"  # of public figures: how many people have no row there
NOT_NAMED = "not named"
_INTERVALS = ("auc_mean", "auc_pooled")
_TOLERANCE = 1e-9  # in steps: a value that stands on a step is not pushed to the next by the last bit of its division


def redacted(result: StoredResult) -> StoredResult:
    """The result with the figures that may leave the server; the same object where all of them may."""
    if result.feedback == "full" and not result.figures.get(UNNAMED):
        return result
    figures = public_figures(result.figures, result.feedback, sealed=result.sealed, answer=result.answer)
    return dataclasses.replace(result, figures=figures)


def public_figures(figures: dict[str, Any], feedback: str, *, sealed: bool, answer: float | None) -> dict[str, Any]:
    """The figures that may leave the server, of a result with this feedback setting, seal and answer."""
    if feedback == "full":
        return figures_of_named_people(figures) if figures.get(UNNAMED) else figures
    return sealed_figures(answer) if sealed else coarse_figures(figures)


def figures_of_named_people(figures: dict[str, Any]) -> dict[str, Any]:
    """The figures without rows and names of the people whom they list as unnamed; how many stands in their place."""
    unnamed = frozenset(figures[UNNAMED])
    public = {key: without_people(value, unnamed) for key, value in figures.items() if key != UNNAMED}
    return public | {LEFT_OUT: len(unnamed)}


def without_people(value: Any, unnamed: frozenset[str]) -> Any:
    """A JSON value without the entries that are of one of these people alone; elsewhere they are "not named"."""
    if isinstance(value, dict):
        return {key: without_people(item, unnamed) for key, item in value.items() if key not in unnamed}
    if isinstance(value, list):
        is_own = [isinstance(item, dict) and item.get("person") in unnamed for item in value]
        return [without_people(item, unnamed) for item, own in zip(value, is_own, strict=True) if not own]
    return NOT_NAMED if isinstance(value, str) and value in unnamed else value


def sealed_figures(answer: float | None) -> dict[str, Any]:
    """The figures of a sealed result: its answer under the name that a blind copy gives to every generator, or none.

    They depend on the answer alone.
    """
    interval = {"value": answer, "low": None, "high": None}
    generators = {} if answer is None else {HIDDEN_GENERATOR: {"auc_mean": interval}}
    return {"generators": generators, "overlap": SEALED}


def coarse_figures(figures: dict[str, Any], step: float = ROUNDING_STEP) -> dict[str, Any]:
    """The headline figures, rounded to `step`, with intervals rounded outwards, and the counts of trials.

    Only these are copied, so that a figure that is added to results in a later version does not leave by itself.
    """
    overlap = figures.get("overlap", "unknown")
    # Who of the test people was named is a hidden label; how many is not.
    people = overlap if isinstance(overlap, str) else [f"test person {n + 1}" for n in range(len(overlap))]
    generators = {name: _coarse_generator(values, step) for name, values in figures.get("generators", {}).items()}
    return {"generators": generators, "overlap": people, "rounded_to": step}


def _coarse_generator(figures: dict[str, Any], step: float) -> dict[str, Any]:
    coarse: dict[str, Any] = {name: _coarse_interval(figures[name], step) for name in _INTERVALS if name in figures}
    if "trials" in figures:
        coarse["trials"] = {name: count for name, count in figures["trials"].items() if isinstance(count, int)}
    return coarse


def _coarse_interval(interval: dict[str, Any], step: float) -> dict[str, Any]:
    def on_step(value: float | None, rounding: Callable[[float], float]) -> float | None:
        return None if value is None else round(min(1.0, max(0.0, rounding(value / step) * step)), 6)

    coarse = {
        "value": on_step(interval["value"], round),
        "low": on_step(interval.get("low"), lambda steps: math.floor(steps + _TOLERANCE)),
        "high": on_step(interval.get("high"), lambda steps: math.ceil(steps - _TOLERANCE)),
    }
    return coarse | ({"people": interval["people"]} if isinstance(interval.get("people"), int) else {})
