"""Shortcuts of tracks that were filmed elsewhere: what the recording, and not the person, may leave in a rendering."""

from __future__ import annotations

import numpy as np

from benchmark.controls import head_pose
from nvfair_tools.dataset import TrackTable
from nvfair_tools.landmarks.scheme import SCHEME_126

_LEAST_JITTER = 1e-6  # eye distances; below it a landmark stands still


def jitter(tracks: TrackTable) -> np.ndarray:
    """How much landmarks tremble (N,): the median second difference of the nose's points, in outer eye distances.

    A movement of the head is smooth over three frames, an error of the landmarker is not. Frames without a face, and
    their neighbours, do not count.
    """
    nose = SCHEME_126.positions["nose"]
    values = []
    for _, landmarks, _, _ in tracks:
        points = landmarks[:, nose].astype(np.float64)
        steps = np.linalg.norm(np.diff(points, n=2, axis=0), axis=2)
        scale = np.exp(head_pose(landmarks)[1:-1, 3])
        values.append(np.nanmedian(steps / scale[:, None]))
    return np.maximum(np.array(values), _LEAST_JITTER)


def mean_yaw(tracks: TrackTable) -> np.ndarray:
    """The mean turn of the head to a side (N,), in radians."""
    return np.array([np.nanmean(head_pose(landmarks)[:, 0]) for _, landmarks, _, _ in tracks])
