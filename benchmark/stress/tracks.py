"""Worse tracks: noise, jitter, lost frames, fewer frames a second, before the protocol resamples and cuts them.

Every video has its own random numbers, from the seed and its id: what happens to it depends on nothing else, and all
levels of a sweep use the same ones, so that a level differs from the next in strength alone.

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
# (id, landmarks, valid, time) -> the same three of the worse track.
Change = Callable[[str, np.ndarray, np.ndarray, np.ndarray], Track]


@dataclass(frozen=True)
class ChangedTracks(Dataset):
    """A data set whose tracks are changed as they are read."""

    change: Change | None = None

    @classmethod
    def of(cls, dataset: Dataset, change: Change) -> ChangedTracks:
        """`dataset` with `change`."""
        return cls(dataset.folder, dataset.meta, dataset.identities, dataset.videos, change)

    def tracks(self, videos: Iterable[str] | None = None, *, mesh: bool = False) -> TrackTable:
        """As `Dataset.tracks`, changed; without a mesh."""
        found = super().tracks(videos, mesh=False)
        assert self.change is not None
        assert not mesh
        parts = [self.change(video, *track) for video, *track in found]
        return _table(found.videos, parts)


def noise(level: float, seed: int) -> Change:
    """Adds independent normal numbers of deviation `level` times the facial scale to every coordinate."""

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        drawn = _random(seed, "noise", video).standard_normal(points.shape)
        return _moved(points, valid, level * drawn), valid, time

    return change


def jitter(level: float, seed: int, seconds: float) -> Change:
    """The same deviation, but drifting: an AR(1) process in time for each coordinate, whose correlation falls to 1/e in
    `seconds` (exact for frames that are not evenly spaced too)."""

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        drawn = _random(seed, "jitter", video).standard_normal(points.shape)
        keep = np.exp(-np.diff(time) / seconds)
        for n in range(1, len(drawn)):
            drawn[n] = keep[n - 1] * drawn[n - 1] + np.sqrt(1 - keep[n - 1] ** 2) * drawn[n]
        return _moved(points, valid, level * drawn), valid, time

    return change


def dropped(share: float, seed: int, burst: int = 1) -> Change:
    """Loses so large a share of the frames, `burst` on end: the first ones of a seeded order, so that a larger share
    loses the same frames and more. They count as frames without a face; the protocol says what follows."""

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        random = _random(seed, f"dropped {burst}", video)
        block = (np.arange(len(valid)) + int(random.integers(burst))) // burst
        order = random.permutation(int(block.max(initial=-1)) + 1)
        rank = np.empty(len(order), dtype=np.int64)
        rank[order] = np.arange(len(order))
        lost = rank[block] < round(share * len(order))
        return np.where(lost[:, None, None], np.float32(np.nan), points), valid & ~lost, time

    return change


def slower(rate: float, max_gap: int) -> Change:
    """Thins a video to `rate` frames a second, landmarks linear in time; one that has no more is left alone."""

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        if len(time) < 2 or 1 / float(np.median(np.diff(time))) <= rate * (1 + 1e-6):
            return points, valid, time
        thin, found = resample(points, valid, time, Fraction(rate).limit_denominator(1001), max_gap)
        return thin, found, time[0] + np.arange(len(thin)) / float(Fraction(rate).limit_denominator(1001))

    return change


def _moved(points: np.ndarray, valid: np.ndarray, by: np.ndarray) -> np.ndarray:
    """Points (T, L, 2) moved by shares of the video's median facial scale."""
    if not valid.any():
        return points
    scale = float(np.median(facial_scale(points[valid])))
    return (points + scale * by).astype(np.float32)


def _random(seed: int, kind: str, video: str) -> np.random.Generator:
    return np.random.default_rng([seed, zlib.crc32(kind.encode()), zlib.crc32(video.encode())])


def _table(videos: np.ndarray, parts: list[Track]) -> TrackTable:
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
