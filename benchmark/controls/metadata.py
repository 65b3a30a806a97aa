"""Scores from the videos' table alone: a video's generator and collection, its length and its frame rate.

Legend: N videos.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.controls.video_vectors import vector_scorer
from benchmark.trial_scores.scores import Scorer
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError

ORIGIN, LENGTH = "generator or source", "length and frame rate"
_LENGTH_COLUMNS = ("frames", "fps_num", "fps_den")


def origin_scorer(windows: WindowSet) -> Scorer:
    """A scorer whose score is higher where two videos share generator or collection, as perfect detectors would give.

    Constant, so exactly at chance, where all trials are within one generator and one collection.
    """
    parts = [_indicators(windows.videos[column]) for column in ("generator", "source")]
    return vector_scorer(windows, np.concatenate(parts, axis=1))


def length_scorer(windows: WindowSet) -> Scorer:
    """A scorer that compares the logarithms (N, 3) of frames, seconds and frames a second.

    They are those of the table, before the protocol resamples. Raises NvfairError where the table lacks one of them.
    """
    reason = missing_length_reason(windows)
    if reason:
        raise NvfairError(reason, remedy="build the data set again, or leave this control out")
    frames, numerator, denominator = (
        windows.videos[column].to_numpy(np.float64, na_value=np.nan) for column in _LENGTH_COLUMNS
    )
    rate = numerator / denominator
    return vector_scorer(windows, np.log(np.stack([frames, frames / rate, rate], axis=1)))


def missing_length_reason(windows: WindowSet) -> str:
    """Why lengths cannot be compared; "" where they can."""
    for column in _LENGTH_COLUMNS:
        if column not in windows.videos:
            return f"the videos' table has no {column}"
        values = pd.to_numeric(windows.videos[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)
        if not (values > 0).all():
            video = windows.videos["video"].iloc[int(np.flatnonzero(~(values > 0))[0])]
            return f"the videos' table has no {column} of video {video}"
    return ""


def _indicators(column: pd.Series) -> np.ndarray:
    """One column of 0 and 1 for each value (N, values): 1 where a video has it."""
    number, names = pd.factorize(column, sort=True)
    return (number[:, None] == np.arange(len(names))).astype(np.float64)
