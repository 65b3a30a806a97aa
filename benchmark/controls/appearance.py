"""Face shape without motion: the mean of a video's distances, and those of one frame.

Legend: N videos, P pairs.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmark.controls.video_vectors import covered, vector_scorer
from benchmark.methods.inputs import DeviceFeatures
from benchmark.trial_scores.scores import Scorer
from benchmark.windows.window_set import WindowSet
from nvfair_tools.features import DEFAULT_SCALE, Scale

SHAPE, STILL = "mean face shape", "still frame"
_BLOCK = 4096


def shape_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """Compares mean distances (N, P) over the frames that windows cover."""
    frames = DeviceFeatures(windows.landmarks, "distances", "cpu", scale)
    rows = [covered(windows, n) for n in range(len(windows.videos))]
    mean = np.stack([_mean(frames, chosen) for chosen in rows]) if rows else np.empty((0, frames.width))
    return vector_scorer(windows, mean)


def still_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """Compares the distances (N, P) of the middle frame of the frames that windows cover."""
    frames = DeviceFeatures(windows.landmarks, "distances", "cpu", scale)
    rows = [covered(windows, n) for n in range(len(windows.videos))]
    middle = np.array([chosen[len(chosen) // 2] for chosen in rows], dtype=np.int64)
    parts = [frames.features(part).T.numpy() for part in torch.from_numpy(middle).split(_BLOCK)]
    return vector_scorer(windows, np.concatenate(parts) if len(middle) else np.empty((0, frames.width)))


def _mean(frames: DeviceFeatures, rows: np.ndarray) -> np.ndarray:
    total = np.zeros(frames.width)
    for part in torch.from_numpy(rows).split(_BLOCK):
        total += frames.features(part).sum(dim=1).numpy()
    return total / len(rows)
