"""Changes that make tracks worse: noise, jitter, lost frames, a lower frame rate, before the protocol cuts windows.

Every video has its own random numbers, from the seed and its id, so that its change depends on nothing else. All levels
of a sweep use the same random numbers, so that one level differs from the next in strength alone.

Legend: T frames of a video, L landmarks, F frames of all videos.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from benchmark.windows.resample import resample
from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.features import facial_scale

Track = tuple[np.ndarray, np.ndarray, np.ndarray]  # landmarks (T, L, 2), valid (T,), time (T,)
# (id, landmarks, valid, time) -> landmarks, valid and time of the changed track.
TrackChange = Callable[[str, np.ndarray, np.ndarray, np.ndarray], Track]


@dataclass(frozen=True)
class ChangedTracks(Dataset):
    """A data set whose tracks are changed as they are read."""

    change: TrackChange | None = None

    @classmethod
    def of(cls, dataset: Dataset, change: TrackChange) -> ChangedTracks:
        """The data set with `change` applied to every track."""
        return cls(dataset.folder, dataset.meta, dataset.identities, dataset.videos, change)

    def tracks(self, videos: Iterable[str] | None = None, *, mesh: bool = False) -> TrackTable:
        """The tracks of `Dataset.tracks`, changed; a mesh is not available."""
        tracks = super().tracks(videos, mesh=False)
        assert self.change is not None
        assert not mesh
        changed = [self.change(video, *track) for video, *track in tracks]
        return track_table(tracks.videos, changed)


def noise(level: float, seed: int) -> TrackChange:
    """The change that adds independent normal noise of deviation `level` times the facial scale to every coordinate."""

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        drawn = _random(seed, "noise", video).standard_normal(points.shape)
        return _moved(points, valid, level * drawn), valid, time

    return change


def jitter(level: float, seed: int, seconds: float) -> TrackChange:
    """The change that adds noise of the same deviation as `noise`, but correlated in time.

    Each coordinate's noise is an AR(1) process whose correlation falls to 1/e in `seconds`, exact also for frames that
    are not evenly spaced.
    """

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        drawn = _random(seed, "jitter", video).standard_normal(points.shape)
        correlation = np.exp(-np.diff(time) / seconds)  # of each frame with the one before
        for n in range(1, len(drawn)):
            drawn[n] = correlation[n - 1] * drawn[n - 1] + np.sqrt(1 - correlation[n - 1] ** 2) * drawn[n]
        return _moved(points, valid, level * drawn), valid, time

    return change


def dropped_frames(share: float, seed: int, burst: int = 1) -> TrackChange:
    """The change that loses this share of the frames, `burst` frames in a row.

    Lost are the first bursts of a seeded order, so that a larger share loses the same frames and more. They count as
    frames without a face; the protocol's missing-data rule applies.
    """

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        random = _random(seed, f"dropped {burst}", video)
        # Bursts begin at a random frame; each has a rank in a random order.
        burst_of_frame = (np.arange(len(valid)) + int(random.integers(burst))) // burst
        order = random.permutation(int(burst_of_frame.max(initial=-1)) + 1)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        lost = rank[burst_of_frame] < round(share * len(order))
        return np.where(lost[:, None, None], np.float32(np.nan), points), valid & ~lost, time

    return change


def lower_rate(rate: float, max_gap: int) -> TrackChange:
    """The change that thins a track to `rate` frames a second, landmarks linear in time.

    A track whose rate is not higher stays as it is. max_gap: the longest gap of frames to interpolate over.
    """

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        if len(time) < 2 or 1 / float(np.median(np.diff(time))) <= rate * (1 + 1e-6):
            return points, valid, time
        exact_rate = Fraction(rate).limit_denominator(1001)
        resampled, resampled_valid = resample(points, valid, time, exact_rate, max_gap)
        return resampled, resampled_valid, time[0] + np.arange(len(resampled)) / float(exact_rate)

    return change


def _moved(points: np.ndarray, valid: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Points (T, L, 2) moved by `shares` (T, L, 2) of the video's median facial scale."""
    if not valid.any():
        return points
    scale = float(np.median(facial_scale(points[valid])))
    return (points + scale * shares).astype(np.float32)


def _random(seed: int, kind: str, video: str) -> np.random.Generator:
    """A video's own random numbers for one kind of change."""
    return np.random.default_rng([seed, zlib.crc32(kind.encode()), zlib.crc32(video.encode())])


def track_table(videos: np.ndarray, parts: list[Track]) -> TrackTable:
    """The table of the tracks of `videos`, one part a video."""
    lengths = np.array([len(valid) for _, valid, _ in parts], dtype=np.int64)
    empty = TrackTable(videos, np.zeros(1, np.int64), np.empty((0, 126, 2), np.float32), np.empty(0, bool), np.empty(0))
    if not parts:
        return empty
    points, valid, time = (np.concatenate([part[n] for part in parts]) for n in range(3))
    return replace(
        empty,
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        landmarks=points.astype(np.float32, copy=False),
        valid=valid,
        time=time,
    )
