"""What the videos' table alone gives away: where a video comes from, how long it is and how many frames a second.

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
    """More alike, the more of generator and collection two videos share: what perfect detectors of both would give.

    Constant, so exactly at chance, where all trials are within one generator and one collection.
    """
    table = windows.videos
    parts = [_indicators(table[name]) for name in ("generator", "source")]
    return vector_scorer(windows, np.concatenate(parts, axis=1))


def length_scorer(windows: WindowSet) -> Scorer:
    """Compares the logarithms (N, 3) of frames, seconds and frames a second, as the table gives them (before the
    protocol resamples). Raises NvfairError where the table lacks one of them."""
    reason = lacks_length(windows)
    if reason:
        raise NvfairError(reason, remedy="build the data set again, or leave this control out")
    frames, num, den = (windows.videos[name].to_numpy(np.float64) for name in _LENGTH_COLUMNS)
    rate = num / den
    return vector_scorer(windows, np.log(np.stack([frames, frames / rate, rate], axis=1)))


def lacks_length(windows: WindowSet) -> str:
    """Why lengths cannot be compared; "" where they can."""
    for name in _LENGTH_COLUMNS:
        if name not in windows.videos:
            return f"the videos' table has no {name}"
        values = pd.to_numeric(windows.videos[name], errors="coerce").to_numpy(np.float64)
        if not (values > 0).all():
            video = windows.videos["video"].iloc[int(np.flatnonzero(~(values > 0))[0])]
            return f"the videos' table has no {name} of video {video}"
    return ""


def _indicators(column: pd.Series) -> np.ndarray:
    """One column a value, 1 where a video has it."""
    number, names = pd.factorize(column, sort=True)
    return (number[:, None] == np.arange(len(names))).astype(np.float64)
