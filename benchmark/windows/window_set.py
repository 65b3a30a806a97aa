"""Windows: the pieces of equal length that a method sees, read from the tracks of a data set.

Legend: N videos, F frames of all videos at the protocol's rate, W windows, L landmarks (126), T frames a window,
B windows a batch, M points of MediaPipe's mesh (478, or those that were requested).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.protocols.schema import Missing, Protocol, Time, expand_sweep
from benchmark.protocols.shipped import load as load_protocol
from benchmark.windows.pictures import grey_picture
from benchmark.windows.resample import mirrored_order, repeated_order, resample
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.errors import NvfairError

# Reasons why a video lost windows, as `WindowSet.excluded` gives them.
SHORT = "shorter_than_a_window"
MISSING = "face_missing"
TIMES = "frame_times_do_not_increase"
_EXCLUDED_COLUMNS = ["video", "reason", "windows_lost", "windows_kept"]
_VIDEOS_PER_READ = 20_000
_MESH_VIDEOS_PER_READ = 1_000  # the mesh takes 5.7 kB a frame


@dataclass(frozen=True)
class WindowSet:
    """Windows over resampled landmarks.

    videos: the data set's rows of the N videos that have windows, in the order of their ids, index 0..N-1.
    landmarks: float32 (F, L, 2) pixels. offsets: (N + 1); video n has the frames offsets[n]:offsets[n + 1].
    video: (W,) number of each window's video. start: (W,) number of each window's first frame, a row of `landmarks`.
    length: frames a window. rate: frames a second. excluded: one row for each video that lost windows (video, reason,
    windows lost, windows kept). mesh: float32 (F, M, 3) where it was requested. mesh_points: indices of these M points
    in MediaPipe's mesh; None where they are all 478. grey: small grey pictures, uint8 (F, 128, 128), where they were
    read (benchmark.windows.grey_frames). source_frame: (F,) number of the frame of its video that each row shows; None
    where every video has its own frames in their order, as all have but short ones that were filled up.
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
    grey: np.ndarray | None = None
    source_frame: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.video)

    @classmethod
    def from_batch(cls, batch: WindowBatch) -> WindowSet:
        """The windows of a batch, each as a video of its own; its pictures become small grey ones."""
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
            excluded=pd.DataFrame(columns=_EXCLUDED_COLUMNS),
            rate=Fraction(batch.fps).limit_denominator(1001),
            mesh=None if batch.mesh is None else batch.mesh.reshape(-1, *batch.mesh.shape[2:]),
            grey=None
            if batch.frames is None
            else np.stack([grey_picture(image) for image in batch.frames.reshape(-1, *batch.frames.shape[2:])]),
        )

    def rows(self, windows: np.ndarray | slice) -> np.ndarray:
        """Frame numbers (B, T) of the windows numbered `windows` (B,)."""
        return self.start[windows, None] + np.arange(self.length)

    def source_times(self, rows: np.ndarray) -> np.ndarray:
        """Seconds from the start of its video of what each of the frames `rows`, of any shape, shows."""
        if self.source_frame is not None:
            return self.source_frame[rows] / float(self.rate)
        video = np.searchsorted(self.offsets, rows, side="right") - 1
        return (rows - self.offsets[video]) / float(self.rate)

    def mesh_at(self, points: Sequence[int]) -> np.ndarray:
        """These points of the mesh, float32 (F, len(points), 3); NvfairError where they were not read."""
        if self.mesh is None:
            raise NvfairError("the windows were read without the mesh", expected="read_windows(..., mesh=True)")
        if self.mesh_points is None:
            return self.mesh[:, list(points)]
        if tuple(points) == self.mesh_points:
            return self.mesh
        column = {point: number for number, point in enumerate(self.mesh_points)}
        missing = [point for point in points if point not in column]
        if missing:
            raise NvfairError(f"mesh points {missing[:5]} were not read", expected="read_windows(..., mesh=True)")
        return self.mesh[:, [column[point] for point in points]]

    @property
    def sizes(self) -> np.ndarray:
        """Width and height (N, 2) of each video in pixels; NaN where the data set does not say."""
        table, unknown = self.videos, np.full(len(self.videos), np.nan)
        columns = [table[name].to_numpy(np.float64) if name in table else unknown for name in ("width", "height")]
        return np.stack(columns, axis=1)

    @property
    def start_frame(self) -> np.ndarray:
        """First frame (W,) of each window within its video, at the protocol's rate."""
        return self.start - self.offsets[self.video]


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


def read_windows(
    data: Dataset | str | Path,
    protocol: Protocol | str | Path,
    *,
    videos: Iterable[str] | None = None,
    mesh: bool | Sequence[int] = False,
) -> WindowSet:
    """Reads tracks, resamples them to the protocol's frame rate and cuts them into its windows.

    data: a data set, or its folder. protocol: a protocol, its name, or the path of its file. videos: ids of the
    videos to read; None for all videos of the data set. mesh: whether to read MediaPipe's mesh too, or the indices of
    the mesh points to read; the mesh is resampled and masked as the landmarks are.

    A video without a window is counted in `excluded`. Videos that are in the table but have no frames (rejected or
    failed ones) are counted there with their own reason; so is a video whose frame times do not increase, as releases
    and data sets of other makers may have them (`build` repairs such times or refuses the clip).
    Raises NvfairError where a video is not in the data set, where the data set did not keep the mesh, and where the
    protocol is a sweep (name one of its members).
    """
    dataset = data if isinstance(data, Dataset) else Dataset.open(data)
    protocol = load_protocol(protocol)
    if protocol.sweep is not None:
        raise NvfairError(
            f"the protocol is a sweep over {protocol.sweep.field}",
            where=f"protocol {protocol.name}",
            expected="one of " + ", ".join(member.name for member in expand_sweep(protocol)),
        )
    table = dataset.videos.set_index("video", drop=False)
    ids = sorted(set(table.index if videos is None else videos))
    unknown = [video for video in ids if video not in table.index]
    if unknown:
        raise NvfairError(
            f"{len(unknown)} video(s) are not in the data set, the first: {unknown[:3]}", where=dataset.folder
        )
    rows = table.loc[ids]
    unusable = rows[(rows["state"] != "ok") | rows["part"].isna()]
    excluded = [
        (str(video), str(reason) or str(state), 0, 0)
        for video, state, reason in zip(unusable["video"], unusable["state"], unusable["reason"], strict=True)
    ]
    unusable_ids = set(unusable["video"])
    readable = [video for video in ids if video not in unusable_ids]
    with_mesh = mesh is True or (mesh is not False and len(mesh) > 0)
    mesh_points = None if isinstance(mesh, bool) else tuple(int(point) for point in mesh)
    # Some videos at a time, so that the tracks of all videos never lie in memory beside their windows.
    videos_per_read = _MESH_VIDEOS_PER_READ if with_mesh else _VIDEOS_PER_READ
    pieces = [
        _cut_tracks(
            dataset.tracks(readable[first : first + videos_per_read], mesh=with_mesh),
            protocol.time,
            protocol.missing,
            mesh_points,
        )
        for first in range(0, len(readable), videos_per_read)
    ]
    windows = _join_pieces(pieces, table, excluded, protocol.time)
    if not with_mesh:
        return windows
    meshes = [array for piece in pieces for array in piece.meshes]
    no_mesh = np.empty((0, 478 if mesh_points is None else len(mesh_points), 3), np.float32)
    return replace(windows, mesh=np.concatenate(meshes) if meshes else no_mesh, mesh_points=mesh_points)


@dataclass
class _WindowPiece:
    """Windows of some videos.

    ids: videos that have windows. landmarks (U, L, 2), meshes (U, M, 3), starts, source_frames (U,): one array for each
    of them. excluded: rows of `WindowSet.excluded`.
    """

    ids: list[str] = field(default_factory=list)
    landmarks: list[np.ndarray] = field(default_factory=list)
    meshes: list[np.ndarray] = field(default_factory=list)
    starts: list[np.ndarray] = field(default_factory=list)
    source_frames: list[np.ndarray] = field(default_factory=list)
    excluded: list[tuple[str, str, int, int]] = field(default_factory=list)


def _cut_tracks(tracks: TrackTable, time: Time, missing: Missing, mesh_points: tuple[int, ...] | None) -> _WindowPiece:
    """Resamples and cuts every video of `tracks`, and its mesh (all points, or `mesh_points`) where it was read."""
    piece = _WindowPiece()
    for number, (video, landmarks, valid, times) in enumerate(tracks):
        mesh: np.ndarray | None = None
        if not np.all(np.diff(times) > 0):
            # Such a video cannot be resampled. The others can, so it is counted like one without frames.
            piece.excluded.append((video, TIMES, 0, 0))
            continue
        points, usable = resample(landmarks, valid, times, time.rate, missing.max_gap_frames)
        if tracks.mesh is not None:
            source_mesh = tracks.mesh[tracks.rows(number)]
            source_mesh = source_mesh if mesh_points is None else source_mesh[:, list(mesh_points)]
            mesh, _ = resample(source_mesh, valid, times, time.rate, missing.max_gap_frames)
        points, usable = points[: time.frames], usable[: time.frames]
        mesh = None if mesh is None else mesh[: time.frames]
        order = np.arange(len(usable))
        if 1 < len(usable) < time.window and missing.short_videos != "exclude":
            fill = mirrored_order if missing.short_videos == "mirror" else repeated_order
            order = fill(len(usable), time.window)
            points, usable = points[order], usable[order]
            mesh = None if mesh is None else mesh[order]
        starts, windows_lost = window_starts(usable, time.window, time.stride)
        if len(usable) < time.window:
            piece.excluded.append((video, SHORT, 0, 0))
        elif windows_lost:
            piece.excluded.append((video, MISSING, windows_lost, len(starts)))
        if len(starts):
            piece.ids.append(video)
            piece.landmarks.append(points)
            piece.starts.append(starts)
            piece.source_frames.append(order)
            if mesh is not None:
                piece.meshes.append(mesh)
    return piece


def _join_pieces(
    pieces: list[_WindowPiece], table: pd.DataFrame, excluded: list[tuple[str, str, int, int]], time: Time
) -> WindowSet:
    """One WindowSet without mesh of all pieces; table: all videos of the data set by id."""
    ids = [video for piece in pieces for video in piece.ids]
    landmarks = [array for piece in pieces for array in piece.landmarks]
    starts = [array for piece in pieces for array in piece.starts]
    source_frames = [array for piece in pieces for array in piece.source_frames]
    filled_up = any(len(order) and order[-1] != len(order) - 1 for order in source_frames)
    excluded = excluded + [row for piece in pieces for row in piece.excluded]
    offsets = np.concatenate([[0], np.cumsum([len(array) for array in landmarks], dtype=np.int64)]).astype(np.int64)
    window_counts = np.array([len(array) for array in starts], dtype=np.int64)
    return WindowSet(
        videos=table.loc[ids].reset_index(drop=True),
        landmarks=np.concatenate(landmarks) if landmarks else np.empty((0, 126, 2), np.float32),
        offsets=offsets,
        video=np.repeat(np.arange(len(ids)), window_counts),
        start=np.concatenate([array + offsets[number] for number, array in enumerate(starts)])
        if starts
        else np.empty(0, np.int64),
        length=time.window,
        rate=time.rate,
        excluded=pd.DataFrame(sorted(excluded), columns=_EXCLUDED_COLUMNS),
        source_frame=np.concatenate(source_frames) if filled_up else None,
    )
