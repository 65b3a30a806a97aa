"""Failure to acquire: trials that a method (or the landmarker) could not score count as rejected.

Leaving them out would reward a method for refusing hard videos. ISO/IEC 19795-1: the generalised false rejection rate
counts a genuine trial that failed as rejected, the generalised false acceptance rate counts an impostor trial that
failed as rejected too.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.thresholds import error_rates_at
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class FailedTrials:
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


def count_failed_trials(asked: Iterable[TargetTrials], scored: Iterable[TargetTrials]) -> FailedTrials:
    """How many of the trials that the rule makes of all videos are absent from those that were scored.

    Counted target by target and never below zero: a rule that draws some of a driver's clips draws others in the place
    of those that failed. Raises NvfairError where a target was scored that nobody asked for.
    """
    wanted, found = _counts(asked), _counts(scored)
    strangers = sorted(set(found) - set(wanted))
    if strangers:
        raise NvfairError(
            f"{strangers[0][0]} was scored, but its trials were not asked for",
            expected="the trials of all videos, those that failed among them",
        )
    lost = [np.maximum(count - found.get(key, 0), 0) for key, count in wanted.items()]
    genuine, impostor = np.sum(lost, axis=0) if lost else (0, 0)
    return FailedTrials(int(genuine), int(impostor))


def _counts(trials: Iterable[TargetTrials]) -> dict[tuple[str, str], np.ndarray]:
    """(target, generator) -> numbers of genuine and impostor trials (2,)."""
    found: dict[tuple[str, str], np.ndarray] = {}
    for one in trials:
        key = (one.target, one.generator)
        found[key] = found.get(key, np.zeros(2, np.int64)) + [len(one.genuine), len(one.impostor)]
    return found


def add_failed_trials(genuine: np.ndarray, impostor: np.ndarray, failed: FailedTrials) -> tuple[np.ndarray, np.ndarray]:
    """Scores with "no match" (-inf) for each failed trial: every finite threshold rejects it, and every figure that
    takes scores counts it."""
    return (
        np.concatenate([genuine, np.full(failed.genuine, -np.inf, np.asarray(genuine).dtype)]),
        np.concatenate([impostor, np.full(failed.impostor, -np.inf, np.asarray(impostor).dtype)]),
    )


def generalised_rates(
    genuine: np.ndarray, impostor: np.ndarray, failed: FailedTrials, threshold: float
) -> GeneralisedRates:
    """Rates at a threshold with failed trials rejected.

    GFRR = FTA + (1 - FTA) FNMR and GFAR = (1 - FTA) FMR, with FTA the share of failed trials of that kind.
    """
    rates = error_rates_at(genuine, impostor, threshold)
    of_genuine = failed.genuine / (failed.genuine + len(genuine))
    of_impostor = failed.impostor / (failed.impostor + len(impostor))
    return GeneralisedRates(
        rates.threshold,
        (1 - of_impostor) * rates.fmr,
        of_genuine + (1 - of_genuine) * rates.fnmr,
        of_genuine,
        of_impostor,
    )
