"""A detector of "not driven by its owner", which knows no driver.

Under NVFAIR's rule every genuine pair is self x self and every impostor pair self x cross, so that it scores; on
cross-cross trials it has nothing to hold on to.

Legend: N videos, L landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.controls.video_vectors import covered, sums
from benchmark.methods.inputs import normalised_landmarks
from benchmark.trial_scores.scores import TargetScores
from benchmark.trials.trials import TargetTrials
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import DEFAULT_SCALE, Scale

CROSSNESS = "self/cross detector"
_RIDGE = 1.0


@dataclass(frozen=True)
class CrossnessScorer:
    """Scores a pair by how self-driven both videos look: minus the sum of the detector's outputs (N,)."""

    output: np.ndarray

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials."""
        genuine, impostor = (-sums(trials, self.output, pairs) for pairs in (trials.genuine, trials.impostor))
        return TargetScores(trials, genuine, impostor)


def crossness_scorer(train: WindowSet, test: WindowSet, scale: Scale = DEFAULT_SCALE) -> CrossnessScorer:
    """A ridge regression of cross (1) against self (0) on each video's landmark means and deviations.

    Trained on the videos of `train` (training people), which are weighted so that self and cross count alike.
    Raises NvfairError where training has only one of them.
    """
    cross = (train.videos["driver"] != train.videos["target"]).to_numpy().astype(np.float64)
    if cross.min(initial=1) == cross.max(initial=0):
        raise NvfairError("the training people have only self- or only cross-reenactments")
    x = _statistics(train, scale)
    mean, deviation = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    x = (x - mean) / deviation
    weight = np.where(cross == 1, 0.5 / cross.mean(), 0.5 / (1 - cross.mean()))
    gram = (x * weight[:, None]).T @ x / len(x) + _RIDGE * np.eye(x.shape[1])
    answer = np.linalg.solve(gram, (x * weight[:, None]).T @ (cross - 0.5) / len(x))
    return CrossnessScorer(((_statistics(test, scale) - mean) / deviation) @ answer)


def _statistics(windows: WindowSet, scale: Scale) -> np.ndarray:
    """Mean and deviation (N, 4 L) of each video's normalised landmarks."""
    points = normalised_landmarks(windows.landmarks, scale)
    rows = []
    for n in range(len(windows.videos)):
        mine = points[covered(windows, n)].reshape(-1, points.shape[1] * 2).astype(np.float64)
        rows.append(np.concatenate([mine.mean(axis=0), mine.std(axis=0)]))
    return np.array(rows)
