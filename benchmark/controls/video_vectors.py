"""The input of a control: the frames that a video's windows cover, and scores from one vector a video.

Legend: N videos, D numbers of a vector.
"""

from __future__ import annotations

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.scores import Rows, Scorer, VideoEmbeddings
from benchmark.trials.trials import TargetTrials
from benchmark.windows.window_set import WindowSet


def covered_frames(windows: WindowSet, video: int) -> np.ndarray:
    """Rows of the frames that a video's windows cover, in order: no control sees more than the method does."""
    first, last = np.searchsorted(windows.video, [video, video + 1])
    return np.unique(windows.start[first:last, None] + np.arange(windows.length))


def vector_scorer(windows: WindowSet, values: np.ndarray | Rows) -> Scorer:
    """A scorer by minus the Euclidean distance of one vector a video (N, D), whatever the protocol's own score.

    values: an array, or anything that gives the float64 rows of some videos when they are compared.
    """
    ids = windows.videos["video"].to_numpy(dtype=object)
    rows = np.asarray(values, dtype=np.float64) if isinstance(values, np.ndarray) else values
    nothing = np.empty((len(ids), 0))
    return Scorer(VideoEmbeddings(ids, np.arange(len(ids) + 1), nothing, normalise=False), Scoring(), rows)


def pair_sums(trials: TargetTrials, values: np.ndarray, pairs: np.ndarray) -> np.ndarray:
    """Sums (K,) over both sides of `pairs` (K, 2) of one value a video (N,); a template has its videos' mean."""
    return trials.side_values(values, pairs).sum(axis=1)


def enrolled_videos(trials: TargetTrials, pairs: np.ndarray) -> np.ndarray:
    """Positions (K,) of the enrolled videos of `pairs` (K, 2); a template counts as its first video."""
    return pairs[:, 0] if trials.templates is None else trials.templates[pairs[:, 0] - trials.offset, 0]
