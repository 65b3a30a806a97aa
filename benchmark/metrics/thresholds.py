"""Error rates at a threshold, thresholds chosen on validation scores, and the trials that a low rate needs.

A threshold that is chosen on the test scores describes the test; one that was chosen before describes a system.
A trial is accepted where score >= threshold. `G` genuine trials, `I` impostor trials.

The rule for low false match rates, stated once: at least 10 / FMR impostor trials, so that the threshold rests on ten
false matches or more (fewer, and the rate's own relative error is above a third), and at least 1 / FMR different pairs
of people among the impostor trials, because trials of one pair of people repeat each other. Doddington's rule of 30
(1998) asks for 30 errors; ten is what figures may be shown by, and a reader who wants 30 has the counts.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.roc import checked_scores, eer_index, highest_rejected_score, roc_curve
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

FEWEST_FALSE_MATCHES = 10


@dataclass(frozen=True)
class ErrorRates:
    """Error rates at one threshold. fmr: share of impostor trials accepted; fnmr: share of genuine trials rejected."""

    threshold: float
    fmr: float
    fnmr: float


def error_rates_at(genuine: np.ndarray, impostor: np.ndarray, threshold: float) -> ErrorRates:
    """FMR and FNMR of a fixed threshold (any float but NaN; +inf accepts nobody)."""
    if np.isnan(threshold):
        raise NvfairError("the threshold is not a number", expected="a number, or an infinity")
    genuine, impostor = checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor")
    return ErrorRates(
        float(threshold),
        float(np.count_nonzero(impostor.astype(np.float64, copy=False) >= threshold) / len(impostor)),
        float(np.count_nonzero(genuine.astype(np.float64, copy=False) < threshold) / len(genuine)),
    )


def threshold_at_fmr(impostor: np.ndarray, target: float) -> float:
    """The smallest threshold whose FMR on these scores does not exceed `target` (never the nearest FMR).

    It lies just above the highest impostor score that must be rejected; -inf where all may be accepted. "No match"
    (-inf) is rejected by every finite threshold.
    """
    rejected = highest_rejected_score(checked_scores(impostor, "impostor"), target)
    return -np.inf if rejected is None else math.nextafter(rejected, math.inf)


def threshold_at_eer(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The threshold of the operating point that gives the EER of these scores (see `roc.equal_error_rate`)."""
    curve = roc_curve(genuine, impostor)
    return float(curve.threshold[eer_index(curve)])


@dataclass(frozen=True)
class FmrSupport:
    """Whether there are enough impostor trials for a rate at a low FMR.

    impostors: number of impostor trials; pairs: number of different pairs of people among them. reason: what is
    missing, "" where nothing is.
    """

    supported: bool
    impostors: int
    pairs: int
    reason: str = ""


def fmr_support(impostors: int, pairs: int, target: float) -> FmrSupport:
    """Whether `impostors` trials over `pairs` different pairs of people support a rate at FMR <= `target`.

    Raises NvfairError where `target` is not above 0 and at most 1.
    """
    if not 0 < target <= 1:
        raise NvfairError(f"FMR target {target} is not a rate", expected="a number above 0, at most 1")
    # A small tolerance: 10 / 0.1 must be 100, whatever binary fractions make of it.
    fewest_trials, fewest_pairs = math.ceil(FEWEST_FALSE_MATCHES / target - 1e-6), math.ceil(1 / target - 1e-6)
    if impostors < fewest_trials:
        return FmrSupport(
            False, impostors, pairs, f"{count_text(impostors, 'impostor trial')}, at least {fewest_trials} are needed"
        )
    if pairs < fewest_pairs:
        reason = (
            f"{count_text(pairs, 'different pair of people', 'different pairs of people')}, at least {fewest_pairs} "
            "are needed"
        )
        return FmrSupport(False, impostors, pairs, reason)
    return FmrSupport(True, impostors, pairs)
