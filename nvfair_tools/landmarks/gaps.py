"""Short gaps in a track, bridged for rendering.

Legend: T frames, 478 mesh points.
A bridged frame is invented. It lets a generator draw a whole clip; features are computed from found frames only.
"""

from __future__ import annotations

import itertools

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.track import Track


class GapTooLong(NvfairError):
    """A stretch without the face that may not be bridged.

    reason: "no_face" (never found), "gap_at_start", "gap_at_end" or "gap_too_long". seconds: its length.
    """

    def __init__(self, reason: str, what: str, seconds: float) -> None:
        self.reason, self.seconds = reason, seconds
        super().__init__(what, remedy="cut the clip to a part in which the face is found, or allow longer gaps")


def fill_gaps(track: Track, max_gap_s: float) -> tuple[np.ndarray, np.ndarray]:
    """The mesh float32 (T, 478, 3) without NaN, and which frames were filled, bool (T,).

    Between two found frames at most `max_gap_s` seconds of missing frames are bridged linearly in time; at the start
    and the end the nearest found mesh is held for as long. A gap's length is the time between the found frames around
    it less one usual frame interval. Raises GapTooLong, with its reason, where the face is never found or a gap is
    longer.
    """
    valid = np.asarray(track.valid, dtype=bool)
    found = np.flatnonzero(valid)
    times = np.asarray(track.time, dtype=np.float64)
    if not len(found):
        seconds = float(times[-1] - times[0]) if len(times) else 0.0
        raise GapTooLong("no_face", f"the face is found in none of {len(valid)} frames", seconds)
    interval = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    slack = interval * 1e-3  # float error must not decide about a gap of just the allowed length
    for reason, seconds, at in (
        ("gap_at_start", times[found[0]] - times[0], 0),
        ("gap_at_end", times[-1] - times[found[-1]], found[-1] + 1),
        *(
            ("gap_too_long", times[after] - times[before] - interval, before + 1)
            for before, after in itertools.pairwise(found)
            if after > before + 1
        ),
    ):
        if seconds > max_gap_s + slack:
            raise GapTooLong(
                reason,
                f"the face is missing for {seconds:.2f} s from frame {at} on, more than the allowed {max_gap_s:g} s",
                float(seconds),
            )
    mesh = np.array(track.mesh, dtype=np.float32)
    for row in np.flatnonzero(~valid):
        place = int(np.searchsorted(found, row))
        before, after = found[max(place - 1, 0)], found[min(place, len(found) - 1)]
        span = times[after] - times[before]
        share = np.float32(np.clip((times[row] - times[before]) / span, 0.0, 1.0)) if span > 0 else np.float32(0)
        mesh[row] = track.mesh[before] + (track.mesh[after] - track.mesh[before]) * share
    return mesh, ~valid
