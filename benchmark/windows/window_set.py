"""Windows: the pieces of equal length that a method sees.

Legend: N videos, F frames of all videos at the protocol's rate, W windows, L landmarks (126), T frames a window.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import pandas as pd

from benchmark.protocols.schema import Missing, Protocol, Time, expand
from benchmark.windows.resample import mirrored, resample
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.errors import NvfairError

SHORT = "shorter_than_a_window"
MISSING = "face_missing"
_VIDEOS_AT_ONCE = 20_000
_MESHES_AT_ONCE = 1_000  # a mesh is 5.7 kB a frame
_EXCLUDED = ["video", "reason", "windows_lost", "windows_kept"]


@dataclass(frozen=True)
class WindowSet:
    """Windows over resampled landmarks.

    videos: the table's rows of the N videos that have windows, in the order of their ids, index 0..N-1.
    landmarks: float32 (F, L, 2) pixels. offsets: (N + 1), frames of video n are offsets[n]:offsets[n + 1].
    video: (W,) number of each window's video. start: (W,) its first row in `landmarks`.
    length: frames a window. rate: frames a second. excluded: one row for each video that lost windows (video, reason,
    windows lost, kept). mesh: float32 (F, M, 3) where it was asked for. mesh_points: which of the mesh these M are;
    None where they are all 478.
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
    mesh_points: tuple[int, ...] | None = None

    def __len__(self) -> int:
        return len(self.video)

    @classmethod
    def of_batch(cls, batch: WindowBatch) -> WindowSet:
        """A batch as if each of its windows were a video of its own."""
        count, length = batch.landmarks.shape[:2]
        start = np.arange(count, dtype=np.int64) * length
        return cls(
            videos=pd.DataFrame(
                np.asarray(batch.size, dtype=np.float64).reshape(count, 2), columns=["width", "height"]
            ),
            landmarks=batch.landmarks.reshape(-1, *batch.landmarks.shape[2:]),
            offsets=np.arange(count + 1, dtype=np.int64) * length,
            video=np.arange(count),
            start=start,
            length=length,
            excluded=pd.DataFrame(columns=_EXCLUDED),
            rate=Fraction(batch.fps).limit_denominator(1001),
            mesh=None if batch.mesh is None else batch.mesh.reshape(-1, *batch.mesh.shape[2:]),
        )

    def rows(self, windows: np.ndarray | slice) -> np.ndarray:
        """Frames (B, T) of the windows numbered `windows` (B,)."""
        return self.start[windows, None] + np.arange(self.length)

    def mesh_at(self, points: Sequence[int]) -> np.ndarray:
        """float32 (F, len(points), 3): these points of the mesh; NvfairError where they were not read."""
        if self.mesh is None:
            raise NvfairError("the windows were read without the mesh", expected="prepare(..., mesh=True)")
        if self.mesh_points is None:
            return self.mesh[:, list(points)]
        if tuple(points) == self.mesh_points:
            return self.mesh
        place = {point: n for n, point in enumerate(self.mesh_points)}
        missing = [point for point in points if point not in place]
        if missing:
            raise NvfairError(f"mesh points {missing[:5]} were not read", expected="prepare(..., mesh=True)")
        return self.mesh[:, [place[point] for point in points]]

    @property
    def sizes(self) -> np.ndarray:
        """Width and height (N, 2) of each video in pixels; NaN where the data set does not say."""
        table, empty = self.videos, np.full(len(self.videos), np.nan)
        return np.stack([table[c].to_numpy(np.float64) if c in table else empty for c in ("width", "height")], axis=1)

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


def prepare(
    dataset: Dataset, videos: Iterable[str], protocol: Protocol, *, mesh: bool | Sequence[int] = False
) -> WindowSet:
    """Reads, resamples and cuts `videos`; those without a window are counted in `excluded`, never just missing.

    mesh: whether MediaPipe's mesh is wanted too, or which of its points; it is resampled and masked as the landmarks
    are. Videos that are in the table but have no frames (rejected, failed) are counted with their own reason. Raises
    NvfairError where a video is not in the data set, where the mesh was not kept, and where the protocol is a sweep
    (`expand` it first).
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
    wants_mesh = mesh is True or (mesh is not False and len(mesh) > 0)
    points = None if isinstance(mesh, bool) else tuple(int(point) for point in mesh)
    at_once = _MESHES_AT_ONCE if wants_mesh else _VIDEOS_AT_ONCE
    pieces = [
        cut_tracks(
            dataset.tracks(readable[first : first + at_once], mesh=wants_mesh), protocol.time, protocol.missing, points
        )
        for first in range(0, len(readable), at_once)
    ]
    joined = _joined(pieces, table, lost, protocol.time)
    if not wants_mesh:
        return joined
    meshes = [array for piece in pieces for array in piece.meshes]
    empty = np.empty((0, 478 if points is None else len(points), 3), np.float32)
    return replace(joined, mesh=np.concatenate(meshes) if meshes else empty, mesh_points=points)


@dataclass(frozen=True)
class _Piece:
    """What one batch of tracks gave: kept videos with their frames and window starts, and losses."""

    ids: list[str]
    frames: list[np.ndarray]
    starts: list[np.ndarray]
    lost: list[tuple[str, str, int, int]]
    meshes: list[np.ndarray]


def cut_tracks(tracks: TrackTable, time: Time, missing: Missing, mesh_points: tuple[int, ...] | None = None) -> _Piece:
    """Resamples and cuts every video of `tracks`, with its mesh (or those points of it) where there is one."""
    piece = _Piece([], [], [], [], [])
    for number, (video, landmarks, valid, times) in enumerate(tracks):
        mesh: np.ndarray | None = None
        try:
            points, usable = resample(landmarks, valid, times, time.rate, missing.max_gap_frames)
            if tracks.mesh is not None:
                own = tracks.mesh[tracks.rows(number)]
                own = own if mesh_points is None else own[:, list(mesh_points)]
                mesh, _ = resample(own, valid, times, time.rate, missing.max_gap_frames)
        except ValueError as error:
            raise NvfairError(str(error), where=f"video {video}", remedy="track that video again") from error
        points, usable = points[: time.frames], usable[: time.frames]
        mesh = None if mesh is None else mesh[: time.frames]
        if 1 < len(usable) < time.window and missing.short_videos == "mirror":
            order = mirrored(len(usable), time.window)
            points, usable = points[order], usable[order]
            mesh = None if mesh is None else mesh[order]
        starts, bad = cut(usable, time.window, time.stride)
        if len(usable) < time.window:
            piece.lost.append((video, SHORT, 0, 0))
        elif bad:
            piece.lost.append((video, MISSING, bad, len(starts)))
        if len(starts):
            piece.ids.append(video)
            piece.frames.append(points)
            piece.starts.append(starts)
            if mesh is not None:
                piece.meshes.append(mesh)
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
        excluded=pd.DataFrame(sorted(lost), columns=_EXCLUDED),
    )
