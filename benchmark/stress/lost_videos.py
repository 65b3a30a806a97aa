"""Trials over changed videos: which video of each side takes the place of the unchanged one, and what is lost.

Legend: N unchanged videos, K pairs, T templates of k videos.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmark.trials.trials import TargetTrials


def new_positions(before: pd.DataFrame, after: pd.DataFrame) -> np.ndarray:
    """Position in `after` of each video of `before` (N,); -1 where it is lost."""
    position = pd.Series(np.arange(len(after)), index=after["video"].to_numpy(dtype=object))
    return position.reindex(before["video"].to_numpy(dtype=object)).fillna(-1).to_numpy(np.int64)


def replace_videos(
    target_trials: TargetTrials, enrolled: np.ndarray, probes: np.ndarray | None = None, total: int | None = None
) -> TargetTrials:
    """The same trials over other videos; trials with a lost video are dropped.

    enrolled, probes: the new position of each video (N,) where it comes first and where it comes second in a pair, -1
    where it is lost; probes: default `enrolled`. total: the length of the new table of videos, by default the number of
    videos that are not lost. A template that lost a video is lost: another template would not be the same trial.
    """
    probes = enrolled if probes is None else probes
    total = int((enrolled >= 0).sum()) if total is None else total
    templates = target_trials.templates
    if templates is None:
        pair_lists = [
            np.stack([enrolled[pairs[:, 0]], probes[pairs[:, 1]]], axis=1)
            for pairs in (target_trials.genuine, target_trials.impostor)
        ]
        genuine, impostor = (pairs[(pairs >= 0).all(axis=1)] for pairs in pair_lists)
        return replace(target_trials, genuine=genuine, impostor=impostor)
    is_whole = (enrolled[templates] >= 0).all(axis=1)
    pair_lists = []
    for pairs in (target_trials.genuine, target_trials.impostor):
        row, probe = pairs[:, 0] - target_trials.offset, probes[pairs[:, 1]]
        keep = is_whole[row] & (probe >= 0)
        pair_lists.append(np.stack([row[keep] + total, probe[keep]], axis=1))
    return replace(
        target_trials,
        genuine=pair_lists[0],
        impostor=pair_lists[1],
        templates=np.maximum(enrolled[templates], 0),
        offset=total,
    )


def count_pairs(trials: Sequence[TargetTrials]) -> int:
    """The number of genuine and impostor trials of all targets."""
    return sum(len(target_trials.genuine) + len(target_trials.impostor) for target_trials in trials)
