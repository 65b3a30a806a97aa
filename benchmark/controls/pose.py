"""Head pose alone: how a person holds and moves the head, whatever the face does.

Pose is estimated from the 126 landmarks by a weak-perspective fit (orthographic projection and one scale;
Huttenlocher and Ullman 1990) of the mean face of `nvfair_tools.simulate`, over the points that expressions move least.

Legend: F frames, N videos, L landmarks (126), R rigid points.
"""

from __future__ import annotations

from functools import cache

import numpy as np

from benchmark.controls.video_vectors import covered_frames, vector_scorer
from benchmark.trial_scores.scores import Scorer
from benchmark.windows.window_set import WindowSet

POSE = "head pose only"
_RIGID_GROUPS = ("contour", "right_eye", "left_eye", "nose")
_SMALLEST_DEVIATION = 1e-4  # a deviation below this (radians, face widths) is a still head
_FRAMES_AT_ONCE = 16_384


def head_pose(landmarks: np.ndarray) -> np.ndarray:
    """Head pose of each frame (F, 6) float64 from landmarks (F, L, 2) in pixels.

    Yaw, pitch and roll in radians (the angles of the face's axes out of and in the picture's plane), the logarithm of
    the scale in pixels an outer eye distance, and the place in the picture (x, y) in outer eye distances. NaN where a
    landmark is NaN.
    """
    rigid, inverse, centre = _rigid_template()
    parts = [
        _fit_pose(np.asarray(landmarks[first : first + _FRAMES_AT_ONCE, rigid], dtype=np.float64), inverse, centre)
        for first in range(0, len(landmarks), _FRAMES_AT_ONCE)
    ]
    return np.concatenate(parts) if parts else np.empty((0, 6))


def pose_scorer(windows: WindowSet, train: WindowSet | None = None) -> Scorer:
    """A scorer that compares statistics (N, 18) of the pose over the frames that windows cover.

    The statistics are means, and logarithms of the deviations of pose and of its change from frame to frame.

    Each is divided by its deviation between clips of one driver on one face, over the training videos: what stays the
    same from clip to clip of a person has more weight. Without training videos it is divided by its deviation over the
    test videos.
    """
    values = _pose_statistics(windows)
    deviation = values.std(axis=0) if train is None or not len(train.videos) else _deviation_between_clips(train)
    return vector_scorer(windows, values / np.where(deviation > 0, deviation, 1.0))


def _deviation_between_clips(train: WindowSet) -> np.ndarray:
    """Deviation (18,) of the statistics around their mean over each driver's videos of each face by each generator."""
    values = _pose_statistics(train)
    group = train.videos.groupby(["target", "driver", "generator"]).ngroup().to_numpy(np.int64)
    count = np.bincount(group)
    group_mean = np.stack([np.bincount(group, weights=column) / count for column in values.T], axis=1)
    residual = values - group_mean[group]
    degrees = int((count - 1).sum())
    return np.sqrt(np.square(residual).sum(axis=0) / degrees) if degrees else values.std(axis=0)


def _fit_pose(points: np.ndarray, inverse: np.ndarray, centre: np.ndarray) -> np.ndarray:
    """Pose (F, 6) of rigid points (F, R, 2); inverse (R, 3) and centre (3,): see `_rigid_template`."""
    middle = points.mean(axis=1)
    # The affine map A (F, 2, 3) of least squares from the mean face to the picture.
    affine = np.einsum("frc,rk->fck", points - middle[:, None], inverse)
    # The nearest scaled rotation is (A A')^(-1/2) A; a 2 x 2 matrix has its square root in closed form.
    gram = affine @ affine.transpose(0, 2, 1)
    root_determinant = np.sqrt(np.maximum(gram[:, 0, 0] * gram[:, 1, 1] - gram[:, 0, 1] ** 2, 0))
    trace = np.sqrt(np.maximum(gram[:, 0, 0] + gram[:, 1, 1] + 2 * root_determinant, 1e-12))
    square_root = (gram + root_determinant[:, None, None] * np.eye(2)) / trace[:, None, None]
    square_root += 1e-9 * trace[:, None, None] * np.eye(2)  # solvable also for a face without height
    axes = np.linalg.solve(square_root, affine)
    # Scale and place in the picture, then the angles of the face's axes.
    scale = trace / 2
    origin = middle / scale[:, None] - axes @ centre
    angles = np.arcsin(np.clip(axes[:, :, 2], -1, 1))
    roll = np.arctan2(axes[:, 1, 0], axes[:, 0, 0])
    return np.stack([angles[:, 0], angles[:, 1], roll, np.log(scale), origin[:, 0], origin[:, 1]], axis=1)


def _pose_statistics(windows: WindowSet) -> np.ndarray:
    """Statistics (N, 18): means (6) of the pose, log deviations (6) of it and (6) of its change between frames."""
    rows = []
    for block in windows.blocks():
        pose = head_pose(block.landmarks[:])
        for video in range(len(block.videos)):
            frames = covered_frames(block, video)
            video_pose = pose[frames]
            change = np.diff(video_pose, axis=0)[np.diff(frames) == 1]
            log_deviations = [np.log(values.std(axis=0) + _SMALLEST_DEVIATION) for values in (video_pose, change)]
            rows.append(np.concatenate([video_pose.mean(axis=0), *log_deviations]))
    return np.array(rows) if rows else np.empty((0, 18))


@cache
def _rigid_template() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rigid landmarks (R,), the pseudo-inverse (R, 3) of their centred places on the mean face, and their centre."""
    from nvfair_tools.landmarks.scheme import SCHEME_126
    from nvfair_tools.simulate.base_mesh import base_mesh

    face = base_mesh()[SCHEME_126.indices]
    candidates = np.concatenate([np.arange(len(face))[SCHEME_126.positions[group]] for group in _RIGID_GROUPS])
    # The jaw moves the contour below the mouth (y points down).
    mouth = face[SCHEME_126.positions["outer_lips"], 1].min()
    rigid = np.array([point for point in candidates if face[point, 1] < mouth])
    points = face[rigid]
    centre = points.mean(axis=0)
    return rigid, np.linalg.pinv(points - centre).T, centre
