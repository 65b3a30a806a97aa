"""The ROC curve of genuine and impostor scores, and what is read from it: AUC, EER, TPR at a false match rate.

A larger score means more alike. Every function is exact under ties, does not depend on the order of trials, and
refuses NaN and plus infinity; minus infinity is "no match", below every number. `G` genuine trials, `I` impostor
trials, `R` points of a curve.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class RocCurve:
    """Operating points (R,) from the strictest threshold (accept nobody) to the most lenient (accept all).

    A trial is accepted where score >= threshold. fmr: share of impostors accepted; tpr: share of genuine accepted.
    """

    threshold: np.ndarray
    fmr: np.ndarray
    tpr: np.ndarray

    @property
    def fnmr(self) -> np.ndarray:
        """Share of genuine trials rejected (R,)."""
        return 1.0 - self.tpr


@dataclass(frozen=True)
class Eer:
    """Equal error rate: `value` is the middle of the bracket [low, high] between which FMR and FNMR cross."""

    value: float
    low: float
    high: float


def checked_scores(scores: np.ndarray, name: str, trial: Callable[[int], str] | None = None) -> np.ndarray:
    """`scores` as a flat float array.

    name: "genuine" or "impostor", for the message. trial: the label of a trial from its index, for the message too.
    Raises NvfairError where there are no scores, and where one is NaN or plus infinity.
    """
    values = np.asarray(scores).reshape(-1)
    if values.dtype.kind != "f":
        values = values.astype(np.float64)
    if len(values) == 0:
        raise NvfairError(f"there are no {name} trials", expected="at least one genuine and one impostor trial")
    maximum = values.max()  # NaN where any value is NaN
    if np.isnan(maximum) or maximum == np.inf:
        first_wrong = int(np.flatnonzero(np.isnan(values) if np.isnan(maximum) else values == np.inf)[0])
        label = trial(first_wrong) if trial is not None else f"number {first_wrong}"
        raise NvfairError(
            f"the score of {name} trial {label} is {'not a number' if np.isnan(maximum) else 'plus infinity'}",
            expected="a number, or minus infinity for a pair that was judged to be different people",
            remedy="find out why the method gave it; leaving such trials out would flatter the method",
        )
    return values


def auc(genuine: np.ndarray, impostor: np.ndarray) -> float:
    """Area under the ROC curve: the share of (genuine, impostor) pairs ranked rightly, ties counting one half.

    genuine (G,), impostor (I,). Equals the Mann-Whitney statistic divided by G I. Sorts the larger set once and looks
    the smaller one up in it.
    """
    genuine, impostor = _same_type(checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor"))
    if len(genuine) <= len(impostor):
        twice_wins = _twice_wins(np.sort(genuine), np.sort(impostor))
    else:
        twice_wins = 2 * len(genuine) * len(impostor) - _twice_wins(np.sort(impostor), np.sort(genuine))
    return twice_wins / (2 * len(genuine) * len(impostor))


def roc_curve(genuine: np.ndarray, impostor: np.ndarray) -> RocCurve:
    """The ROC curve: one operating point for each distinct score, and the one that accepts nobody."""
    genuine, impostor = _same_type(checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor"))
    genuine, impostor = np.sort(genuine), np.sort(impostor)
    # Each distinct score is a threshold.
    all_scores = np.sort(np.concatenate([genuine, impostor]))
    is_distinct = np.concatenate([[True], all_scores[1:] != all_scores[:-1]])
    threshold = all_scores[is_distinct]
    # Trials with score >= threshold are accepted; the first point, at plus infinity, accepts nobody.
    accepted_genuine = len(genuine) - np.searchsorted(genuine, threshold, side="left")
    accepted_impostor = len(impostor) - np.searchsorted(impostor, threshold, side="left")
    return RocCurve(
        threshold=np.concatenate([[np.inf], threshold[::-1].astype(np.float64)]),
        fmr=np.concatenate([[0.0], accepted_impostor[::-1] / len(impostor)]),
        tpr=np.concatenate([[0.0], accepted_genuine[::-1] / len(genuine)]),
    )


def equal_error_rate(curve: RocCurve) -> Eer:
    """The equal error rate with its bracket.

    Between neighbouring thresholds FMR and FNMR jump past each other; of the two operating points around the crossing
    the one with the smaller sum of errors gives the bracket (as in FVC2000, Maio et al., section 4). Constant scores
    give 0.5 with the bracket [0, 1], whatever the order of trials.
    """
    point = eer_index(curve)
    low, high = sorted((float(curve.fmr[point]), float(curve.fnmr[point])))
    return Eer((low + high) / 2, low, high)


def eer_index(curve: RocCurve) -> int:
    """Index of the operating point whose two error rates make the EER's bracket."""
    fmr, fnmr = curve.fmr, curve.fnmr
    after = int(np.flatnonzero(fmr >= fnmr)[0])  # the first lenient enough; it exists: at the end FMR is 1
    before = after - 1  # exists, because the first point has FMR 0 and FNMR 1
    if fmr[after] == fnmr[after]:
        return after
    return before if fmr[before] + fnmr[before] < fmr[after] + fnmr[after] else after


def nearest_fmr(curve: RocCurve) -> float:
    """The false match rate at the operating point where it is nearest to the false non-match rate.

    It is the equal error rate as AVAPrintDB's code takes it (arXiv 2603.26934).
    """
    return float(curve.fmr[np.argmin(np.abs(curve.fmr - curve.fnmr))])


def tpr_at_fmr(genuine: np.ndarray, impostor: np.ndarray, target: float) -> float:
    """The largest share of genuine trials accepted by any threshold whose FMR does not exceed `target`."""
    genuine, impostor = _same_type(checked_scores(genuine, "genuine"), checked_scores(impostor, "impostor"))
    rejected = highest_rejected_score(impostor, target)
    return 1.0 if rejected is None else float(np.count_nonzero(genuine > rejected) / len(genuine))


def highest_rejected_score(impostor: np.ndarray, target: float) -> float | None:
    """The highest impostor score that must be rejected so that FMR <= `target`; None where all may be accepted."""
    if not 0 <= target <= 1:
        raise NvfairError(f"FMR target {target} is not a rate", expected="a number from 0 to 1")
    count = len(impostor)
    allowed = int(target * count)
    if (allowed + 1) / count <= target:  # 0.29 * 100 is 28.999999999999996
        allowed += 1
    if allowed >= count:
        return None
    # The threshold lies just above the strongest impostor that must be rejected.
    return float(np.partition(impostor, count - 1 - allowed)[count - 1 - allowed])


def mean_auc_over_targets(auc_by_target: Mapping[str, float]) -> float:
    """Unweighted mean of the targets' AUCs (NVFAIR's figure). Raises NvfairError where no target has an AUC."""
    if not auc_by_target:
        raise NvfairError("no target has both genuine and impostor trials, so there is no mean AUC")
    return float(np.mean([auc_by_target[target] for target in sorted(auc_by_target)]))


def thin_curve(curve: RocCurve, points: int = 400) -> RocCurve:
    """A curve of at most 4 `points` + 2 points, spread over FMR and TPR, with both ends: enough to draw it."""
    if len(curve.fmr) <= 2 * points:
        return curve
    # Evenly in the raw rates, and evenly in their logarithms, where a DET curve shows its detail.
    rates = np.linspace(0, 1, points)
    small_rates = np.geomspace(1e-5, 1, points)
    picked = [
        np.searchsorted(curve.fmr, rates),
        np.searchsorted(curve.tpr, rates),
        np.searchsorted(curve.fmr, small_rates),
        len(curve.tpr) - 1 - np.searchsorted(curve.fnmr[::-1], small_rates),
    ]
    last = len(curve.fmr) - 1
    indices = np.unique(np.clip(np.concatenate([[0, last], *picked]), 0, last))
    return RocCurve(curve.threshold[indices], curve.fmr[indices], curve.tpr[indices])


def _twice_wins(first: np.ndarray, second: np.ndarray) -> int:
    """2 #{first > second} + #{first = second} over all pairs of two sorted arrays, in whole numbers."""
    below = int(np.searchsorted(second, first, side="left").sum(dtype=np.int64))
    not_above = int(np.searchsorted(second, first, side="right").sum(dtype=np.int64))
    return below + not_above


def _same_type(genuine: np.ndarray, impostor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Both arrays in the one floating type that holds either without loss."""
    common = np.result_type(genuine, impostor)
    return genuine.astype(common, copy=False), impostor.astype(common, copy=False)
