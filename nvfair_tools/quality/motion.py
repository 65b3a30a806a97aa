"""How much of a driver's facial motion arrives in a rendered video, by landmarks alone.

Legend: T frames, L landmarks (126), C channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nvfair_tools.landmarks.scheme import SCHEME_126, measure_length

# Name -> the least standard deviation, in the channel's unit, of a driver who moves: about three times the noise of
# landmarks on a face of 256 pixels. Lengths are in outer eye distances, angles' stand-ins too, roll in radians.
CHANNELS = {
    "mouth_open": 0.010,
    "mouth_width": 0.008,
    "eyes_open": 0.004,
    "brows": 0.006,
    "yaw": 0.010,
    "pitch": 0.010,
    "roll": 0.008,
}
_LEAST_FRAMES = 8  # with a face in both videos; fewer say nothing about a correlation


@dataclass(frozen=True)
class MotionTransfer:
    """The comparison of a video's motion with its driver's. Each has one value a channel of CHANNELS.

    correlation: Pearson's. amplitude: the video's standard deviation over the driver's. Both are NaN where the driver
    does not move in this channel, or too few frames show a face in both.
    """

    correlation: dict[str, float]
    amplitude: dict[str, float]

    def median_correlation(self) -> float:
        """The median over the channels in which the driver moves; NaN where there is none."""
        return _median(self.correlation)

    def median_amplitude(self) -> float:
        """The median over the channels in which the driver moves; NaN where there is none."""
        return _median(self.amplitude)


def motion_series(landmarks: np.ndarray) -> np.ndarray:
    """The channels of a face's motion, float64 (T, C), NaN where there is no face. landmarks: (T, L, 2) pixels.

    Openings and widths are divided by the distance of the outer eye corners. Yaw and pitch are stood in for by the
    place of the tip of the nose beside the middle of the face and below the line of the eyes, after the roll is taken
    out: they grow with the angles, but more on a face with a long nose.
    """
    points = np.asarray(landmarks, dtype=np.float64)
    right, left = (points[:, SCHEME_126.position(index)] for index in (33, 263))
    line = left - right
    unit = np.maximum(np.linalg.norm(line, axis=1), 1e-6)
    roll = np.arctan2(line[:, 1], line[:, 0])
    # The tip of the nose in the face's own axes: along the line of the eyes, and across it.
    along = line / unit[:, None]
    across = np.stack([-along[:, 1], along[:, 0]], axis=1)
    nose = points[:, SCHEME_126.position(4)]
    middle = (points[:, SCHEME_126.position(234)] + points[:, SCHEME_126.position(454)]) / 2
    yaw = ((nose - middle) * along).sum(axis=1) / unit
    pitch = ((nose - (right + left) / 2) * across).sum(axis=1) / unit
    eyes = (measure_length(points, "right_eye_open") + measure_length(points, "left_eye_open")) / 2
    return np.stack(
        [
            measure_length(points, "mouth_open") / unit,
            measure_length(points, "mouth_width") / unit,
            eyes / unit,
            _brow_heights(points, across) / unit,
            yaw,
            pitch,
            roll,
        ],
        axis=1,
    )


def compare_motion(video: np.ndarray, driver: np.ndarray) -> MotionTransfer:
    """Compares the landmarks (T, L, 2) of a video and of its driving clip, frame by frame; NaN where there is no face.

    Raises ValueError where they have different numbers of frames.
    """
    if len(video) != len(driver):
        raise ValueError(f"the video has {len(video)} frames, its driving clip {len(driver)}")
    ours, theirs = motion_series(video), motion_series(driver)
    both = np.isfinite(ours).all(axis=1) & np.isfinite(theirs).all(axis=1)
    correlation, amplitude = dict.fromkeys(CHANNELS, np.nan), dict.fromkeys(CHANNELS, np.nan)
    if both.sum() >= _LEAST_FRAMES:
        for number, (name, least) in enumerate(CHANNELS.items()):
            moved, drove = ours[both, number], theirs[both, number]
            if drove.std() < least:
                continue
            amplitude[name] = float(moved.std() / drove.std())
            # A face that stands still does not follow its driver at all.
            correlation[name] = float(np.corrcoef(moved, drove)[0, 1]) if moved.std() > 1e-9 else 0.0
    return MotionTransfer(correlation, amplitude)


def _brow_heights(points: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The mean height of the brows above the corners of their eyes (T,), in pixels: lids and gaze do not change it."""
    heights = []
    for brow, corners in (((52, 105), (33, 133)), ((282, 334), (263, 362))):
        above = np.mean([points[:, SCHEME_126.position(index)] for index in brow], axis=0)
        eye = np.mean([points[:, SCHEME_126.position(index)] for index in corners], axis=0)
        heights.append(((eye - above) * across).sum(axis=1))
    return np.mean(heights, axis=0)


def _median(values: dict[str, float]) -> float:
    known = [value for value in values.values() if np.isfinite(value)]
    return float(np.median(known)) if known else float("nan")
