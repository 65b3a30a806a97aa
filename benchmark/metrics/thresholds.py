"""Error rates at a threshold, and thresholds chosen on validation scores to be kept for the test.

A threshold that is chosen on the test scores describes the test; one that was chosen before describes a system.
A trial is accepted where score >= threshold. `G` genuine trials, `I` impostor trials.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from benchmark.metrics.roc import Roc, checked, eer_point, roc, strongest_refused
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Rates:
    """What a threshold does: share of impostors accepted, share of genuine trials rejected."""

    threshold: float
    fmr: float
    fnmr: float


@dataclass(frozen=True)
class Det:
    """Detection error trade-off: the points (R,) at which FMR or FNMR changes, strictest first.

    Rates, not probits: an axis that bends them is the chart's business (Martin et al., 1997, "The DET curve in
    assessment of detection task performance").
    """

    fmr: np.ndarray
    fnmr: np.ndarray


def rates_at(genuine: np.ndarray, impostor: np.ndarray, threshold: float) -> Rates:
    """FMR and FNMR of a fixed threshold (any float but NaN; +inf accepts nobody)."""
    if np.isnan(threshold):
        raise NvfairError("a threshold is not a number", expected="a number, or an infinity")
    genuine, impostor = checked(genuine, "genuine"), checked(impostor, "impostor")
    return Rates(
        float(threshold),
        float(np.count_nonzero(impostor.astype(np.float64, copy=False) >= threshold) / len(impostor)),
        float(np.count_nonzero(genuine.astype(np.float64, copy=False) < threshold) / len(genuine)),
    )


def threshold_at_fmr(impostor: np.ndarray, target: float) -> float:
    """The smallest threshold whose FMR on these scores does not exceed `target` (never the nearest FMR).

    It lies just above the strongest impostor that must be turned away; -inf where all may be accepted. "No match"
    (-inf) is rejected by every finite threshold.
    """
    refused = strongest_refused(checked(impostor, "impostor"), target)
    return -np.inf if refused is None else math.nextafter(refused, math.inf)


def threshold_at_eer(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """The threshold of the operating point that gives the EER of these scores (see `metrics.eer`)."""
    curve = roc(genuine, impostor)
    return float(curve.threshold[eer_point(curve)])


def fnmr_at_fmr(genuine: np.ndarray, impostor: np.ndarray, target: float) -> float:
    """The smallest share of genuine trials rejected by any threshold whose FMR does not exceed `target`."""
    return rates_at(genuine, impostor, threshold_at_fmr(impostor, target)).fnmr


def det(curve: Roc) -> Det:
    """The corners of a detection error trade-off curve: points on a straight stretch along one axis are left out."""
    fmr, fnmr = curve.fmr, curve.fnmr
    moves_fmr, moves_fnmr = np.diff(fmr) > 0, np.diff(fnmr) < 0
    # A point between two steps along one axis only is no corner.
    straight = (~moves_fnmr[:-1] & ~moves_fnmr[1:]) | (~moves_fmr[:-1] & ~moves_fmr[1:])
    keep = np.concatenate([[True], ~straight, [True]])
    return Det(fmr[keep], fnmr[keep])
