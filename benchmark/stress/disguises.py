"""A driver who hides: the motion played faster or slower, smoothed, or made larger or smaller.

Each is a change of a track, as an attacker could make it between the camera and the generator.

Legend: T frames, L landmarks.
"""

from __future__ import annotations

import numpy as np

from benchmark.stress.face_frames import FaceFrames
from benchmark.stress.tracks import Track, TrackChange
from nvfair_tools.errors import NvfairError


def retimed(speed: float) -> TrackChange:
    """The change that plays a video at `speed` (2: twice as fast): frame times are divided by it."""
    if not speed > 0:
        raise NvfairError(f"speed is {speed}", expected="a factor above 0")

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        return points, valid, time[:1] + (time - time[:1]) / speed

    return change


def smoothed(seconds: float) -> TrackChange:
    """The change that averages landmarks over time with a Gaussian of standard deviation `seconds`.

    Frames without a face have no weight and stay without one. The weights follow the frames' own times.
    """
    if not seconds > 0:
        raise NvfairError(f"smoothing is {seconds} s", expected="seconds above 0")

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        if not valid.any():
            return points, valid, time
        weights = np.exp(-0.5 * np.square((time[:, None] - time[valid][None]) / seconds))
        weights /= weights.sum(axis=1, keepdims=True)
        average = np.einsum("ts,slc->tlc", weights, points[valid].astype(np.float64))
        return np.where(valid[:, None, None], average, np.nan).astype(np.float32), valid, time

    return change


def resized_movement(factor: float) -> TrackChange:
    """The change that multiplies the movement of the face by `factor`; the movement of the head stays.

    On the face (see `FaceFrames`), each landmark's deviation from its mean over the video is multiplied.
    """
    if not factor >= 0:
        raise NvfairError(f"the factor of the movement is {factor}", expected="0 or more")

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        if not valid.any():
            return points, valid, time
        frames = FaceFrames.of(points[valid])
        mean = frames.points.mean(axis=0)
        result = np.full_like(points, np.nan)
        result[valid] = frames.landmarks(mean + factor * (frames.points - mean))
        return result, valid, time

    return change
