"""One video's track, resampled and cut into windows, with the reason for what is left out.

Legend: U frames at the protocol's rate, L landmarks (126), M points of the mesh.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.protocols.schema import Missing, Time
from benchmark.windows.resample import mirrored_order, repeated_order, resample

# Reasons why a video lost windows, as `WindowSet.excluded` gives them.
SHORT = "shorter_than_a_window"
MISSING = "face_missing"
TIMES = "frame_times_do_not_increase"


@dataclass(frozen=True)
class CutVideo:
    """A video's frames at the protocol's rate, and its windows.

    landmarks (U, L, 2), mesh (U, M, 3) or None. starts: (W,) first frame of each window. source_frame: (U,) number of
    the frame that each row shows; None where they are 0, 1, 2, ... reason: why windows were left out, "" where none
    was; windows_lost: those with an invalid frame.
    """

    video: str
    landmarks: np.ndarray
    mesh: np.ndarray | None
    starts: np.ndarray
    source_frame: np.ndarray | None
    reason: str = ""
    windows_lost: int = 0


def cut_video(
    video: str,
    track: tuple[np.ndarray, np.ndarray, np.ndarray],
    time: Time,
    missing: Missing,
    mesh: np.ndarray | None = None,
) -> CutVideo:
    """Resamples a track (landmarks (T, L, 2), valid (T,), seconds (T,)) and cuts it by the protocol's rules.

    mesh: (T, M, 3), resampled and masked as the landmarks are. A video whose frame times do not increase cannot be
    resampled; it has no windows.
    """
    landmarks, valid, times = track
    if not np.all(np.diff(times) > 0):
        return CutVideo(video, landmarks[:0], None, np.empty(0, np.int64), None, TIMES)
    points, usable = resample(landmarks, valid, times, time.rate, missing.max_gap_frames)
    if mesh is not None:
        mesh, _ = resample(mesh, valid, times, time.rate, missing.max_gap_frames)
        mesh = mesh[: time.frames]
    points, usable = points[: time.frames], usable[: time.frames]
    order = None
    if 1 < len(usable) < time.window and missing.short_videos != "exclude":
        fill = mirrored_order if missing.short_videos == "mirror" else repeated_order
        order = fill(len(usable), time.window)
        points, usable = points[order], usable[order]
        mesh = None if mesh is None else mesh[order]
    starts, windows_lost = window_starts(usable, time.window, time.stride)
    reason = SHORT if len(usable) < time.window else MISSING if windows_lost else ""
    return CutVideo(video, points, mesh, starts, order, reason, windows_lost)


def window_starts(valid: np.ndarray, length: int, stride: int) -> tuple[np.ndarray, int]:
    """First frames of the windows whose frames are all valid, and how many windows have an invalid frame.

    valid: bool, one a frame. length: frames a window. Windows start at 0, stride, 2 stride, ... as long as they fit.
    """
    if len(valid) < length:
        return np.empty(0, np.int64), 0
    starts = np.arange(0, len(valid) - length + 1, stride, dtype=np.int64)
    # Invalid frames before each frame: a window is whole where the count is the same at its start and at its end.
    invalid_before = np.concatenate([[0], np.cumsum(~np.asarray(valid, dtype=bool))])
    whole = invalid_before[starts + length] == invalid_before[starts]
    return starts[whole], int(np.count_nonzero(~whole))
