"""Bridges short gaps in a track, so that a generator can render the whole clip.

Legend: T frames, 478 mesh points.
A bridged frame is invented, so features are computed from valid frames only.
"""

from __future__ import annotations

import itertools

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.track import Track


class GapTooLong(NvfairError):
    """A gap without the face that is too long to bridge.

    reason: "no_face" (no frame has the face), "gap_at_start", "gap_at_end" or "gap_too_long". seconds: its length.
    """

    def __init__(self, reason: str, what: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds
        super().__init__(what, remedy="cut the clip to a part in which the face is found, or allow longer gaps")


def fill_gaps(track: Track, max_gap_s: float) -> tuple[np.ndarray, np.ndarray]:
    """Fills the gaps of a track: the mesh float32 (T, 478, 3) without NaN, and the filled frames, bool (T,).

    Between two valid frames a gap of at most `max_gap_s` seconds is bridged linearly in time; at the start and the end
    the nearest valid mesh is repeated for as long. The length of a gap is the time between the valid frames around it
    minus the median frame interval. Raises GapTooLong where no frame has the face or a gap is longer.
    """
    valid = np.asarray(track.valid, dtype=bool)
    valid_frames = np.flatnonzero(valid)
    times = np.asarray(track.time, dtype=np.float64)
    if not len(valid_frames):
        seconds = float(times[-1] - times[0]) if len(times) else 0.0
        raise GapTooLong("no_face", f"the face is found in none of {len(valid)} frames", seconds)
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    tolerance = interval * 1e-3  # float error must not decide about a gap of exactly the allowed length
    # Refuse the first gap that is too long.
    for reason, seconds, first_missing in (
        ("gap_at_start", times[valid_frames[0]] - times[0], 0),
        ("gap_at_end", times[-1] - times[valid_frames[-1]], valid_frames[-1] + 1),
        *(
            ("gap_too_long", times[after] - times[before] - interval, before + 1)
            for before, after in itertools.pairwise(valid_frames)
            if after > before + 1
        ),
    ):
        if seconds > max_gap_s + tolerance:
            raise GapTooLong(
                reason,
                f"the face is missing for {seconds:.2f} s from frame {first_missing} on, "
                f"more than the allowed {max_gap_s:g} s",
                float(seconds),
            )
    # Interpolate every missing frame between the valid frames around it.
    mesh = np.array(track.mesh, dtype=np.float32)
    for row in np.flatnonzero(~valid):
        following = int(np.searchsorted(valid_frames, row))
        before = valid_frames[max(following - 1, 0)]
        after = valid_frames[min(following, len(valid_frames) - 1)]
        span = times[after] - times[before]
        share = np.float32(np.clip((times[row] - times[before]) / span, 0.0, 1.0)) if span > 0 else np.float32(0)
        mesh[row] = track.mesh[before] + (track.mesh[after] - track.mesh[before]) * share
    return mesh, ~valid


def longest_gap(valid: np.ndarray, time: np.ndarray, interval: float) -> float:
    """Longest time in seconds without a face: from the first frame without one to the next frame with one.

    valid: bool (T,). time: seconds (T,). interval: seconds of one frame, which end a gap that reaches the clip's end.
    """
    # A change from valid to invalid begins a gap, the next change ends it; both ends of the clip count as valid.
    edges = np.flatnonzero(np.diff(np.concatenate([[True], np.asarray(valid, dtype=bool), [True]])))
    starts, ends = edges[0::2], edges[1::2]
    # A gap at the end lasts until the time at which a further frame would come.
    times = np.append(time, time[-1] + interval) if len(time) else np.zeros(1)
    return float(np.max(times[ends] - times[starts], initial=0.0))
