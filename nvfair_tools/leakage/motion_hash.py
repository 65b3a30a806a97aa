"""A hash of the motion in a landmark track: nearly the same for a copy that was cut, mirrored, cropped or encoded anew.

A copy of a recording under another name may have another beginning, size, frame rate and orientation, and so neither
its bytes nor its pictures need be alike. What stays is how the face moves. The hash keeps eight measures of the face,
each without its slow part, and the windows around a few *anchors*: moments at which the face moves most, which a copy
has too, wherever it begins. The choice of moments by the signal itself is that of audio fingerprints (Wang 2003, "An
industrial-strength audio search algorithm"); measures, windows and limits are our own.

Legend: T frames, S samples of the even grid, C measures (8), A anchors, D values of a window (72).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from nvfair_tools.features import facial_scale
from nvfair_tools.landmarks.scheme import OUTER_EYE_CORNERS, SCHEME_126, measure_length

STEP = 0.04  # seconds between samples
SHORTEST = 2.0  # seconds: less motion than this is no evidence
_LEAST_VALID = 0.5  # share of the frames with a face
_MOST_ANCHORS = 8
_REACH = 20  # samples from a window's middle to its ends: 0.8 s
_WAVES = 9  # low frequencies of a window that are kept, of each measure
_SLOW = 20  # samples to each side whose mean is the slow part
_SMOOTHING = np.array([1, 2, 3, 2, 1]) / 9  # 0.2 s: above 4 Hz a track is mostly noise
MEASURES = 8
SYMMETRIC = 6  # measures that a mirror leaves; the others change their sign
PARTS = ([0, 1, 4], [2, 3], [5, 6, 7])  # measures of mouth, eyes and head
# Sizes (root mean square, in facial scales; roll in radians) by which the measures are divided: about those in real
# clips, larger where much of a measure is noise. Chosen by docs/leakage.md.
_SIZES = np.array([0.05, 0.03, 0.03, 0.03, 0.03, 0.02, 0.015, 0.008], np.float32)


@dataclass(frozen=True)
class MotionHash:
    """The motion of one video.

    signal: float32 (S, C), the measures at steps of STEP seconds; the last two change sign in a mirror. anchors: int
    (A,), samples. windows: float32 (A, D), low frequencies of the signal around each anchor, of length 1.
    """

    signal: np.ndarray
    anchors: np.ndarray
    windows: np.ndarray

    @property
    def seconds(self) -> float:
        """How long the hashed motion lasts."""
        return len(self.signal) * STEP


def motion_hash(landmarks: np.ndarray, valid: np.ndarray, time: np.ndarray) -> MotionHash | None:
    """The hash of a track; None where it is shorter than two seconds or has a face in less than half of its frames.

    landmarks: (T, 126, 2) pixels. valid: bool (T,). time: (T,) seconds, rising.
    """
    valid = valid & np.isfinite(landmarks[:, 0, 0])
    if valid.sum() < 2 or valid.mean() < _LEAST_VALID:
        return None
    times = time[valid]
    grid = np.arange(times[0], times[-1] + 1e-6, STEP)
    if len(grid) * STEP < SHORTEST:
        return None
    measures = _measures(landmarks[valid])
    even = np.stack([np.interp(grid, times, column) for column in measures.T], axis=1)
    smooth = _running_mean(even, _SMOOTHING)
    slow = _running_mean(smooth, np.full(2 * _SLOW + 1, 1 / (2 * _SLOW + 1)))
    signal = ((smooth - slow) / _SIZES).astype(np.float32)
    # One jump, such as a lost face, would otherwise outweigh all the rest.
    np.clip(signal, -4, 4, out=signal)
    anchors = _anchors(signal)
    return MotionHash(signal, anchors, _windows(signal, anchors))


def _measures(landmarks: np.ndarray) -> np.ndarray:
    """The measures (T, C): six that a mirror leaves, and two whose sign it changes. landmarks: (T, 126, 2), no NaN."""
    points = landmarks.astype(np.float64)
    scale = np.maximum(facial_scale(landmarks).astype(np.float64), 1e-6)
    right, left = (points[:, place] for place in OUTER_EYE_CORNERS)
    across = left - right
    across /= np.maximum(np.linalg.norm(across, axis=1, keepdims=True), 1e-6)
    down = np.stack([-across[:, 1], across[:, 0]], axis=1)
    nose = points[:, SCHEME_126.position(4)] - (left + right) / 2
    lengths = [
        measure_length(points, "mouth_open"),
        measure_length(points, "mouth_width"),
        (measure_length(points, "right_eye_open") + measure_length(points, "left_eye_open")) / 2,
        (measure_length(points, "right_brow_raise") + measure_length(points, "left_brow_raise")) / 2,
        measure_length(points, "nose_to_chin"),
        (nose * down).sum(axis=1),
        (nose * across).sum(axis=1),
    ]
    roll = np.unwrap(np.arctan2(across[:, 1], across[:, 0]))
    return np.stack([*(length / scale for length in lengths), roll], axis=1)


def _running_mean(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """The weighted mean around each sample of (S, C); beyond an end, its last sample is repeated."""
    reach = len(weights) // 2
    padded = np.pad(values, ((reach, reach), (0, 0)), mode="edge")
    return np.stack([np.convolve(column, weights, "valid") for column in padded.T], axis=1)


def _anchors(signal: np.ndarray) -> np.ndarray:
    """The samples at which most moves, (A,), rising: the largest local maxima, none so near an end that a window's half
    would be missing."""
    energy = _running_mean((signal**2).sum(axis=1, keepdims=True), _SMOOTHING)[:, 0]
    inner = energy[1:-1]
    peaks = 1 + np.flatnonzero((inner > energy[:-2]) & (inner >= energy[2:]))
    peaks = peaks[(peaks >= _REACH // 2) & (peaks < len(signal) - _REACH // 2)]
    strongest = peaks[np.argsort(-energy[peaks], kind="stable")[:_MOST_ANCHORS]]
    return np.sort(strongest)


def _windows(signal: np.ndarray, anchors: np.ndarray) -> np.ndarray:
    """The low frequencies (A, D) of the signal around each anchor; the symmetric measures' first."""
    padded = np.pad(signal, ((_REACH, _REACH), (0, 0)))
    cut = np.stack([padded[anchor : anchor + 2 * _REACH + 1] for anchor in anchors]) if len(anchors) else padded[:0]
    if not len(anchors):
        return np.zeros((0, signal.shape[1] * _WAVES), np.float32)
    waves = np.einsum("wk,akc->acw", _cosines(), cut).reshape(len(anchors), -1)
    return (waves / np.maximum(np.linalg.norm(waves, axis=1, keepdims=True), 1e-6)).astype(np.float32)


@lru_cache(maxsize=1)
def _cosines() -> np.ndarray:
    """The first rows of the orthonormal cosine transform of a window under a Hann taper, (W, 2 * reach + 1)."""
    length = 2 * _REACH + 1
    places = np.arange(length)
    basis = np.cos(np.pi * np.arange(_WAVES)[:, None] * (2 * places + 1) / (2 * length)) * np.sqrt(2 / length)
    basis[0] /= np.sqrt(2)
    return (basis * np.hanning(length + 2)[1:-1]).astype(np.float32)
