"""A detector of "not driven by its owner", which has no information about who drives.

Under NVFAIR's rule every genuine pair is self x self and every impostor pair self x cross, so such a detector scores
above chance there; on cross-cross trials both videos look alike to it.

Legend: N videos, L landmarks.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.controls.video_vectors import covered_frames, pair_sums
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
    """Scores a pair by how self-driven both videos look: minus the sum of the detector's outputs (N,), one a video."""

    output: np.ndarray

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores one target's trials, larger for more alike."""
        genuine, impostor = (-pair_sums(trials, self.output, pairs) for pairs in (trials.genuine, trials.impostor))
        return TargetScores(trials, genuine, impostor)


def crossness_scorer(train: WindowSet, test: WindowSet, scale: Scale = DEFAULT_SCALE) -> CrossnessScorer:
    """Trains the detector on the videos of `train` (training people) and applies it to those of `test`.

    A ridge regression of cross (1) against self (0) on each video's landmark means and deviations. Videos are weighted
    so that self and cross have the same total weight. Raises NvfairError where training has only one of them.
    """
    is_cross = (train.videos["driver"] != train.videos["target"]).to_numpy().astype(np.float64)
    if is_cross.min(initial=1) == is_cross.max(initial=0):
        raise NvfairError(
            "the training people have only self- or only cross-reenactments", expected="videos of both kinds"
        )
    # Statistics in units of their deviation over the training videos.
    x = _landmark_statistics(train, scale)
    mean, deviation = x.mean(axis=0), np.maximum(x.std(axis=0), 1e-6)
    x = (x - mean) / deviation
    # Weighted ridge regression: the normal equations, solved for the coefficients.
    weight = np.where(is_cross == 1, 0.5 / is_cross.mean(), 0.5 / (1 - is_cross.mean()))
    gram = (x * weight[:, None]).T @ x / len(x) + _RIDGE * np.eye(x.shape[1])
    coefficients = np.linalg.solve(gram, (x * weight[:, None]).T @ (is_cross - 0.5) / len(x))
    outputs = [((_landmark_statistics(block, scale) - mean) / deviation) @ coefficients for block in test.blocks()]
    return CrossnessScorer(np.concatenate(outputs))


def _landmark_statistics(windows: WindowSet, scale: Scale) -> np.ndarray:
    """Mean and deviation (N, 4 L) over time of each video's normalised landmarks."""
    rows = []
    for block in windows.blocks():
        for video in range(len(block.videos)):
            points = normalised_landmarks(block.landmarks[covered_frames(block, video)], scale)
            frames = points.reshape(len(points), -1).astype(np.float64)
            rows.append(np.concatenate([frames.mean(axis=0), frames.std(axis=0)]))
    return np.array(rows)
