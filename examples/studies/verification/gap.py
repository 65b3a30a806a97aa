"""How much of the gap between a stated and a counted false match rate other calibrations close."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd

from benchmark.metrics.thresholds import threshold_at_fmr
from benchmark.verification.calibration import Calibration
from examples.studies.verification.outcomes import CASES

_IMPOSTOR = "another person on this face"


@dataclass(frozen=True)
class GapRow:
    """One way of finding a threshold. impostors: people behind it. stated: its false match rate; counted: that of the
    test people's reenactments, of `trials`. missed: share of genuine reenactments below it. supported: whether the
    number of impostors permits the rate."""

    calibration: str
    impostors: int
    supported: bool
    stated: float
    counted: float
    trials: int
    missed: float


def gap_rows(calibrations: dict[str, Calibration], answers: pd.DataFrame, rate: float) -> Iterator[GapRow]:
    """The rows of the study. answers: of the test people (`outcomes.ask`). rate: the false match rate that every row
    states; rows whose people do not support it say so."""
    rated = answers[(answers["kind"] != "real") & answers["score"].notna()]
    for name, calibration in calibrations.items():
        threshold = threshold_at_fmr(calibration.scores[~calibration.genuine], rate)
        counts = _counted([(rated, threshold)])
        people = calibration.impostor_people
        yield GapRow(name, people, rate >= calibration.lowest_fmr - 1e-9, rate, *counts)
    held_out = []
    for person in sorted(rated["person"].unique()):
        others = rated[(rated["person"] != person) & (rated["driver"] != person)]
        threshold = threshold_at_fmr(others[others["case"] == _IMPOSTOR]["score"].to_numpy(), rate)
        held_out.append((rated[rated["person"] == person], threshold))
    people = rated["person"].nunique() - 1
    yield GapRow("the other test people, each held out", people, rate >= 3 / people, rate, *_counted(held_out))


def _counted(parts: list[tuple[pd.DataFrame, float]]) -> tuple[float, int, float]:
    """Counted false match rate, number of impostor trials, share of genuine trials that are missed."""
    passed, missed = [], []
    for rows, threshold in parts:
        above = rows["score"].to_numpy() >= threshold
        genuine = rows["case"].map(CASES).to_numpy(bool)
        passed.append(above[~genuine])
        missed.append(~above[genuine])
    impostors = np.concatenate(passed)
    return float(impostors.mean()), len(impostors), float(np.concatenate(missed).mean())
