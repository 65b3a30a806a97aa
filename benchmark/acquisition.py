"""Failure to acquire: trials that a method (or the landmarker) could not score count as rejected.

Leaving them out would reward a method for refusing hard videos. ISO/IEC 19795-1: the generalised false rejection rate
counts a genuine trial that failed as rejected, the generalised false acceptance rate counts an impostor trial that
failed as rejected too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.operating_points import rates_at
from benchmark.trials import TargetTrials
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Failed:
    """How many trials of each kind have no score."""

    genuine: int = 0
    impostor: int = 0

    def __post_init__(self) -> None:
        if self.genuine < 0 or self.impostor < 0:
            raise NvfairError(f"a negative number of failed trials: {self.genuine} genuine, {self.impostor} impostor")


@dataclass(frozen=True)
class GeneralisedRates:
    """gfar, gfrr: generalised false acceptance and rejection rates; fta_genuine, fta_impostor: shares that failed."""

    threshold: float
    gfar: float
    gfrr: float
    fta_genuine: float
    fta_impostor: float


def failed_trials(asked: Iterable[TargetTrials], scored: Iterable[TargetTrials]) -> Failed:
    """How many of the trials that the rule makes of all videos are absent from those that were scored."""
    wanted, found = (
        np.array([[len(one.genuine), len(one.impostor)] for one in some]).reshape(-1, 2).sum(axis=0)
        for some in (asked, scored)
    )
    return Failed(int(wanted[0] - found[0]), int(wanted[1] - found[1]))


def with_failed(genuine: np.ndarray, impostor: np.ndarray, failed: Failed) -> tuple[np.ndarray, np.ndarray]:
    """Scores with "no match" (-inf) for each failed trial: every finite threshold rejects it, and every figure that
    takes scores counts it."""
    return (
        np.concatenate([genuine, np.full(failed.genuine, -np.inf, np.asarray(genuine).dtype)]),
        np.concatenate([impostor, np.full(failed.impostor, -np.inf, np.asarray(impostor).dtype)]),
    )


def generalised_rates(genuine: np.ndarray, impostor: np.ndarray, failed: Failed, threshold: float) -> GeneralisedRates:
    """Rates at a threshold with failed trials rejected.

    GFRR = FTA + (1 - FTA) FNMR and GFAR = (1 - FTA) FMR, with FTA the share of failed trials of that kind.
    """
    rates = rates_at(genuine, impostor, threshold)
    of_genuine = failed.genuine / (failed.genuine + len(genuine))
    of_impostor = failed.impostor / (failed.impostor + len(impostor))
    return GeneralisedRates(
        rates.threshold,
        (1 - of_impostor) * rates.fmr,
        of_genuine + (1 - of_genuine) * rates.fnmr,
        of_genuine,
        of_impostor,
    )
