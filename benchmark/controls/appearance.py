"""Face shape without motion: the mean landmark distances of a video, and those of one frame.

Legend: N videos, P pairs.
"""

from __future__ import annotations

import numpy as np
import torch

from benchmark.controls.video_vectors import covered_frames, vector_scorer
from benchmark.methods.inputs import DeviceFeatures, FrameFeatures
from benchmark.trial_scores.scores import Scorer
from benchmark.windows.stored_frames import FrameWriter
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset.schema import PAIR_COUNT
from nvfair_tools.features import DEFAULT_SCALE, Scale, scaled_landmarks

SHAPE, STILL = "mean face shape", "still frame"
_FRAMES_AT_ONCE = 4096


def shape_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """A scorer that compares each video's mean distances (N, P) over the frames that its windows cover.

    Means are float64. Of many videos they lie in a file: a video has 63 kB of them.
    """
    means = FrameWriter((PAIR_COUNT,), np.float64)
    for block in windows.blocks():
        frames = DeviceFeatures(block.landmarks[:], "distances", "cpu", scale)
        for video in range(len(block.videos)):
            means.append(_mean_distances(frames, covered_frames(block, video))[None])
    return vector_scorer(windows, means.finish())


def still_scorer(windows: WindowSet, scale: Scale = DEFAULT_SCALE) -> Scorer:
    """A scorer that compares the distances (N, P) of each video's middle frame among those that its windows cover."""
    rows_of_video = (covered_frames(windows, video) for video in range(len(windows.videos)))
    middle = np.array([rows[len(rows) // 2] for rows in rows_of_video], dtype=np.int64)
    return vector_scorer(windows, _FrameDistances(scaled_landmarks(windows.landmarks[middle], scale)))


class _FrameDistances:
    """Distances (N, P) of one frame a video, computed when they are compared: landmarks take a thirtieth of them.

    points: (N, L, 2) centred and scaled landmarks.
    """

    def __init__(self, points: np.ndarray) -> None:
        self.points = points
        self._features = FrameFeatures("distances")

    def __len__(self) -> int:
        return len(self.points)

    def __getitem__(self, rows: np.ndarray) -> np.ndarray:
        """Distances (*R, P) float64 of the videos numbered `rows`, of any shape R."""
        flat = torch.from_numpy(np.ascontiguousarray(self.points[rows.reshape(-1)]))
        result = np.empty((len(flat), PAIR_COUNT))
        for first in range(0, len(flat), _FRAMES_AT_ONCE):
            part = flat[first : first + _FRAMES_AT_ONCE]
            result[first : first + len(part)] = self._features(part).T.numpy()
        return result.reshape(*rows.shape, PAIR_COUNT)


def _mean_distances(frames: DeviceFeatures, rows: np.ndarray) -> np.ndarray:
    """Mean distances (P,) over the frames `rows`, a block of frames at a time."""
    total = np.zeros(frames.width)
    for part in torch.from_numpy(rows).split(_FRAMES_AT_ONCE):
        total += frames.features(part).sum(dim=1).numpy()
    return total / len(rows)
