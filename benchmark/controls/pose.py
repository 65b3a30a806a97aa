"""Head pose alone: how somebody holds and moves the head, whatever the face does.

Pose is found from the 126 landmarks by a weak-perspective fit (orthographic projection and one scale; Huttenlocher and
Ullman 1990) of the mean face of `nvfair_tools.simulate`, over the points that expressions move least.

Legend: F frames, N videos, L landmarks (126), R rigid points.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmark.controls.video_vectors import covered, vector_scorer
from benchmark.trial_scores.scores import Scorer
from benchmark.windows.window_set import WindowSet

POSE = "head pose only"
_RIGID = ("contour", "right_eye", "left_eye", "nose")
_LEAST = 1e-4  # a deviation below this (radians, face widths) is a still head
_BLOCK = 65_536


def head_pose(landmarks: np.ndarray) -> np.ndarray:
    """Pose of each frame (F, 6) float64 from landmarks (F, L, 2) in pixels.

    Yaw, pitch and roll in radians (the angles of the face's axes out of and in the picture's plane), the logarithm of
    the scale in pixels an outer eye distance, and the place in the picture (x, y) in outer eye distances. NaN where a
    landmark is NaN.
    """
    rigid, inverse, centre = _template()
    parts = [
        _pose(np.asarray(landmarks[first : first + _BLOCK, rigid], dtype=np.float64), inverse, centre)
        for first in range(0, len(landmarks), _BLOCK)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 6))


def pose_scorer(windows: WindowSet, train: WindowSet | None = None) -> Scorer:
    """Compares statistics (N, 18) of the pose over the frames that windows cover: means, and logarithms of the
    deviations of pose and of its change from frame to frame.

    Each is divided by its deviation between clips of one driver on one face, over the training videos: what a person
    keeps from clip to clip counts for more. Where there are no training videos, by its deviation over the test videos.
    """
    values = _statistics(windows)
    spread = values.std(axis=0) if train is None or not len(train.videos) else _within(train)
    return vector_scorer(windows, values / np.where(spread > 0, spread, 1.0))


def _within(train: WindowSet) -> np.ndarray:
    """Deviation (18,) of the statistics around their mean over each driver's videos of each face by each generator."""
    values = _statistics(train)
    group = train.videos.groupby(["target", "driver", "generator"]).ngroup().to_numpy(np.int64)
    count = np.bincount(group)
    mean = np.stack([np.bincount(group, weights=column) / count for column in values.T], axis=1)
    left = values - mean[group]
    freedom = int((count - 1).sum())
    return np.sqrt(np.square(left).sum(axis=0) / freedom) if freedom else values.std(axis=0)


def _pose(points: np.ndarray, inverse: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """(F, 6) from rigid points (F, R, 2)."""
    middle = points.mean(axis=1)
    # The affine map (F, 2, 3) of least squares; its nearest scaled rotation is (A A')^(-1/2) A, in closed form.
    affine = np.einsum("frc,rk->fck", points - middle[:, None], inverse)
    gram = affine @ affine.transpose(0, 2, 1)
    root = np.sqrt(np.maximum(gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2, 0))
    trace = np.sqrt(np.maximum(gram[:, 0, 0] + gram[:, 1, 1] + 2 * root, 1e-12))
    half = (gram + root[:, None, None] * np.eye(2)) / trace[:, None, None]
    half += 1e-9 * trace[:, None, None] * np.eye(2)  # a face without height has a pose too, if an odd one
    axes = np.linalg.solve(half, affine)
    scale = trace / 2
    origin = middle / scale[:, None] - axes @ centre
    angles = np.arcsin(np.clip(axes[:, :, 2], -1, 1))
    roll = np.arctan2(axes[:, 1, 0], axes[:, 0, 0])
    return np.stack([angles[:, 0], angles[:, 1], roll, np.log(scale), origin[:, 0], origin[:, 1]], axis=1)


def _statistics(windows: WindowSet) -> np.ndarray:
    pose = head_pose(windows.landmarks)
    rows = []
    for n in range(len(windows.videos)):
        frames = covered(windows, n)
        mine = pose[frames]
        change = np.diff(mine, axis=0)[np.diff(frames) == 1]
        spread = [np.log(part.std(axis=0) + _LEAST) for part in (mine, change)]
        rows.append(np.concatenate([mine.mean(axis=0), *spread]))
    return np.array(rows) if rows else np.empty((0, 18))


@cache
def _template() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rigid landmarks (R,), the pseudo-inverse (R, 3) of their centred places on the mean face, and their centre."""
    from nvfair_tools.landmarks.scheme import SCHEME_126
    from nvfair_tools.simulate.base_mesh import base_mesh

    face = base_mesh()[SCHEME_126.indices]
    chosen = np.concatenate([np.arange(len(face))[SCHEME_126.positions[group]] for group in _RIGID])
    # The jaw carries the contour below the mouth along (y points down).
    mouth = face[SCHEME_126.positions["outer_lips"], 1].min()
    rigid = np.array([point for point in chosen if face[point, 1] < mouth])
    points = face[rigid]
    centre = points.mean(axis=0)
    return rigid, np.linalg.pinv(points - centre).T, centre
