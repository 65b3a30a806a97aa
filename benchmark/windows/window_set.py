"""Windows: the pieces of equal length that a method sees, read from the tracks of a data set.

Legend: N videos, F frames of all videos at the protocol's rate, W windows, L landmarks (126), T frames a window,
B windows a batch, M points of MediaPipe's mesh (478, or those that were requested).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from benchmark.protocols.schema import Protocol, expand_sweep
from benchmark.protocols.shipped import load as load_protocol
from benchmark.windows.cutting import CutVideo, cut_video
from benchmark.windows.pictures import grey_picture
from benchmark.windows.stored_frames import FrameWriter, StoredFrames
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.dataset.schema import LANDMARK_COUNT, MESH_POINTS
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_EXCLUDED_COLUMNS = ["video", "reason", "windows_lost", "windows_kept"]
# Frames that are read together, whole parts of a data set where they have so few: 200 MB of landmarks. The mesh takes
# 5.7 kB a frame.
_FRAMES_PER_READ = 200_000
_MESH_FRAMES_PER_READ = 50_000
# Frames of a block of windows: 40 MB of landmarks. glibc may keep the memory of freed arrays below 32 MiB.
_BLOCK_FRAMES = 10_000


@dataclass(frozen=True)
class WindowSet:
    """Windows over resampled landmarks.

    videos: the data set's rows of the N videos that have windows, in the order of their ids, index 0..N-1.
    landmarks: float32 (F, L, 2) pixels; none where only points were kept. offsets: (N + 1); video n has the frames
    offsets[n]:offsets[n + 1].
    video: (W,) number of each window's video. start: (W,) number of each window's first frame, a row of `landmarks`.
    length: frames a window. rate: frames a second. excluded: one row for each video that lost windows (video, reason,
    windows lost, windows kept). mesh: float32 (F, M, 3) where it was requested. mesh_points: indices of these M points
    in MediaPipe's mesh; None where they are all 478. grey: small grey pictures, uint8 (F, 128, 128), where they were
    read (benchmark.windows.grey_frames). source_frame: (F,) number of the frame of its video that each row shows; None
    where every video has its own frames in their order, as all have but short ones that were filled up. points: what a
    network's `frame_points` made of the frames, where they were read for it.

    Of many videos landmarks, mesh and points lie in a file (benchmark.windows.stored_frames): rows are read from it by
    `windows.landmarks[rows]`, and `blocks` gives some videos at a time, with arrays in memory.
    """

    videos: pd.DataFrame
    landmarks: np.ndarray | StoredFrames
    offsets: np.ndarray
    video: np.ndarray
    start: np.ndarray
    length: int
    excluded: pd.DataFrame
    rate: Fraction = Fraction(30)
    mesh: np.ndarray | StoredFrames | None = None
    mesh_points: tuple[int, ...] | None = None
    grey: np.ndarray | None = None
    source_frame: np.ndarray | None = None
    points: np.ndarray | StoredFrames | None = None

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
        mesh = self.mesh[:]
        if self.mesh_points is None:
            return mesh[:, list(points)]
        if tuple(points) == self.mesh_points:
            return mesh
        column = {point: number for number, point in enumerate(self.mesh_points)}
        missing = [point for point in points if point not in column]
        if missing:
            raise NvfairError(f"mesh points {missing[:5]} were not read", expected="read_windows(..., mesh=True)")
        return mesh[:, [column[point] for point in points]]

    @property
    def sizes(self) -> np.ndarray:
        """Width and height (N, 2) of each video in pixels; NaN where the data set does not say."""
        table, unknown = self.videos, np.full(len(self.videos), np.nan)
        columns = [
            table[name].to_numpy(np.float64, na_value=np.nan) if name in table else unknown
            for name in ("width", "height")
        ]
        return np.stack(columns, axis=1)

    @property
    def start_frame(self) -> np.ndarray:
        """First frame (W,) of each window within its video, at the protocol's rate."""
        return self.start - self.offsets[self.video]

    def blocks(self) -> Iterator[WindowSet]:
        """The same windows, some videos with at most 10,000 frames at a time, in order, with arrays in memory.

        Windows whose frames are in memory already are one block.
        """
        if not any(isinstance(values, StoredFrames) for values in (self.landmarks, self.mesh, self.points)):
            yield self
            return
        first = 0
        while first < len(self.videos):
            fitting = int(np.searchsorted(self.offsets, self.offsets[first] + _BLOCK_FRAMES, side="right")) - 1
            last = max(fitting, first + 1)
            yield self._videos(first, last)
            first = last

    def _videos(self, first: int, last: int) -> WindowSet:
        """The windows of the videos first:last, with arrays in memory; `excluded` is empty."""
        rows = slice(int(self.offsets[first]), int(self.offsets[last]))
        begin, end = np.searchsorted(self.video, [first, last])
        return replace(
            self,
            videos=self.videos.iloc[first:last].reset_index(drop=True),
            landmarks=self.landmarks[rows],
            offsets=self.offsets[first : last + 1] - rows.start,
            video=self.video[begin:end] - first,
            start=self.start[begin:end] - rows.start,
            excluded=self.excluded.iloc[:0],
            mesh=None if self.mesh is None else self.mesh[rows],
            grey=None if self.grey is None else self.grey[rows],
            source_frame=None if self.source_frame is None else self.source_frame[rows],
            points=None if self.points is None else self.points[rows],
        )


def read_windows(
    data: Dataset | str | Path,
    protocol: Protocol | str | Path,
    *,
    videos: Iterable[str] | None = None,
    mesh: bool | Sequence[int] = False,
    points_of: Callable[[WindowSet], np.ndarray] | None = None,
) -> WindowSet:
    """Reads tracks, resamples them to the protocol's frame rate and cuts them into its windows.

    data: a data set, or its folder. protocol: a protocol, its name, or the path of its file. videos: ids of the
    videos to read; None for all videos of the data set. mesh: whether to read MediaPipe's mesh too, or the indices of
    the mesh points to read; the mesh is resampled and masked as the landmarks are. points_of: what a network sees of
    the frames (`Network.frame_points`); it is called with some videos at a time, and what it returns is kept as
    `points` in place of landmarks and mesh.

    Every part of the data set is read once. Frames lie in memory while they take little, and else in a temporary file.
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
        number = count_text(len(unknown), "video")
        raise NvfairError(f"not in the data set: {number}, the first: {unknown[:3]}", where=dataset.folder)
    rows = table.loc[ids]
    unusable = rows[(rows["state"] != "ok") | rows["part"].isna()]
    excluded = [
        (str(video), str(reason) or str(state), 0, 0)
        for video, state, reason in zip(unusable["video"], unusable["state"], unusable["reason"], strict=True)
    ]
    with_mesh = mesh is True or (mesh is not False and len(mesh) > 0)
    mesh_points = None if isinstance(mesh, bool) else tuple(int(point) for point in mesh)
    collector = _Collector(table, protocol, with_mesh, mesh_points, points_of)
    readable = rows[~rows.index.isin(unusable.index)]
    for some_ids in _videos_read_together(readable, _MESH_FRAMES_PER_READ if with_mesh else _FRAMES_PER_READ):
        collector.add(dataset.tracks(some_ids, mesh=with_mesh))
    return collector.windows(excluded)


def _videos_read_together(videos: pd.DataFrame, most_frames: int) -> Iterator[list[str]]:
    """Ids of videos in the order in which they are stored, with at most so many frames (but one video at least).

    Whole parts stay together, so that none is read twice; but for parts that alone have more frames.
    """
    videos = videos.assign(frames=videos["frames"].fillna(0).astype(np.int64))
    together: list[str] = []
    total = 0
    for _, part in videos.sort_values(["part", "first_row"], kind="stable").groupby("part", sort=False):
        for _, piece in part.groupby((part["frames"].cumsum() - 1).clip(lower=0) // most_frames):
            frames = int(piece["frames"].sum())
            if together and total + frames > most_frames:
                yield together
                together, total = [], 0
            together += piece["video"].tolist()
            total += frames
    if together:
        yield together


class _Collector:
    """Cuts tracks in any order of the videos; `windows` gives the windows of all of them in the order of their ids."""

    def __init__(
        self,
        table: pd.DataFrame,
        protocol: Protocol,
        with_mesh: bool,
        mesh_points: tuple[int, ...] | None,
        points_of: Callable[[WindowSet], np.ndarray] | None,
    ) -> None:
        """table: all videos of the data set by id. Other arguments are those of `read_windows`."""
        self.table, self.protocol = table, protocol
        self.mesh_points, self.points_of = mesh_points, points_of
        self.ids: list[str] = []
        self.starts: list[np.ndarray] = []
        self.lengths: list[int] = []
        self.source_frames: list[np.ndarray | None] = []
        self.excluded: list[tuple[str, str, int, int]] = []
        self.landmarks = FrameWriter((LANDMARK_COUNT, 2))
        self.mesh = FrameWriter((MESH_POINTS if mesh_points is None else len(mesh_points), 3)) if with_mesh else None
        self.points: FrameWriter | None = None

    def add(self, tracks: TrackTable) -> None:
        """Cuts every video of `tracks`."""
        waiting: list[CutVideo] = []  # for `points_of`
        frames = 0
        for number, (video, *track) in enumerate(tracks):
            mesh = None if tracks.mesh is None else tracks.mesh[tracks.rows(number)]
            if mesh is not None and self.mesh_points is not None:
                mesh = mesh[:, list(self.mesh_points)]
            cut = cut_video(video, (track[0], track[1], track[2]), self.protocol.time, self.protocol.missing, mesh)
            if cut.reason:
                self.excluded.append((video, cut.reason, cut.windows_lost, len(cut.starts)))
            if len(cut.starts) == 0:
                continue
            self.ids.append(video)
            self.starts.append(cut.starts)
            self.lengths.append(len(cut.landmarks))
            self.source_frames.append(cut.source_frame)
            waiting.append(cut)
            frames += len(cut.landmarks)
            if self.points_of is None or frames >= _BLOCK_FRAMES:
                self._keep(waiting)
                waiting, frames = [], 0
        self._keep(waiting)

    def windows(self, excluded: list[tuple[str, str, int, int]]) -> WindowSet:
        """All windows; excluded: rows of `WindowSet.excluded` of videos that were not read."""
        order = sorted(range(len(self.ids)), key=self.ids.__getitem__)
        lengths = np.array(self.lengths, dtype=np.int64)[order]
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        starts = [self.starts[number] for number in order]
        source_frame = None
        if any(frames is not None for frames in self.source_frames):
            frames_of_video = [self.source_frames[number] for number in order]
            source_frame = np.concatenate(
                [np.arange(n) if frames is None else frames for n, frames in zip(lengths, frames_of_video, strict=True)]
            )
        return WindowSet(
            videos=self.table.loc[[self.ids[number] for number in order]].reset_index(drop=True),
            landmarks=self.landmarks.finish(order if self.points_of is None else []),
            offsets=offsets,
            video=np.repeat(np.arange(len(order)), [len(part) for part in starts]),
            start=np.concatenate([part + first for part, first in zip(starts, offsets[:-1], strict=True)])
            if starts
            else np.empty(0, np.int64),
            length=self.protocol.time.window,
            rate=self.protocol.time.rate,
            excluded=pd.DataFrame(sorted(excluded + self.excluded), columns=_EXCLUDED_COLUMNS),
            mesh=None if self.mesh is None or self.points is not None else self.mesh.finish(order),
            mesh_points=self.mesh_points,
            source_frame=source_frame,
            points=None if self.points is None else self.points.finish(order),
        )

    def _keep(self, videos: list[CutVideo]) -> None:
        """Keeps the frames of `videos`, or what `points_of` makes of them."""
        if not videos:
            return
        if self.points_of is None:
            for cut in videos:
                self.landmarks.append(cut.landmarks)
                if self.mesh is not None and cut.mesh is not None:
                    self.mesh.append(cut.mesh)
            return
        block = self._block(videos)
        points = self.points_of(block)
        if self.points is None:
            self.points = FrameWriter(points.shape[1:], points.dtype)
        for first, last in pairwise(block.offsets):
            self.points.append(points[first:last])

    def _block(self, videos: list[CutVideo]) -> WindowSet:
        """The windows of some videos in the order in which they came."""
        offsets = np.cumsum([0, *(len(cut.landmarks) for cut in videos)])
        return WindowSet(
            videos=self.table.loc[[cut.video for cut in videos]].reset_index(drop=True),
            landmarks=np.concatenate([cut.landmarks for cut in videos]),
            offsets=offsets,
            video=np.repeat(np.arange(len(videos)), [len(cut.starts) for cut in videos]),
            start=np.concatenate([cut.starts + first for cut, first in zip(videos, offsets[:-1], strict=True)]),
            length=self.protocol.time.window,
            rate=self.protocol.time.rate,
            excluded=pd.DataFrame(columns=_EXCLUDED_COLUMNS),
            mesh=None if self.mesh is None else np.concatenate([cut.mesh for cut in videos if cut.mesh is not None]),
            mesh_points=self.mesh_points,
        )
