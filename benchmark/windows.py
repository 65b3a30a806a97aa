"""Windows: the pieces of equal length that a method sees.

Legend: N videos, F frames of all videos at the protocol's rate, W windows, L landmarks (126), T frames a window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import pandas as pd

from benchmark.resample import mirrored, resample
from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.errors import NvfairError
from nvfair_tools.protocol import Missing, Protocol, Time, expand

SHORT = "shorter_than_a_window"
MISSING = "face_missing"
_VIDEOS_AT_ONCE = 20_000


@dataclass(frozen=True)
class WindowSet:
    """Windows over resampled landmarks.

    videos: the table's rows of the N videos that have windows, in the order of their ids, index 0..N-1.
    landmarks: float32 (F, L, 2) pixels. offsets: (N + 1), frames of video n are offsets[n]:offsets[n + 1].
    video: (W,) number of each window's video. start: (W,) its first row in `landmarks`.
    length: frames a window. rate: frames a second. excluded: one row for each video that lost windows (video, reason,
    windows lost, kept). mesh: float32 (F, 478, 3) where it was asked for.
    """

    videos: pd.DataFrame
    landmarks: np.ndarray
    offsets: np.ndarray
    video: np.ndarray
    start: np.ndarray
    length: int
    excluded: pd.DataFrame
    rate: Fraction = Fraction(30)
    mesh: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.video)

    @property
    def start_frame(self) -> np.ndarray:
        """First frame of each window within its video (W,), at the protocol's rate."""
        return self.start - self.offsets[self.video]


def cut(valid: np.ndarray, length: int, stride: int) -> tuple[np.ndarray, int]:
    """Starts of the windows that have all frames, and how many windows were lost to invalid frames.

    Windows start at 0, stride, 2 stride, ... as long as they fit.
    """
    if len(valid) < length:
        return np.empty(0, np.int64), 0
    starts = np.arange(0, len(valid) - length + 1, stride, dtype=np.int64)
    bad = np.concatenate([[0], np.cumsum(~np.asarray(valid, dtype=bool))])
    good = bad[starts + length] == bad[starts]
    return starts[good], int(np.count_nonzero(~good))


def prepare(dataset: Dataset, videos: Iterable[str], protocol: Protocol) -> WindowSet:
    """Reads, resamples and cuts `videos`; those without a window are counted in `excluded`, never just missing.

    Videos that are in the table but have no frames (rejected, failed) are counted with their own reason. Raises
    NvfairError where a video is not in the data set, and where the protocol is a sweep (`expand` it first).
    """
    if protocol.sweep is not None:
        raise NvfairError(
            f"it sweeps over {protocol.sweep.field}",
            where=f"protocol {protocol.name}",
            expected="one of " + ", ".join(one.name for one in expand(protocol)),
        )
    table = dataset.videos.set_index("video", drop=False)
    wanted = sorted(set(videos))
    unknown = [video for video in wanted if video not in table.index]
    if unknown:
        raise NvfairError(
            f"{len(unknown)} video(s) are not in the data set, the first: {unknown[:3]}", where=dataset.folder
        )
    rows = table.loc[wanted]
    unusable = rows[(rows["state"] != "ok") | rows["part"].isna()]
    lost = [
        (str(video), str(reason) or str(state), 0, 0)
        for video, state, reason in zip(unusable["video"], unusable["state"], unusable["reason"], strict=True)
    ]
    readable = [video for video in wanted if video not in set(unusable["video"])]
    pieces = [
        cut_tracks(dataset.tracks(readable[first : first + _VIDEOS_AT_ONCE]), protocol.time, protocol.missing)
        for first in range(0, len(readable), _VIDEOS_AT_ONCE)
    ]
    return _joined(pieces, table, lost, protocol.time)


@dataclass(frozen=True)
class _Piece:
    """What one batch of tracks gave: kept videos with their frames and window starts, and losses."""

    ids: list[str]
    frames: list[np.ndarray]
    starts: list[np.ndarray]
    lost: list[tuple[str, str, int, int]]


def cut_tracks(tracks: TrackTable, time: Time, missing: Missing) -> _Piece:
    """Resamples and cuts every video of `tracks`."""
    piece = _Piece([], [], [], [])
    for video, landmarks, valid, times in tracks:
        try:
            points, usable = resample(landmarks, valid, times, time.rate, missing.max_gap_frames)
        except ValueError as error:
            raise NvfairError(str(error), where=f"video {video}", remedy="track that video again") from error
        points, usable = points[: time.frames], usable[: time.frames]
        if 1 < len(usable) < time.window and missing.short_videos == "mirror":
            order = mirrored(len(usable), time.window)
            points, usable = points[order], usable[order]
        starts, bad = cut(usable, time.window, time.stride)
        if len(usable) < time.window:
            piece.lost.append((video, SHORT, 0, 0))
        elif bad:
            piece.lost.append((video, MISSING, bad, len(starts)))
        if len(starts):
            piece.ids.append(video)
            piece.frames.append(points)
            piece.starts.append(starts)
    return piece


def _joined(pieces: list[_Piece], table: pd.DataFrame, lost: list[tuple[str, str, int, int]], time: Time) -> WindowSet:
    ids = [video for piece in pieces for video in piece.ids]
    frames = [array for piece in pieces for array in piece.frames]
    starts = [array for piece in pieces for array in piece.starts]
    lost = lost + [row for piece in pieces for row in piece.lost]
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in frames], dtype=np.int64)]).astype(np.int64)
    counts = np.array([len(array) for array in starts], dtype=np.int64)
    return WindowSet(
        videos=table.loc[ids].reset_index(drop=True),
        landmarks=np.concatenate(frames) if frames else np.empty((0, 126, 2), np.float32),
        offsets=offsets,
        video=np.repeat(np.arange(len(ids)), counts),
        start=np.concatenate([array + offsets[n] for n, array in enumerate(starts)])
        if starts
        else np.empty(0, np.int64),
        length=time.window,
        rate=time.rate,
        excluded=pd.DataFrame(sorted(lost), columns=["video", "reason", "windows_lost", "windows_kept"]),
    )
