"""What errors cost: detection costs at a stated prior, and the cost of scores read as log-likelihood ratios.

Detection cost: what errors cost where genuine trials are rare or one error is worse than the other. Cllr and its
minimum: Brümmer and du Preez, "Application-independent evaluation of speaker detection", Computer Speech and Language
20 (2006), equations 23 and following. Natural logarithms in scores, bits in costs.
`G` genuine trials, `I` impostor trials, `R` points of a curve.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.metrics.roc import RocCurve, checked_scores
from nvfair_tools.errors import NvfairError

_NEWTON_STEPS = 50


@dataclass(frozen=True)
class Costs:
    """What errors cost in an application.

    prior: share of genuine trials where the system is used; miss: cost of rejecting one of them; false_alarm: cost
    of accepting an impostor. The default is an application that meets the right driver once in a hundred trials.
    Raises NvfairError where a value is not possible.
    """

    prior: float = 0.01
    miss: float = 1.0
    false_alarm: float = 1.0

    def __post_init__(self) -> None:
        if not 0 < self.prior < 1:
            raise NvfairError(f"prior {self.prior} is not a probability", expected="a number between 0 and 1")
        for name in ("miss", "false_alarm"):
            if not 0 < getattr(self, name) < np.inf:
                raise NvfairError(f"cost {name} {getattr(self, name)} is not a cost", expected="a positive number")

    @property
    def trivial_cost(self) -> float:
        """Cost of the better of the two systems that ignore their input: accept all, or accept nobody."""
        return min(self.miss * self.prior, self.false_alarm * (1 - self.prior))


@dataclass(frozen=True)
class Calibration:
    """A finite, increasing map of scores: log-likelihood ratio = scale x score + offset."""

    scale: float
    offset: float

    def __call__(self, scores: np.ndarray) -> np.ndarray:
        """Scores as log-likelihood ratios; "no match" (-inf) stays."""
        return self.scale * np.asarray(scores, dtype=np.float64) + self.offset


def min_dcf(curve: RocCurve, costs: Costs = Costs()) -> float:
    """Smallest normalised detection cost over all thresholds, from 0 to 1 (1: no better than ignoring the input).

    DCF = miss prior FNMR + false_alarm (1 - prior) FMR, divided by the cost of the better trivial system, as in the
    NIST speaker recognition evaluations (e.g. the 2016 evaluation plan, section 3.1).
    """
    cost = costs.miss * costs.prior * curve.fnmr + costs.false_alarm * (1 - costs.prior) * curve.fmr
    return float((cost / costs.trivial_cost).min())


def cllr(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Cost in bits of scores taken as natural log-likelihood ratios: 0 is perfect, 1 is the cost of no information.

    genuine (G,), impostor (I,). Infinite where a genuine trial is called impossible (-inf).
    """
    genuine, impostor = checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor")
    # log(1 + e^x) without overflow.
    miss = np.logaddexp(0, -genuine.astype(np.float64)).mean()
    alarm = np.logaddexp(0, impostor.astype(np.float64)).mean()
    return float((miss + alarm) / (2 * np.log(2)))


def cllr_min(curve: RocCurve) -> float:
    """Cllr after the best non-decreasing map of these same scores, 0 to 1: the cost of poor discrimination alone.

    The best map is found by pooling adjacent violators; its blocks are the edges of the ROC curve's convex hull, and
    the likelihood ratio of a block is the slope of its edge (Brümmer and du Preez, section 6; Fawcett and
    Niculescu-Mizil 2007 for the equivalence).
    """
    fmr, tpr = convex_hull(curve)
    impostors, genuine = np.diff(fmr), np.diff(tpr)
    with np.errstate(divide="ignore", invalid="ignore"):
        miss = np.where(genuine > 0, genuine * np.log1p(impostors / genuine), 0.0)
        alarm = np.where(impostors > 0, impostors * np.log1p(genuine / impostors), 0.0)
    return float((miss.sum() + alarm.sum()) / (2 * np.log(2)))


def convex_hull(curve: RocCurve) -> tuple[np.ndarray, np.ndarray]:
    """Corners (fmr, tpr) of the smallest concave curve above a ROC curve, by pooling adjacent violators."""
    fmr, tpr = curve.fmr, curve.tpr
    # Only where a step up is followed by a step to the right can the hull have a corner: far fewer than scores.
    steps_up, steps_right = np.diff(tpr) > 0, np.diff(fmr) > 0
    candidates = np.flatnonzero(np.concatenate([[True], steps_up[:-1] & steps_right[1:], [True]]))
    corners: list[tuple[float, float]] = []
    for x, y in zip(fmr[candidates].tolist(), tpr[candidates].tolist(), strict=True):
        # Earlier corners that now lie on or below the hull are dropped: slopes must fall from edge to edge.
        while len(corners) >= 2:
            (x0, y0), (x1, y1) = corners[-2:]
            if (x1 - x0) * (y - y1) < (y1 - y0) * (x - x1):
                break
            corners.pop()
        corners.append((x, y))
    points = np.array(corners)
    return points[:, 0], points[:, 1]


def affine_calibration(genuine: np.ndarray, impostor: np.ndarray) -> Calibration:
    """The increasing affine map with the least Cllr on these scores.

    Logistic regression in which both classes have the same total weight. One made-up trial of each class at either end
    of the scores keeps the map finite where scores separate the classes. genuine (G,), impostor (I,): validation
    scores. "No match" (-inf) is left out; raises NvfairError where nothing else is left.
    """
    genuine, impostor = checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor")
    genuine, impostor = genuine[np.isfinite(genuine)], impostor[np.isfinite(impostor)]
    if len(genuine) == 0 or len(impostor) == 0:
        raise NvfairError("every genuine or every impostor trial is 'no match'; there is nothing to calibrate on")
    # Scores are scaled to [-1, 1]; the two made-up trials of each class lie at its ends.
    scores = np.concatenate([genuine, impostor]).astype(np.float64)
    low, high = float(scores.min()), float(scores.max())
    half_range, middle = (high - low) / 2 or 1.0, (high + low) / 2
    x = np.concatenate([(scores - middle) / half_range, [-1, 1, -1, 1]])
    label = np.concatenate([np.ones(len(genuine)), np.zeros(len(impostor)), [1, 1, 0, 0]])
    weight = np.where(label == 1, 1 / (len(genuine) + 2), 1 / (len(impostor) + 2))
    # Newton's method on a convex function of two numbers; a step that overshoots is halved.
    slope, offset = 0.0, 0.0
    for _ in range(_NEWTON_STEPS):
        probability = 0.5 * (1 + np.tanh((slope * x + offset) / 2))
        residual, curvature = weight * (probability - label), weight * probability * (1 - probability)
        gradient = np.array([residual @ x, residual.sum()])
        mixed = curvature @ x
        hessian = np.array([[curvature @ (x * x), mixed], [mixed, curvature.sum()]])
        step = np.linalg.solve(hessian + 1e-12 * np.eye(2), gradient)
        size, loss = 1.0, _logistic_loss(slope, offset, x, label, weight)
        while _logistic_loss(slope - size * step[0], offset - size * step[1], x, label, weight) > loss and size > 1e-6:
            size /= 2
        slope, offset = slope - size * float(step[0]), offset - size * float(step[1])
        if np.abs(step).max() < 1e-10:
            break
    slope = max(slope, 0.0)  # a map that reverses the order of scores would be another method
    return Calibration(slope / half_range, offset - slope * middle / half_range)


def _logistic_loss(slope: float, offset: float, x: np.ndarray, label: np.ndarray, weight: np.ndarray) -> float:
    """Weighted mean of -log of each label's probability under the logistic model."""
    value = slope * x + offset
    return float(weight @ (np.logaddexp(0, value) - label * value))
