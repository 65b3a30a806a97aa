"""The collections behind a calibration: what its threshold does on people whose recordings it has not seen.

Within one collection, people share cameras, rooms and tasks, and their scores are alike for that reason too. A rate
that was counted on some collections need not hold on another one. So each collection is left out in turn: the
threshold of the others is applied to impostor trials whose enrolled person and driver are both of that collection.

Legend: N trials.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.thresholds import threshold_at_fmr

RULE_OF_THREE = 3.0  # see `benchmark.verification.calibration`


@dataclass(frozen=True)
class HeldOutCollection:
    """A collection that was left out. stated: the false match rate of the others' threshold. observed: that of its own
    impostor trials, of which there are `trials`, by `impostors` people."""

    collection: str
    stated: float
    observed: float
    trials: int
    impostors: int


def collection_of(person: str) -> str:
    """The collection of a person: the namespace of the name, such as "mead" of "mead:m030"."""
    return person.partition(":")[0]


def held_out_collections(
    scores: np.ndarray, genuine: np.ndarray, enrolled: np.ndarray, driver: np.ndarray, people: tuple[str, ...]
) -> tuple[HeldOutCollection, ...]:
    """Leaves each collection out in turn.

    scores, genuine, enrolled, driver: (N,), the trials, people as numbers in `people`. The stated rate is the lowest
    that the number of the others' impostors supports. Collections without impostors of their own are left out of the
    answer, and so are those beside which too few are left for any threshold.
    """
    collections = np.array([collection_of(person) for person in people])
    of_enrolled, of_driver = collections[enrolled], collections[driver]
    results = []
    for name in sorted(set(collections)):
        own = ~genuine & (of_enrolled == name) & (of_driver == name)
        others = ~genuine & (of_enrolled != name) & (of_driver != name)
        count = len(np.unique(driver[others]))
        if not own.any() or count <= RULE_OF_THREE:
            continue
        stated = RULE_OF_THREE / count
        above = scores[own] >= threshold_at_fmr(scores[others], stated)
        results.append(
            HeldOutCollection(name, stated, float(above.mean()), int(own.sum()), len(np.unique(driver[own])))
        )
    return tuple(results)
