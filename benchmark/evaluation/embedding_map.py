"""Embeddings of videos in two dimensions, so that a reader sees whether a driver's videos lie together.

What videos of one face share is taken away first (the mean of the face's videos): otherwise the map shows faces. The
axes are the first two principal components of what is left. A picture, not evidence.

Legend: N videos, D embedding size.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.trial_scores.scores import VideoEmbeddings

_MAX_VIDEOS = 400
_MAX_DRIVERS = 8  # more colours cannot be told apart


@dataclass(frozen=True)
class EmbeddingMap:
    """Points of videos in the plane.

    drivers: ids of the people whose videos are shown. points: (x, y, number of the driver, 1 where the driver's own
    face is shown). shares: the share of the variance along each axis.
    """

    drivers: tuple[str, ...]
    points: tuple[tuple[float, float, int, int], ...]
    shares: tuple[float, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain values for a JSON file."""
        points = [list(point) for point in self.points]
        return {"drivers": list(self.drivers), "points": points, "shares": list(self.shares)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EmbeddingMap:
        """The map that `to_json` wrote."""
        points = tuple((x, y, driver, is_self) for x, y, driver, is_self in content["points"])
        return cls(tuple(content["drivers"]), points, tuple(content["shares"]))


def compute_embedding_map(
    embeddings: VideoEmbeddings, videos: pd.DataFrame, generators: Sequence[str], seed: int = 0
) -> EmbeddingMap:
    """The map of at most 400 videos by `generators`, driven by the eight people with most videos.

    videos: the table whose rows `embeddings` numbers. seed: draws the videos where there are more.
    """
    candidates = videos[videos["generator"].isin(generators)]
    videos_of_driver = candidates["driver"].value_counts().sort_index()
    drivers = sorted(videos_of_driver.nlargest(_MAX_DRIVERS, keep="first").index)
    chosen = candidates[candidates["driver"].isin(drivers)].sort_values("video")
    if len(chosen) > _MAX_VIDEOS:
        rng = np.random.default_rng(seed)
        chosen = chosen.iloc[np.sort(rng.choice(len(chosen), _MAX_VIDEOS, replace=False))]
    rows = embeddings.video_means()[chosen.index.to_numpy()]
    # Each video's embedding less the mean of the videos of its face.
    faces, _ = pd.factorize(chosen["target"])
    counts = np.bincount(faces)
    sums = np.zeros((len(counts), rows.shape[1]))
    np.add.at(sums, faces, rows)
    centred = rows - (sums / counts[:, None])[faces]
    # Two principal axes; the decomposition leaves their signs open, so the largest coordinate is made positive.
    _, singular_values, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]
    positions = np.zeros((len(rows), 2))
    positions[:, : len(axes)] = centred @ axes.T
    total = float(np.square(singular_values).sum())
    number_of_driver = {driver: number for number, driver in enumerate(drivers)}
    return EmbeddingMap(
        drivers=tuple(drivers),
        points=tuple(
            (round(float(x), 4), round(float(y), 4), number_of_driver[driver], int(driver == target))
            for (x, y), driver, target in zip(positions, chosen["driver"], chosen["target"], strict=True)
        ),
        shares=tuple(round(float(s) ** 2 / total, 4) if total > 0 else 0.0 for s in singular_values[:2]),
    )
