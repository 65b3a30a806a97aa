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

_FACES = 4  # at least, where the drivers share so many
_FEWEST = 4  # videos of each driver, wherever they are


class BatchSampler:
    """Seeded batches of window numbers."""

    def __init__(self, videos: pd.DataFrame, window_video: np.ndarray, size: int, drivers: int, seed: int) -> None:
        """videos: table with driver, target, clip and source, index 0..N-1. window_video: (W,) video of each window.

        Raises NvfairError where no face has two drivers, or no driver two clips.
        """
        if drivers < 2 or size < 2 * drivers:
            raise NvfairError(
                f"batches of {size} windows of {drivers} drivers",
                expected="at least two drivers, and two windows for each",
            )
        self.size, self.drivers, self.seed = size, drivers, seed
        self.first = np.searchsorted(window_video, np.arange(len(videos)))
        self.count = np.searchsorted(window_video, np.arange(len(videos)), side="right") - self.first
        self.driver, names = pd.factorize(videos["driver"], sort=True)
        self.target, _ = pd.factorize(videos["target"], sort=True)
        self.clip, _ = pd.factorize(videos["clip"], sort=True)
        self._check(videos)
        order = np.lexsort((self.target, self.driver))
        bounds = np.searchsorted(self.driver[order], np.arange(len(names) + 1))
        self.videos_of_driver = [order[a:b] for a, b in pairwise(bounds)]
        source = pd.factorize(videos["source"], sort=True)[0]
        source_of = np.zeros(len(names), np.int64)
        source_of[self.driver] = source
        self.peers = [np.flatnonzero(source_of == source_of[d]) for d in range(len(names))]
        pairs = np.unique(np.stack([self.target, self.driver], axis=1), axis=0)
        self.drivers_of_target = {
            int(t): group[:, 1] for t in np.unique(pairs[:, 0]) if len(group := pairs[pairs[:, 0] == t]) > 1
        }
        self.anchors = np.array(sorted(self.drivers_of_target))

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
        chosen = self._drivers(rng, anchor)
        share = np.full(len(chosen), self.size // len(chosen))
        share[: self.size - int(share.sum())] += 1
        faces = self._faces(rng, anchor, chosen)
        videos = np.concatenate(
            [self._videos(rng, driver, int(n), faces) for driver, n in zip(chosen, share, strict=True)]
        )
        return self.first[videos] + (rng.random(len(videos)) * self.count[videos]).astype(np.int64)

    def _drivers(self, rng: np.random.Generator, anchor: int) -> np.ndarray:
        """Drivers of one face, filled up with others of its collection."""
        chosen = rng.permutation(self.drivers_of_target[anchor])[: self.drivers]
        if len(chosen) < self.drivers:
            others = np.setdiff1d(self.peers[int(chosen[0])], chosen)
            chosen = np.concatenate([chosen, rng.permutation(others)[: self.drivers - len(chosen)]])
        return chosen

    def _faces(self, rng: np.random.Generator, anchor: int, chosen: np.ndarray) -> np.ndarray:
        """A mask over the few faces that the batch stays on: the anchor's, then those that most of `chosen` drive.

        A handful where every driver is on every face; more where pairs are sparse, until they offer enough videos.
        """
        count = int(self.target.max()) + 1
        drives, videos = np.zeros(count, np.int64), np.zeros(count, np.int64)
        for driver in chosen:
            mine = self.target[self.videos_of_driver[driver]]
            drives[np.unique(mine)] += 1
            videos += np.bincount(mine, minlength=count)
        order = np.argsort(-(drives + rng.random(count)))
        order = np.concatenate([[anchor], order[order != anchor]])
        order = order[drives[order] > 1]
        enough = int(np.searchsorted(np.cumsum(videos[order]), self.size)) + 1
        mask = np.zeros(count, dtype=bool)
        mask[order[: max(_FACES, enough)]] = True
        return mask

    def _videos(self, rng: np.random.Generator, driver: int, wanted: int, faces: np.ndarray) -> np.ndarray:
        """Videos of one driver, on the batch's faces where there are any, clips repeated as little as can be."""
        mine = rng.permutation(self.videos_of_driver[driver])
        on_faces = faces[self.target[mine]]
        clip = self.clip[mine]
        first = np.zeros(
            len(mine), dtype=bool
        )  # the first video of each clip: one clip's videos do not pull each other
        first[np.unique(clip, return_index=True)[1]] = True
        picked = mine[np.lexsort((~first, ~on_faces))]
        usable = min(len(mine), max(int(on_faces.sum()), _FEWEST))
        return picked[np.arange(wanted) % usable]
