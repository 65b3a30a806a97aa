"""Shortcut figures: how far one gets on the same trials without knowing anybody's motion.

Every trial compares videos of one face, yet appearance leaks: a driver's face shape stays in absolute motion, a single
frame carries an expression habit, and a face driven by somebody else looks less natural than one driven by its owner.
A method's figure means something only beside these.

Legend: N videos, L landmarks, P pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from benchmark.inputs import DeviceFrames, normalised
from benchmark.scores import Scorer, TargetScores, VideoEmbeddings
from benchmark.trials import TargetTrials
from benchmark.windows import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import DEFAULT_SCALE, Scale
from nvfair_tools.protocol import Scoring

SHAPE, STILL, CROSSNESS = "mean face shape", "still frame", "self/cross detector"
ABOUT = {
    SHAPE: "minus the distance of the two videos' mean normalised landmark distances: no motion at all",
    STILL: "the same for one frame, the middle one, of each video",
    CROSSNESS: "a linear detector of 'not driven by its owner', trained on training people; knows no driver",
}
_RIDGE = 1.0
_BLOCK = 4096


def shape_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """Compares mean distances (N, P) over the frames that windows cover."""
    frames = DeviceFrames(windows.landmarks, "distances", "cpu", scale)
    rows = [_covered(windows, n) for n in range(len(windows.videos))]
    mean = np.stack([_mean(frames, chosen) for chosen in rows]) if rows else np.empty((0, frames.width))
    return _raw_scorer(windows, mean)


def still_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """Compares the distances (N, P) of the middle frame of the frames that windows cover."""
    frames = DeviceFrames(windows.landmarks, "distances", "cpu", scale)
    covered = [_covered(windows, n) for n in range(len(windows.videos))]
    middle = np.array([rows[len(rows) // 2] for rows in covered], dtype=np.int64)
    parts = [frames.features(part).T.numpy() for part in torch.from_numpy(middle).split(_BLOCK)]
    return _raw_scorer(windows, np.concatenate(parts) if len(middle) else np.empty((0, frames.width)))


@dataclass(frozen=True)
class CrossnessScorer:
    """Scores a pair by how self-driven both videos look: minus the sum of the detector's outputs (N,)."""

    output: np.ndarray

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials."""
        genuine, impostor = (
            -trials.sides(self.output, pairs).sum(axis=1) for pairs in (trials.genuine, trials.impostor)
        )
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
    points = normalised(windows.landmarks, scale)
    rows = []
    for n in range(len(windows.videos)):
        mine = points[_covered(windows, n)].reshape(-1, points.shape[1] * 2).astype(np.float64)
        rows.append(np.concatenate([mine.mean(axis=0), mine.std(axis=0)]))
    return np.array(rows)


def _covered(windows: WindowSet, video: int) -> np.ndarray:
    """Frames of a video that its windows cover."""
    first, last = np.searchsorted(windows.video, [video, video + 1])
    return np.unique(windows.start[first:last, None] + np.arange(windows.length))


def _mean(frames: DeviceFrames, rows: np.ndarray) -> np.ndarray:
    total = np.zeros(frames.width)
    for part in torch.from_numpy(rows).split(_BLOCK):
        total += frames.features(part, reuse=True).sum(dim=1).numpy()
    return total / len(rows)


def _raw_scorer(windows: WindowSet, values: np.ndarray) -> Scorer:
    """Minus the plain Euclidean distance of one vector a video."""
    ids = windows.videos["video"].to_numpy(dtype=object)
    return Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), values, unit=False), Scoring())
