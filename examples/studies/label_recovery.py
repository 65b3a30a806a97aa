"""How much an author can gain on a hidden set by submitting again and again, by the feedback that the board gives.

Two attacks without access to labels: all that they learn comes from the feedback. The *walk* disturbs the scores of the
best submission so far and keeps a disturbance that raises the feedback. *Directions* submits disturbances of one
submission, adds them up weighted by how much each raised the feedback (the gradient of the AUC, as evolution strategies
estimate it), and uses its last submissions to find the length of the step. The gain is in the true AUC on the hidden
trials: overfitting, worth nothing on any other trials.

Legend: K targets, n trials of each (genuine, then impostor), Q submissions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

STEPS = (0.1, 0.35, 1.0, 2.0)  # sizes of a disturbance in deviations of the scores
_STEP_LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

# From each target's AUC (K,) to the board's answer: one number, or one for each target.
Feedback = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class HiddenSet:
    """A simulated hidden set and a method on it.

    targets: K; genuine, impostor: trials of each target; auc: of the method before the attack.
    """

    targets: int = 35
    genuine: int = 30
    impostor: int = 170
    auc: float = 0.85

    def initial_scores(self, rng: np.random.Generator) -> np.ndarray:
        """Scores (K, n) of the method before the attack: normal, shifted for genuine trials."""
        from scipy.special import ndtri

        scores = rng.normal(size=(self.targets, self.genuine + self.impostor))
        scores[:, : self.genuine] += np.sqrt(2) * ndtri(self.auc)
        return scores

    def target_aucs(self, scores: np.ndarray) -> np.ndarray:
        """AUC (K,) of each target, by ranks: scores (K, n) have no ties."""
        ranks = scores.argsort(axis=1).argsort(axis=1)[:, : self.genuine].sum(axis=1)
        return (ranks - self.genuine * (self.genuine - 1) / 2) / (self.genuine * self.impostor)


@dataclass(frozen=True)
class Gain:
    """The strongest attack under one kind of feedback after so many submissions.

    gain: mean gain in the true mean AUC over the repetitions; least, most: the smallest and the largest of them.
    attack: its name and step.
    """

    feedback: str
    submissions: int
    gain: float
    least: float
    most: float
    attack: str


def walk(hidden_set: HiddenSet, feedback: Feedback, submissions: int, step: float, seed: int) -> float:
    """The true gain in mean AUC of the walk."""
    rng = np.random.default_rng(seed)
    scores = hidden_set.initial_scores(rng)
    initial_aucs = aucs = hidden_set.target_aucs(scores)
    best_feedback = feedback(aucs)
    for _ in range(submissions - 1):
        disturbed = scores + step * rng.normal(size=scores.shape)
        aucs = hidden_set.target_aucs(disturbed)
        new_feedback = feedback(aucs)
        # One answer for all targets, or one for each: what is better is kept, target by target.
        better = new_feedback > best_feedback
        scores = np.where(better[:, None], disturbed, scores)
        best_feedback = np.where(better, new_feedback, best_feedback)
    return float(hidden_set.target_aucs(scores).mean() - initial_aucs.mean())


def directions(hidden_set: HiddenSet, feedback: Feedback, submissions: int, step: float, seed: int) -> float:
    """The true gain in mean AUC of the attack by directions."""
    rng = np.random.default_rng(seed)
    base = hidden_set.initial_scores(rng)
    initial_aucs = hidden_set.target_aucs(base)
    base_feedback = feedback(initial_aucs)
    disturbances = max(1, submissions - 1 - len(_STEP_LENGTHS))
    weighted_sum, plain_sum = np.zeros_like(base), np.zeros_like(base)
    total_change = np.zeros_like(base_feedback)
    for _ in range(disturbances):
        disturbance = rng.normal(size=base.shape)
        change = feedback(hidden_set.target_aucs(base + step * disturbance)) - base_feedback
        weighted_sum += change[:, None] * disturbance
        plain_sum += disturbance
        total_change += change
    # A disturbance lowers the AUC on average: what counts is which lowers it less than the others.
    weighted_sum -= (total_change / disturbances)[:, None] * plain_sum
    size = np.linalg.norm(weighted_sum, axis=1, keepdims=True) / np.sqrt(base.shape[1])
    direction = weighted_sum / np.where(size > 0, size, 1)
    # The last submissions find the length of the step.
    best_scores, best_feedback = base, base_feedback
    for length in _STEP_LENGTHS[: max(0, submissions - 1 - disturbances)]:
        moved = base + 0.1 * length * direction
        new_feedback = feedback(hidden_set.target_aucs(moved))
        better = new_feedback > best_feedback
        best_scores = np.where(better[:, None], moved, best_scores)
        best_feedback = np.where(better, new_feedback, best_feedback)
    return float(hidden_set.target_aucs(best_scores).mean() - initial_aucs.mean())


def full_feedback(target_aucs: np.ndarray) -> np.ndarray:
    """The AUC of every target without rounding: the feedback of a public set."""
    return target_aucs


def mean_feedback(target_aucs: np.ndarray) -> np.ndarray:
    """The mean AUC over targets without rounding."""
    return np.array([target_aucs.mean()])


def coarse_feedback(target_aucs: np.ndarray) -> np.ndarray:
    """The feedback of a hidden set: the rounded mean, and nothing about single people.

    See `leaderboard.ranking.redaction.coarse_figures`.
    """
    from leaderboard.ranking.redaction import coarse_figures

    figures = {"auc_mean": {"value": float(target_aucs.mean())}, "per_target": dict(enumerate(target_aucs.tolist()))}
    redacted = coarse_figures({"generators": {"hidden": figures}, "overlap": []})["generators"]["hidden"]
    assert set(redacted) == {"auc_mean"}
    return np.array([redacted["auc_mean"]["value"]])


FEEDBACKS: dict[str, Feedback] = {"full": full_feedback, "exact mean": mean_feedback, "coarse": coarse_feedback}
ATTACKS = {"walk": walk, "directions": directions}


def measure(
    hidden_set: HiddenSet = HiddenSet(), counts: Iterable[int] = (10, 100, 1000), repetitions: int = 5
) -> list[Gain]:
    """The gain of the strongest attack, by kind of feedback and number of submissions Q."""
    strongest = []
    for name, feedback in FEEDBACKS.items():
        for count in counts:
            attempts = []
            for attack, run in ATTACKS.items():
                for step in STEPS:
                    gains = [run(hidden_set, feedback, count, step, seed) for seed in range(repetitions)]
                    attempts.append((float(np.mean(gains)), min(gains), max(gains), f"{attack}, step {step:g}"))
            strongest.append(Gain(name, count, *max(attempts)))
    return strongest


if __name__ == "__main__":
    for gain in measure():
        print(json.dumps(asdict(gain)), flush=True)
