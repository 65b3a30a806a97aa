"""From embeddings to the score of each trial.

Legend: N videos, W windows, D embedding size, G genuine and I impostor trials, T templates, k clips a template.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError

# Up to this size distances are taken from differences, which keeps exact ties exact; beyond it one matrix product is
# used (the controls compare 7,875 distances).
_DIRECT_SIZE = 1024


@dataclass(frozen=True)
class VideoEmbeddings:
    """What is compared: window embeddings (W, D) of N videos; video n has rows offsets[n]:offsets[n + 1].

    ids: (N,) of str. unit: whether a row is L2-normalised before it is compared (methods are, raw controls are not).
    """

    ids: np.ndarray
    offsets: np.ndarray
    windows: np.ndarray
    unit: bool = True

    def means(self) -> np.ndarray:
        """One row a video (N, D) float64: the mean of its (normalised) windows, normalised again where `unit`."""
        rows = self.rows()
        counts = np.diff(self.offsets)
        mean = np.add.reduceat(rows, self.offsets[:-1], axis=0) / counts[:, None] if len(rows) else rows
        return unit_rows(mean) if self.unit else mean

    def rows(self) -> np.ndarray:
        """Window embeddings (W, D) float64, normalised where `unit`."""
        rows = np.asarray(self.windows, dtype=np.float64)
        return unit_rows(rows) if self.unit else rows


@dataclass(frozen=True)
class TargetScores:
    """Scores of one target's trials: genuine (G,), impostor (I,) float64."""

    trials: TargetTrials
    genuine: np.ndarray
    impostor: np.ndarray


class Scorer:
    """Scores trials under a protocol's aggregation and score."""

    def __init__(self, embeddings: VideoEmbeddings, scoring: Scoring) -> None:
        if len(embeddings.ids) and np.any(np.diff(embeddings.offsets) < 1):
            raise NvfairError("a video has no embedding", remedy="embed the data set again with the same protocol")
        self.embeddings = embeddings
        self.scoring = scoring
        self.by_window = scoring.aggregation == "mean-score"
        self.rows = embeddings.rows() if self.by_window else embeddings.means()

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials; NvfairError that names a trial whose score is NaN."""
        return TargetScores(trials, self._pairs(trials, trials.genuine, "genuine"),
                            self._pairs(trials, trials.impostor, "impostor"))  # fmt: skip

    def score_all(self, trials: Iterable[TargetTrials]) -> list[TargetScores]:
        """Scores of every target that has both kinds of trials."""
        return [self.score(one) for one in trials if one.complete]

    def _pairs(self, trials: TargetTrials, pairs: np.ndarray, kind: str) -> np.ndarray:
        if len(pairs) == 0:
            return np.empty(0)
        left, first = np.unique(pairs[:, 0], return_inverse=True)
        right, second = np.unique(pairs[:, 1], return_inverse=True)
        if trials.templates is None:
            matrix = self._matrix(left, right)
        else:
            matrix = self._templates(trials.templates[left - trials.offset], right)
        scores = matrix[first.reshape(-1), second.reshape(-1)]
        if np.isnan(scores).any():
            bad = int(np.flatnonzero(np.isnan(scores))[0])
            raise NvfairError(
                f"the score of {kind} trial {trials.trial_names(self.embeddings.ids, pairs[bad : bad + 1])[0]} is NaN",
                remedy="find out why the method gave NaN; leaving such trials out would flatter it",
            )
        return scores

    def _matrix(self, left: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Scores of videos `left` with videos `right`."""
        if not self.by_window:
            return self._compare(self.rows[left], self.rows[right])
        rows_left, at_left, count_left = _gathered(self.embeddings.offsets, left)
        rows_right, at_right, count_right = _gathered(self.embeddings.offsets, right)
        scores = self._compare(self.rows[rows_left], self.rows[rows_right])
        scores = np.add.reduceat(np.add.reduceat(scores, at_left, axis=0), at_right, axis=1)
        return scores / count_left[:, None] / count_right[None, :]

    def _templates(self, members: np.ndarray, right: np.ndarray) -> np.ndarray:
        """Scores of templates (T, k) of videos with videos `right`, as the protocol combines a template's videos."""
        if self.scoring.template == "mean-score":
            videos, at = np.unique(members, return_inverse=True)
            return self._matrix(videos, right)[at.reshape(members.shape)].mean(axis=1)
        mean = self._means()[members].mean(axis=1)
        rows = unit_rows(mean) if self.embeddings.unit else mean
        if not self.by_window:
            return self._compare(rows, self.rows[right])
        windows, at, counts = _gathered(self.embeddings.offsets, right)
        return np.add.reduceat(self._compare(rows, self.rows[windows]), at, axis=1) / counts[None, :]

    def _means(self) -> np.ndarray:
        return self.embeddings.means() if self.by_window else self.rows

    def _compare(self, a: np.ndarray, b: np.ndarray) -> np.ndarray:
        if self.scoring.score == "cosine":
            return unit_rows(a) @ unit_rows(b).T
        return -distance_matrix(a, b)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their L2 norm; a row of zeros stays as it is (it is equally far from every direction)."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norm > 0, norm, 1)


def distance_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (n, m) of rows a (n, D) and b (m, D), float64."""
    if a.shape[1] <= _DIRECT_SIZE:
        from scipy.spatial.distance import cdist

        return cdist(a, b)
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)[None, :] - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0))


def _gathered(offsets: np.ndarray, videos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows of the windows of `videos`, where each video's rows begin among them, and how many each has."""
    counts = offsets[videos + 1] - offsets[videos]
    begin = np.concatenate([[0], np.cumsum(counts)[:-1]])
    rows = np.repeat(offsets[videos] - begin, counts) + np.arange(int(counts.sum()))
    return rows, begin, counts
