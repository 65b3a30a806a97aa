"""Failure to acquire: trials that a method (or the landmarker) could not score count as rejected.

Leaving them out would reward a method for refusing hard videos. ISO/IEC 19795-1: the generalised false rejection rate
counts a failed genuine trial as rejected, the generalised false acceptance rate counts a failed impostor trial as
rejected too.
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
    """Numbers of genuine and impostor trials without a score."""

    genuine: int = 0
    impostor: int = 0

    def __post_init__(self) -> None:
        if self.genuine < 0 or self.impostor < 0:
            raise NvfairError(
                f"failed trials: {self.genuine} genuine, {self.impostor} impostor", expected="numbers of 0 or more"
            )


@dataclass(frozen=True)
class GeneralisedRates:
    """Error rates that count failed trials as rejected.

    gfar, gfrr: generalised false acceptance and rejection rates; fta_genuine, fta_impostor: shares of failed trials.
    """

    threshold: float
    gfar: float
    gfrr: float
    fta_genuine: float
    fta_impostor: float


def count_failed_trials(requested: Iterable[TargetTrials], scored: Iterable[TargetTrials]) -> FailedTrials:
    """Counts the trials that the rule makes of all videos and that have no score.

    requested: the trials of all videos; scored: those with scores. Counted target by target and never below zero: a
    rule that draws some of a driver's clips draws others in the place of those that failed. Raises NvfairError where
    a target has scores but no requested trials.
    """
    requested_counts, scored_counts = _trial_counts(requested), _trial_counts(scored)
    unexpected = sorted(set(scored_counts) - set(requested_counts))
    if unexpected:
        raise NvfairError(
            f"target {unexpected[0][0]} has scores, but it is not among the requested trials",
            expected="the trials of all videos, those that failed among them",
        )
    failed = [np.maximum(counts - scored_counts.get(key, 0), 0) for key, counts in requested_counts.items()]
    genuine, impostor = np.sum(failed, axis=0) if failed else (0, 0)
    return FailedTrials(int(genuine), int(impostor))


def _trial_counts(trials: Iterable[TargetTrials]) -> dict[tuple[str, str], np.ndarray]:
    """(target, generator) -> numbers of genuine and impostor trials (2,)."""
    counts: dict[tuple[str, str], np.ndarray] = {}
    for target_trials in trials:
        key = (target_trials.target, target_trials.generator)
        numbers = [len(target_trials.genuine), len(target_trials.impostor)]
        counts[key] = counts.get(key, np.zeros(2, np.int64)) + numbers
    return counts


def add_failed_trials(genuine: np.ndarray, impostor: np.ndarray, failed: FailedTrials) -> tuple[np.ndarray, np.ndarray]:
    """Scores with "no match" (-inf) added for each failed trial.

    Every finite threshold rejects such a trial, and every metric that takes scores counts it.
    """
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
    fta_genuine = failed.genuine / (failed.genuine + len(genuine))
    fta_impostor = failed.impostor / (failed.impostor + len(impostor))
    return GeneralisedRates(
        threshold=rates.threshold,
        gfar=(1 - fta_impostor) * rates.fmr,
        gfrr=fta_genuine + (1 - fta_genuine) * rates.fnmr,
        fta_genuine=fta_genuine,
        fta_impostor=fta_impostor,
    )
