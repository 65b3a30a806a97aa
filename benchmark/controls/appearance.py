"""Face shape without motion: the mean landmark distances of a video, and those of one frame.

Legend: N videos, P pairs.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmark.controls.video_vectors import covered_frames, vector_scorer
from benchmark.methods.inputs import DeviceFeatures
from benchmark.trial_scores.scores import Scorer
from benchmark.windows.window_set import WindowSet
from nvfair_tools.features import DEFAULT_SCALE, Scale

SHAPE, STILL = "mean face shape", "still frame"
_FRAMES_AT_ONCE = 4096


def shape_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """A scorer that compares each video's mean distances (N, P) over the frames that its windows cover."""
    frames = DeviceFeatures(windows.landmarks, "distances", "cpu", scale)
    rows_of_video = [covered_frames(windows, video) for video in range(len(windows.videos))]
    means = [_mean_distances(frames, rows) for rows in rows_of_video]
    return vector_scorer(windows, np.stack(means) if means else np.empty((0, frames.width)))


def still_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """A scorer that compares the distances (N, P) of each video's middle frame among those that its windows cover."""
    frames = DeviceFeatures(windows.landmarks, "distances", "cpu", scale)
    rows_of_video = [covered_frames(windows, video) for video in range(len(windows.videos))]
    middle = np.array([rows[len(rows) // 2] for rows in rows_of_video], dtype=np.int64)
    parts = [frames.features(part).T.numpy() for part in torch.from_numpy(middle).split(_FRAMES_AT_ONCE)]
    return vector_scorer(windows, np.concatenate(parts) if len(middle) else np.empty((0, frames.width)))


def _mean_distances(frames: DeviceFeatures, rows: np.ndarray) -> np.ndarray:
    """Mean distances (P,) over the frames `rows`, a block of frames at a time."""
    total = np.zeros(frames.width)
    for part in torch.from_numpy(rows).split(_FRAMES_AT_ONCE):
        total += frames.features(part).sum(dim=1).numpy()
    return total / len(rows)
