"""Tracks at the protocol's frame rate, so that a window is the same time in every source.

Legend: T frames of the source, U frames at the protocol's rate, L landmarks.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

# A source frame this close to a wanted time (as a share of a protocol frame) is taken as it is.
_SNAP = 1e-5


def resample(
    landmarks: np.ndarray, valid: np.ndarray, time: np.ndarray, rate: Fraction, max_gap: int
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (U, L, 2) float32 and validity (U,) at the times t0 + k / rate, from the first frame to the last.

    landmarks (T, L, 2), valid (T,), time (T,) seconds, increasing; frame times decide, so that a variable frame rate
    needs no care. Between two found frames landmarks are linear in time. A stretch between found frames that misses
    more than `max_gap` frames (counted at the slower of the two rates) stays invalid, as does what lies outside the
    first and last found frame: nothing is extrapolated. Invalid frames hold NaN.
    Raises ValueError where times do not increase.
    """
    time = np.asarray(time, dtype=np.float64)
    if len(time) and not np.all(np.diff(time) > 0):
        raise ValueError("frame times do not increase")
    found = np.flatnonzero(valid)
    if len(time) == 0:
        return np.empty((0, *landmarks.shape[1:]), np.float32), np.empty(0, bool)
    spacing = float(1 / rate)
    count = int(np.floor((time[-1] - time[0]) / spacing + _SNAP)) + 1
    if count == len(time) == len(found):
        late = time - time[0] - np.arange(count) * spacing
        if np.all(np.abs(late) <= _SNAP * spacing):
            return np.asarray(landmarks, dtype=np.float32), np.ones(count, bool)
    wanted = time[0] + np.arange(count) * spacing
    result = np.full((count, *landmarks.shape[1:]), np.nan, dtype=np.float32)
    if len(found) == 0:
        return result, np.zeros(count, bool)
    known = time[found]
    right = np.searchsorted(known, wanted - _SNAP * spacing)  # first found frame at or after the wanted time
    exact = (right < len(known)) & (np.abs(known[np.minimum(right, len(known) - 1)] - wanted) <= _SNAP * spacing)
    result[exact] = landmarks[found[right[exact]]]
    usual = float(np.median(np.diff(time))) if len(time) > 1 else spacing
    widest = (max_gap + 1) * max(spacing, usual) * 1.05  # 5 % for the jitter of time stamps
    between = ~exact & (right > 0) & (right < len(known))
    before, after = known[np.maximum(right - 1, 0)], known[np.minimum(right, len(known) - 1)]
    between &= (after - before) <= widest
    share = ((wanted[between] - before[between]) / (after - before)[between]).astype(np.float32)[:, None, None]
    low, high = landmarks[found[right[between] - 1]], landmarks[found[right[between]]]
    result[between] = low + share * (high - low)
    return result, exact | between


def mirrored_order(length: int, wanted: int) -> np.ndarray:
    """Frame numbers (wanted,) that play `length` frames forwards and backwards until `wanted` are filled."""
    if length < 2:
        return np.zeros(wanted, dtype=np.int64)
    cycle = np.concatenate([np.arange(length), np.arange(length - 2, 0, -1)])
    return cycle[np.arange(wanted) % len(cycle)]
