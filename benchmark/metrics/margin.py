"""The margin of a method over its strongest shortcut, with an interval from resampled people.

Both are measured on the same trials, target by target, so that what makes a target easy for both cancels.

Legend: K targets, R resamples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.metrics.intervals import people_weights

# A shortcut at most this far below a method's figure comes near it, however narrow the interval.
NEAR_MARGIN = 0.03
_FEWEST = 3


@dataclass(frozen=True)
class Margin:
    """shortcut: the strongest. value: the method's mean AUC over targets less the shortcut's, over the `people` targets
    that both have; low, high: its interval, None where so few people allow none."""

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
        """Plain values."""
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
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> Margin | None:
    """The margin over the shortcut whose mean AUC is largest on the targets that it shares with the method.

    per_target: target -> AUC. shortcuts: name -> the same. source: target -> collection; people are drawn anew within
    theirs. None where there is no shortcut, or none shares a target. People are resampled as targets; that drivers are
    a sample too is in the intervals of the two figures themselves.
    """
    shared = {name: sorted(set(per_target) & set(areas)) for name, areas in shortcuts.items()}
    means = {name: float(np.mean([shortcuts[name][t] for t in shared[name]])) for name in shortcuts if shared[name]}
    if not means:
        return None
    strongest = max(means, key=lambda name: means[name])  # the first of equals
    targets = shared[strongest]
    gain = np.array([per_target[t] - shortcuts[strongest][t] for t in targets])
    low, high = _interval(gain, [(source or {}).get(t, "") for t in targets], resamples, confidence, seed)
    return Margin(strongest, float(gain.mean()), low, high, len(targets))


def _interval(
    gain: np.ndarray, source: list[str], resamples: int, confidence: float, seed: int
) -> tuple[float | None, float | None]:
    if len(gain) < _FEWEST or resamples < 2:
        return None, None
    total = np.zeros(resamples)
    for n, name in enumerate(sorted(set(source))):
        mine = gain[np.array(source) == name]
        total += people_weights(len(mine), resamples, seed + n) @ mine
    tail = (1 - confidence) / 2
    low, high = np.quantile(total / len(gain), [tail, 1 - tail])
    return float(low), float(high)
