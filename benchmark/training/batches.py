"""Which windows a training batch holds.

The loss pushes apart drivers of one face, so a batch needs several drivers on the same face, or there is nothing to
push (and the face itself would be an easy thing to learn instead of its driver); it pulls together different clips of
one driver, so it needs several clips of each. A batch is therefore built around a few drivers on a few faces.

A batch is a function of the seed and its number alone: training that stops goes on with the very same batches.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pandas as pd

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_LEAST_FACES = 4  # faces of a batch at least, where its drivers share so many
_LEAST_VIDEOS = 4  # videos of each driver at least, also on other faces than the batch's


class BatchSampler:
    """Seeded batches of window numbers.

    driver, target, clip: (N,) numbers of each video's. first, count: (N,) first window and number of windows of each
    video. videos_of_driver: video numbers of each driver. peers: drivers of each driver's collection.
    drivers_of_target: drivers of each face that several people drive; anchors: these faces.
    """

    def __init__(self, videos: pd.DataFrame, window_video: np.ndarray, size: int, drivers: int, seed: int) -> None:
        """videos: table with driver, target, clip and source, index 0..N-1. window_video: (W,) video of each window.

        size: windows a batch. drivers: people a batch. Raises NvfairError where a batch is too small, where no face has
        two drivers, and where no driver has two clips.
        """
        if drivers < 2 or size < 2 * drivers:
            raise NvfairError(
                f"a batch has {size} windows of {count_text(drivers, 'driver')}",
                expected="at least two drivers, and two windows for each",
            )
        self.size, self.drivers, self.seed = size, drivers, seed
        self.first = np.searchsorted(window_video, np.arange(len(videos)))
        self.count = np.searchsorted(window_video, np.arange(len(videos)), side="right") - self.first
        self.driver, driver_names = pd.factorize(videos["driver"], sort=True)
        self.target, _ = pd.factorize(videos["target"], sort=True)
        self.clip, _ = pd.factorize(videos["clip"], sort=True)
        self._check(videos)
        # Videos of each driver, in the order of their faces.
        order = np.lexsort((self.target, self.driver))
        bounds = np.searchsorted(self.driver[order], np.arange(len(driver_names) + 1))
        self.videos_of_driver = [order[begin:end] for begin, end in pairwise(bounds)]
        # Drivers of the same collection.
        source = pd.factorize(videos["source"], sort=True)[0]
        source_of_driver = np.zeros(len(driver_names), np.int64)
        source_of_driver[self.driver] = source
        self.peers = [np.flatnonzero(source_of_driver == own_source) for own_source in source_of_driver]
        # Faces that several people drive.
        pairs = np.unique(np.stack([self.target, self.driver], axis=1), axis=0)
        drivers_of_target = {int(target): pairs[pairs[:, 0] == target, 1] for target in np.unique(pairs[:, 0])}
        self.drivers_of_target = {target: group for target, group in drivers_of_target.items() if len(group) > 1}
        self.anchors = np.array(sorted(self.drivers_of_target))

    def labels(self, windows_video: np.ndarray) -> np.ndarray:
        """Driver, target and clip of windows of these videos (B,) as whole numbers (3, B)."""
        return np.stack([self.driver, self.target, self.clip])[:, windows_video]

    def _check(self, videos: pd.DataFrame) -> None:
        if not (videos.groupby("target")["driver"].nunique() > 1).any():
            raise NvfairError(
                "no face in the training data is driven by two people, so there is nothing to tell apart",
                remedy="train on a data set with cross-reenactments",
            )
        if not (videos.groupby("driver")["clip"].nunique() > 1).any():
            raise NvfairError(
                "no driver in the training data has two clips, so there is nothing to recognise",
                remedy="train on a data set with several clips a person",
            )

    def batch(self, number: int) -> np.ndarray:
        """Window numbers (size,) of batch `number`."""
        rng = np.random.default_rng([self.seed, number])
        anchor = int(rng.choice(self.anchors))
        drivers = self._draw_drivers(rng, anchor)
        # Each driver's share of the windows; the first drivers take what is left over.
        share = np.full(len(drivers), self.size // len(drivers))
        share[: self.size - int(share.sum())] += 1
        faces = self._draw_faces(rng, anchor, drivers)
        videos = np.concatenate(
            [self._draw_videos(rng, driver, int(count), faces) for driver, count in zip(drivers, share, strict=True)]
        )
        return self.first[videos] + (rng.random(len(videos)) * self.count[videos]).astype(np.int64)

    def _draw_drivers(self, rng: np.random.Generator, anchor: int) -> np.ndarray:
        """Drivers of the face `anchor`, filled up with others of its collection."""
        drivers = rng.permutation(self.drivers_of_target[anchor])[: self.drivers]
        if len(drivers) < self.drivers:
            others = np.setdiff1d(self.peers[int(drivers[0])], drivers)
            drivers = np.concatenate([drivers, rng.permutation(others)[: self.drivers - len(drivers)]])
        return drivers

    def _draw_faces(self, rng: np.random.Generator, anchor: int, drivers: np.ndarray) -> np.ndarray:
        """A mask over all faces: the few that the batch stays on, `anchor` and those that most of `drivers` drive.

        A handful where every driver is on every face; more where pairs are sparse, until they offer enough videos.
        """
        count = int(self.target.max()) + 1
        drivers_on_face, videos_on_face = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for driver in drivers:
            targets = self.target[self.videos_of_driver[driver]]
            drivers_on_face[np.unique(targets)] += 1
            videos_on_face += np.bincount(targets, minlength=count)
        # The anchor, then the others by their number of drivers, ties at random; only faces with two drivers.
        order = np.argsort(-(drivers_on_face + rng.random(count)))
        order = np.concatenate([[anchor], order[order != anchor]])
        order = order[drivers_on_face[order] > 1]
        enough = int(np.searchsorted(np.cumsum(videos_on_face[order]), self.size)) + 1
        mask = np.zeros(count, dtype=bool)
        mask[order[: max(_LEAST_FACES, enough)]] = True
        return mask

    def _draw_videos(self, rng: np.random.Generator, driver: int, count: int, faces: np.ndarray) -> np.ndarray:
        """Videos (count,) of one driver, on the batch's faces where there are any, with few repeated clips."""
        videos = rng.permutation(self.videos_of_driver[driver])
        on_faces = faces[self.target[videos]]
        clip = self.clip[videos]
        # The first video of each clip comes first, as videos of one clip do not pull each other.
        first_of_clip = np.zeros(len(videos), dtype=bool)
        first_of_clip[np.unique(clip, return_index=True)[1]] = True
        preferred = videos[np.lexsort((~first_of_clip, ~on_faces))]
        usable = min(len(videos), max(int(on_faces.sum()), _LEAST_VIDEOS))
        return preferred[np.arange(count) % usable]
