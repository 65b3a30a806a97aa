"""How much an author can gain on a hidden set by submitting again and again, by the feedback that the board gives.

Two attacks that know no label; all they learn, they learn from the answers. The *walk* disturbs the scores of the best
submission so far and keeps what raised the answer. *Directions* asks about disturbances of one submission, adds them up
by how much each raised the answer (the gradient of the AUC, as evolution strategies estimate it), and spends its last
answers on how far to go. The gain is in the true AUC on the hidden trials: overfitting, worth nothing on any other.

Legend: K targets, n trials of each (genuine, then impostor), Q submissions.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass

import numpy as np

STEPS = (0.1, 0.35, 1.0, 2.0)  # sizes of a disturbance against the spread of the scores
_LENGTHS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)

# From each target's AUC (K,) to what is told: one number, or one a target.
Feedback = Callable[[np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Game:
    """targets: K; genuine, impostor: trials of each target; auc: of the method before the attack."""

    targets: int = 35
    genuine: int = 30
    impostor: int = 170
    auc: float = 0.85

    def first(self, rng: np.random.Generator) -> np.ndarray:
        """Scores (K, n) of the method before the attack: normal, shifted for genuine trials."""
        from scipy.special import ndtri

        scores = rng.normal(size=(self.targets, self.genuine + self.impostor))
        scores[:, : self.genuine] += np.sqrt(2) * ndtri(self.auc)
        return scores

    def areas(self, scores: np.ndarray) -> np.ndarray:
        """AUC (K,) of each target; by ranks, as scores (K, n) without ties allow."""
        ranks = scores.argsort(axis=1).argsort(axis=1)[:, : self.genuine].sum(axis=1)
        return (ranks - self.genuine * (self.genuine - 1) / 2) / (self.genuine * self.impostor)


@dataclass(frozen=True)
class Gain:
    """The strongest attack (its name and step) by a feedback after so many submissions: mean gain in the true mean
    AUC over the repetitions, and the least and the most of them."""

    feedback: str
    submissions: int
    gain: float
    least: float
    most: float
    attack: str


def walk(game: Game, feedback: Feedback, submissions: int, step: float, seed: int) -> float:
    """True gain in mean AUC of the walk."""
    rng = np.random.default_rng(seed)
    scores = game.first(rng)
    begun = areas = game.areas(scores)
    told = feedback(areas)
    for _ in range(submissions - 1):
        trial = scores + step * rng.normal(size=scores.shape)
        areas = game.areas(trial)
        answer = feedback(areas)
        better = answer > told
        scores = np.where(better[:, None], trial, scores)
        told = np.where(better, answer, told)
    return float(game.areas(scores).mean() - begun.mean())


def directions(game: Game, feedback: Feedback, submissions: int, step: float, seed: int) -> float:
    """True gain in mean AUC of the attack by directions."""
    rng = np.random.default_rng(seed)
    base = game.first(rng)
    begun = game.areas(base)
    told = feedback(begun)
    asked = max(1, submissions - 1 - len(_LENGTHS))
    total, plain, lowered = np.zeros_like(base), np.zeros_like(base), np.zeros_like(told)
    for _ in range(asked):
        one = rng.normal(size=base.shape)
        up = feedback(game.areas(base + step * one)) - told
        total += up[:, None] * one
        plain += one
        lowered += up
    # A disturbance lowers the AUC on average: what counts is which lowers it less than the others.
    total -= (lowered / asked)[:, None] * plain
    size = np.linalg.norm(total, axis=1, keepdims=True) / np.sqrt(base.shape[1])
    way = total / np.where(size > 0, size, 1)
    best, best_told = base, told
    for length in _LENGTHS[: max(0, submissions - 1 - asked)]:
        trial = base + 0.1 * length * way
        answer = feedback(game.areas(trial))
        better = answer > best_told
        best = np.where(better[:, None], trial, best)
        best_told = np.where(better, answer, best_told)
    return float(game.areas(best).mean() - begun.mean())


def full_feedback(areas: np.ndarray) -> np.ndarray:
    """Every target's figure, to the last digit: what a public set tells."""
    return areas


def mean_feedback(areas: np.ndarray) -> np.ndarray:
    """The mean, to the last digit."""
    return np.array([areas.mean()])


def coarse_feedback(areas: np.ndarray) -> np.ndarray:
    """What a hidden set tells (`leaderboard.ranking.redaction.coarse_figures`): the rounded mean, no single people."""
    from leaderboard.ranking.redaction import coarse_figures

    figures = {"auc_mean": {"value": float(areas.mean())}, "per_target": dict(enumerate(areas.tolist()))}
    told = coarse_figures({"generators": {"hidden": figures}, "overlap": []})["generators"]["hidden"]
    assert set(told) == {"auc_mean"}
    return np.array([told["auc_mean"]["value"]])


FEEDBACKS: dict[str, Feedback] = {"full": full_feedback, "exact mean": mean_feedback, "coarse": coarse_feedback}
ATTACKS = {"walk": walk, "directions": directions}


def measure(game: Game = Game(), counts: Iterable[int] = (10, 100, 1000), repetitions: int = 5) -> list[Gain]:
    """What the strongest attack gains, by each feedback and number of submissions Q."""
    found = []
    for name, feedback in FEEDBACKS.items():
        for count in counts:
            tried = []
            for attack, run in ATTACKS.items():
                for step in STEPS:
                    gains = [run(game, feedback, count, step, seed) for seed in range(repetitions)]
                    tried.append((float(np.mean(gains)), min(gains), max(gains), f"{attack}, step {step:g}"))
            found.append(Gain(name, count, *max(tried)))
    return found


if __name__ == "__main__":
    for one in measure():
        print(json.dumps(asdict(one)), flush=True)
