"""Tracks at the protocol's frame rate, so that a window is the same time in every source.

Legend: T frames of the source, U frames at the protocol's rate, L landmarks.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

# A source frame this close to an output time (as a share of an output frame) is taken as it is.
_SNAP = 1e-5
# Time stamps jitter: a gap may be longer than its frames by this factor.
_JITTER = 1.05


def resample(
    landmarks: np.ndarray, valid: np.ndarray, time: np.ndarray, rate: Fraction, max_gap: int
) -> tuple[np.ndarray, np.ndarray]:
    """Landmarks (U, L, 2) float32 and validity (U,) at the times t0 + k / rate, from the first frame to the last.

    landmarks (T, L, 2), valid (T,), time (T,) in seconds, increasing; frame times decide, so that a variable frame rate
    needs no care. Between two valid frames landmarks are linear in time. A stretch between valid frames that misses
    more than `max_gap` frames (counted at the slower of the two rates) stays invalid, as does what lies outside the
    first and last valid frame: nothing is extrapolated. Invalid frames hold NaN.
    Raises ValueError where times do not increase.
    """
    time = np.asarray(time, dtype=np.float64)
    if len(time) and not np.all(np.diff(time) > 0):
        raise ValueError("frame times do not increase")
    valid_rows = np.flatnonzero(valid)
    if len(time) == 0:
        return np.empty((0, *landmarks.shape[1:]), np.float32), np.empty(0, bool)

    # Times of the output frames. Where they are those of the source, and all valid, nothing is to be done.
    spacing = float(1 / rate)
    count = int(np.floor((time[-1] - time[0]) / spacing + _SNAP)) + 1
    if count == len(time) == len(valid_rows):
        delay = time - time[0] - np.arange(count) * spacing
        if np.all(np.abs(delay) <= _SNAP * spacing):
            return np.asarray(landmarks, dtype=np.float32), np.ones(count, bool)
    output_time = time[0] + np.arange(count) * spacing
    result = np.full((count, *landmarks.shape[1:]), np.nan, dtype=np.float32)
    if len(valid_rows) == 0:
        return result, np.zeros(count, bool)

    # Output frames that coincide with a valid source frame take its landmarks.
    valid_time = time[valid_rows]
    right = np.searchsorted(valid_time, output_time - _SNAP * spacing)  # first valid frame at or after each output time
    nearest = valid_time[np.minimum(right, len(valid_time) - 1)]
    exact = (right < len(valid_time)) & (np.abs(nearest - output_time) <= _SNAP * spacing)
    result[exact] = landmarks[valid_rows[right[exact]]]

    # The others lie between two valid frames and are interpolated, where these two are near enough to each other.
    source_spacing = float(np.median(np.diff(time))) if len(time) > 1 else spacing
    longest_gap = (max_gap + 1) * max(spacing, source_spacing) * _JITTER
    between = ~exact & (right > 0) & (right < len(valid_time))
    before, after = valid_time[np.maximum(right - 1, 0)], nearest
    between &= (after - before) <= longest_gap
    share = (output_time[between] - before[between]) / (after - before)[between]
    share = share.astype(np.float32)[:, None, None]
    earlier, later = landmarks[valid_rows[right[between] - 1]], landmarks[valid_rows[right[between]]]
    result[between] = earlier + share * (later - earlier)
    return result, exact | between


def repeated_order(length: int, count: int) -> np.ndarray:
    """Frame numbers (count,) of `length` frames and then the last one again until `count` frames are filled."""
    return np.minimum(np.arange(count), length - 1)


def mirrored_order(length: int, count: int) -> np.ndarray:
    """Frame numbers (count,) that play `length` frames forwards and backwards until `count` frames are filled."""
    if length < 2:
        return np.zeros(count, dtype=np.int64)
    cycle = np.concatenate([np.arange(length), np.arange(length - 2, 0, -1)])
    return cycle[np.arange(count) % len(cycle)]
