"""Embeddings of videos in two dimensions, so that a reader sees whether a driver's videos lie together.

What videos of one face share is taken away first (the mean of the face's videos): otherwise the map shows faces. The
axes are the first two principal components of what is left. A picture, not evidence.

Legend: N videos, D embedding size.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from benchmark.trial_scores.scores import VideoEmbeddings

_VIDEOS = 400
_DRIVERS = 8  # more colours cannot be told apart


def embedding_map(
    found: VideoEmbeddings, videos: pd.DataFrame, generators: Sequence[str], seed: int = 0
) -> dict[str, Any]:
    """Points of at most 400 videos by `generators`, driven by the eight people with most videos.

    videos: the table that `found` numbers. Returns drivers (names), points [x, y, number of the driver, 1 where self],
    and the share of variance that each axis holds.
    """
    mine = videos[videos["generator"].isin(generators)]
    drivers = sorted(mine["driver"].value_counts().sort_index().nlargest(_DRIVERS, keep="first").index)
    chosen = mine[mine["driver"].isin(drivers)].sort_values("video")
    if len(chosen) > _VIDEOS:
        rng = np.random.default_rng(seed)
        chosen = chosen.iloc[np.sort(rng.choice(len(chosen), _VIDEOS, replace=False))]
    rows = found.video_means()[chosen.index.to_numpy()]
    codes, _ = pd.factorize(chosen["target"])
    count = np.bincount(codes)
    mean = np.zeros((len(count), rows.shape[1]))
    np.add.at(mean, codes, rows)
    centred = rows - (mean / count[:, None])[codes]
    _, singular, axes = np.linalg.svd(centred, full_matrices=False)
    axes = axes[:2]
    axes = axes * np.sign(axes[np.arange(len(axes)), np.abs(axes).argmax(axis=1)])[:, None]  # svd leaves signs open
    place = np.zeros((len(rows), 2))
    place[:, : len(axes)] = centred @ axes.T
    total = float(np.square(singular).sum())
    number = {driver: n for n, driver in enumerate(drivers)}
    return {
        "drivers": drivers,
        "points": [
            [round(float(x), 4), round(float(y), 4), number[driver], int(driver == target)]
            for (x, y), driver, target in zip(place, chosen["driver"], chosen["target"], strict=True)
        ],
        "shares": [round(float(s) ** 2 / total, 4) if total > 0 else 0.0 for s in singular[:2]],
    }
