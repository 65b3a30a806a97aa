"""The margin of a method over its strongest shortcut, with the paired interval over people.

Both are measured on the same trials, target by target, so that what makes a target easy for both cancels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.intervals import resampling_strata
from benchmark.metrics.paired_differences import paired_person_difference

# A shortcut at most this far below a method's figure comes near it, however narrow the interval.
NEAR_MARGIN = 0.03


@dataclass(frozen=True)
class Margin:
    """A method's mean AUC over targets minus that of its strongest shortcut, over the `people` targets that both have.

    low, high: its interval, None where so few people allow none.
    """

    shortcut: str
    value: float
    low: float | None
    high: float | None
    people: int

    @property
    def near(self) -> bool:
        """Whether the shortcut comes near: the interval holds 0 (or less), or the margin is below `NEAR_MARGIN`."""
        return self.value < NEAR_MARGIN or (self.low is not None and self.low <= 0)

    def to_json(self) -> dict[str, Any]:
        """The margin as plain values for a JSON file."""
        return {
            "shortcut": self.shortcut,
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "people": self.people,
            "near": self.near,
        }


def margin_over_shortcuts(
    per_target: Mapping[str, float],
    shortcuts: Mapping[str, Mapping[str, float]],
    *,
    source: Mapping[str, str] | None = None,
    confidence: float = 0.95,
) -> Margin | None:
    """The margin over the shortcut whose mean AUC is largest on the targets that it shares with the method.

    per_target: target -> AUC. shortcuts: name -> the same. source: target -> collection; collections are strata. None
    where there is no shortcut, or none shares a target. The interval is that of `paired_person_difference`: people are
    resampled as targets; that drivers are a sample too is in the intervals of the two figures themselves.
    """
    shared = {name: sorted(set(per_target) & set(areas)) for name, areas in shortcuts.items()}
    means = {name: float(np.mean([shortcuts[name][t] for t in shared[name]])) for name in shortcuts if shared[name]}
    if not means:
        return None
    strongest = max(means, key=lambda name: means[name])  # the first of equals
    targets = shared[strongest]
    difference = paired_person_difference(
        np.array([per_target[target] for target in targets]),
        np.array([shortcuts[strongest][target] for target in targets]),
        confidence,
        resampling_strata([(source or {}).get(target, "") for target in targets]),
    )
    low, high = (None if math.isnan(end) else end for end in (difference.low, difference.high))
    return Margin(strongest, difference.value, low, high, difference.people)
