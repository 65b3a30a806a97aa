"""Positives and negatives of the attention network: four groups of videos around each anchor.

Legend: V videos, A anchors, K videos drawn from each group.

    positives   K with the anchor's driver and face, the anchor itself among those to draw from; K with its driver and
                another face
    negatives   K with another driver and the anchor's face; K with another driver and another face

Videos are drawn without repetition where a group holds K of them, else with.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmark.training.avaprintdb.dev_videos import DevVideos
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Companions:
    """Numbers of videos. anchors: (A,). positives, negatives: (A, 2 K), or (A, K) of those on the anchor's face."""

    anchors: np.ndarray
    positives: np.ndarray
    negatives: np.ndarray

    def rows(self, first: int, last: int) -> np.ndarray:
        """Anchors `first` to `last` with their positives and negatives, side by side."""
        part = slice(first, last)
        return np.concatenate([self.anchors[part, None], self.positives[part], self.negatives[part]], axis=1)


class CompanionGroups:
    """The four groups of every video of a training, from which epochs are drawn."""

    def __init__(self, videos: DevVideos) -> None:
        _, self._driver = np.unique([name.driver for name in videos.names], return_inverse=True)
        _, self._target = np.unique([name.target for name in videos.names], return_inverse=True)

    def draw(self, rng: np.random.Generator, count: int) -> Companions:
        """Every video as an anchor once, in random order, with `count` (K) videos from each group.

        Where a group is empty, its partner (of the same or of other drivers) stands in for it. Raises NvfairError where
        all videos have one driver.
        """
        if len(np.unique(self._driver)) < 2:
            raise NvfairError("all videos have one driver", expected="two drivers or more")
        anchors = rng.permutation(len(self._driver))
        positives, negatives = (np.empty((len(anchors), 2 * count), dtype=np.int64) for _ in range(2))
        for row, anchor in enumerate(anchors):
            same_driver, same_face = self._masks(anchor)
            for drawn, drivers in ((positives, same_driver), (negatives, ~same_driver)):
                groups = [np.flatnonzero(drivers & same_face), np.flatnonzero(drivers & ~same_face)]
                for half, group in enumerate(groups):
                    chosen = group if len(group) else groups[1 - half]
                    drawn[row, half * count : (half + 1) * count] = _choose(rng, chosen, count)
        return Companions(anchors, positives, negatives)

    def draw_same_face(self, rng: np.random.Generator, count: int) -> Companions:
        """Every video whose face has another driver too as an anchor, with `count` positives and negatives on its face.

        Raises NvfairError where there is no such video.
        """
        anchors, positives, negatives = [], [], []
        for anchor in range(len(self._driver)):
            same_driver, same_face = self._masks(anchor)
            others = np.flatnonzero(~same_driver & same_face)
            if len(others):
                anchors.append(anchor)
                positives.append(_choose(rng, np.flatnonzero(same_driver & same_face), count))
                negatives.append(_choose(rng, others, count))
        if not anchors:
            raise NvfairError(
                "no two validation people drive one face",
                expected="validation people with videos on each other's faces",
            )
        return Companions(np.array(anchors), np.stack(positives), np.stack(negatives))

    @property
    def with_empty_group(self) -> int:
        """The number of videos of which at least one group is empty."""
        count = 0
        for anchor in range(len(self._driver)):
            same_driver, same_face = self._masks(anchor)
            count += not all(
                (drivers & faces).any()
                for drivers, faces in (
                    (same_driver, ~same_face),
                    (~same_driver, same_face),
                    (~same_driver, ~same_face),
                )
            )
        return count

    def _masks(self, anchor: int) -> tuple[np.ndarray, np.ndarray]:
        """Which videos have the anchor's driver, and which its face, (V,) each."""
        return self._driver == self._driver[anchor], self._target == self._target[anchor]


def _choose(rng: np.random.Generator, group: np.ndarray, count: int) -> np.ndarray:
    return rng.choice(group, count, replace=len(group) < count)
