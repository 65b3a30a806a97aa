"""From embeddings to the score of each trial.

Legend: N videos, W windows, D embedding size, G genuine and I impostor trials, T templates, k clips a template.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol as Interface

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError

# Up to this size distances are taken from differences, which keeps exact ties exact; beyond it one matrix product is
# used (the controls compare 7,875 distances).
_DIRECT_SIZE = 1024


@dataclass(frozen=True)
class VideoEmbeddings:
    """Window embeddings (W, D) of N videos; video n has rows offsets[n]:offsets[n + 1].

    video_ids: (N,) of str. normalise: whether a row is L2-normalised before it is compared (embeddings of methods are,
    vectors of the controls are not).
    """

    video_ids: np.ndarray
    offsets: np.ndarray
    window_embeddings: np.ndarray
    normalise: bool = True

    def video_means(self) -> np.ndarray:
        """One row a video (N, D) float64: the mean of its (normalised) windows, normalised again if `normalise`."""
        rows = self.window_rows()
        counts = np.diff(self.offsets)
        means = np.add.reduceat(rows, self.offsets[:-1], axis=0) / counts[:, None] if len(rows) else rows
        return unit_rows(means) if self.normalise else means

    def window_rows(self) -> np.ndarray:
        """Window embeddings (W, D) as float64, normalised if `normalise`."""
        rows = np.asarray(self.window_embeddings, dtype=np.float64)
        return unit_rows(rows) if self.normalise else rows


@dataclass(frozen=True)
class TargetScores:
    """Scores of one target's trials: genuine (G,), impostor (I,) float64."""

    trials: TargetTrials
    genuine: np.ndarray
    impostor: np.ndarray


class PairScorer(Interface):
    """Anything that scores a target's trials."""

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials; a larger score means that the two videos are more alike."""
        ...


class Rows(Interface):
    """Rows (N, D), one a video, that are read or computed when they are compared; an array is such rows too."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: np.ndarray, /) -> np.ndarray:
        """Rows (*R, D) float64 of the videos with these numbers, of any shape R."""
        ...


class Scorer:
    """Scores trials from embeddings, by the protocol's aggregation and comparison."""

    rows: np.ndarray | Rows

    def __init__(self, embeddings: VideoEmbeddings, scoring: Scoring, rows: Rows | None = None) -> None:
        """rows: (N, D) float64, compared in place of the videos' mean embeddings, where `scoring` compares these."""
        if len(embeddings.video_ids) and np.any(np.diff(embeddings.offsets) < 1):
            raise NvfairError("a video has no embedding", remedy="embed the data set again with the same protocol")
        self.embeddings = embeddings
        self.scoring = scoring
        self.by_window = scoring.aggregation == "mean-score"
        if rows is not None:
            self.rows = rows
        else:
            self.rows = embeddings.window_rows() if self.by_window else embeddings.video_means()

    def score(self, trials: TargetTrials) -> TargetScores:
        """Scores of one target's trials; raises NvfairError that names the first trial whose score is NaN."""
        genuine = self._pair_scores(trials, trials.genuine, "genuine")
        return TargetScores(trials, genuine, self._pair_scores(trials, trials.impostor, "impostor"))

    def score_all(self, trials: Iterable[TargetTrials]) -> list[TargetScores]:
        """Scores of every target that has both kinds of trials."""
        return [self.score(target_trials) for target_trials in trials if target_trials.complete]

    def _pair_scores(self, trials: TargetTrials, pairs: np.ndarray, kind: str) -> np.ndarray:
        """Scores (K,) of `pairs` (K, 2): each video is compared once, however many pairs it is in."""
        if len(pairs) == 0:
            return np.empty(0)
        enrolled, row = np.unique(pairs[:, 0], return_inverse=True)
        probes, column = np.unique(pairs[:, 1], return_inverse=True)
        if trials.templates is None:
            matrix = self._video_matrix(enrolled, probes)
        else:
            matrix = self._template_matrix(trials.templates[enrolled - trials.offset], probes)
        scores = matrix[row.reshape(-1), column.reshape(-1)]
        if np.isnan(scores).any():
            first_nan = int(np.flatnonzero(np.isnan(scores))[0])
            name = trials.trial_names(self.embeddings.video_ids, pairs[first_nan : first_nan + 1])[0]
            raise NvfairError(
                f"the score of {kind} trial {name} is NaN",
                remedy="find out why the method gave NaN; leaving such trials out would flatter it",
            )
        return scores

    def _video_matrix(self, enrolled: np.ndarray, probes: np.ndarray) -> np.ndarray:
        """Scores (n, m) of n enrolled videos with m probes."""
        if not self.by_window:
            return self._compare(self.rows[enrolled], self.rows[probes])
        enrolled_rows, enrolled_starts, enrolled_counts = _window_rows_of(self.embeddings.offsets, enrolled)
        probe_rows, probe_starts, probe_counts = _window_rows_of(self.embeddings.offsets, probes)
        # Every window against every window, then the mean over each video's windows on both sides.
        scores = self._compare(self.rows[enrolled_rows], self.rows[probe_rows])
        scores = np.add.reduceat(np.add.reduceat(scores, enrolled_starts, axis=0), probe_starts, axis=1)
        return scores / enrolled_counts[:, None] / probe_counts[None, :]

    def _template_matrix(self, templates: np.ndarray, probes: np.ndarray) -> np.ndarray:
        """Scores (T, m) of templates (T, k) of videos with m probes, combined over a template as the protocol says."""
        if self.scoring.template == "mean-score":
            videos, position = np.unique(templates, return_inverse=True)
            return self._video_matrix(videos, probes)[position.reshape(templates.shape)].mean(axis=1)
        means = self._video_means()[templates].mean(axis=1)
        rows = unit_rows(means) if self.embeddings.normalise else means
        if not self.by_window:
            return self._compare(rows, self.rows[probes])
        probe_rows, starts, counts = _window_rows_of(self.embeddings.offsets, probes)
        return np.add.reduceat(self._compare(rows, self.rows[probe_rows]), starts, axis=1) / counts[None, :]

    def _video_means(self) -> np.ndarray | Rows:
        return self.embeddings.video_means() if self.by_window else self.rows

    def _compare(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        if self.scoring.score == "cosine":
            return unit_rows(first) @ unit_rows(second).T
        return -distance_matrix(first, second)


def unit_rows(rows: np.ndarray) -> np.ndarray:
    """Rows divided by their L2 norm; a row of zeros stays as it is (it is equally far from every direction)."""
    norm = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norm > 0, norm, 1)


def distance_matrix(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Euclidean distances (n, m) of rows a (n, D) and b (m, D), float64."""
    if a.shape[1] <= _DIRECT_SIZE:
        from scipy.spatial.distance import cdist

        return cdist(a, b)
    # |a - b|^2 = |a|^2 + |b|^2 - 2 a.b; rounding may leave it a little below zero.
    squares = np.einsum("ij,ij->i", a, a)[:, None] + np.einsum("ij,ij->i", b, b)[None, :] - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0))


def _window_rows_of(offsets: np.ndarray, videos: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(rows of the windows of `videos` one after another, where each video's rows begin among them, their counts)."""
    counts = offsets[videos + 1] - offsets[videos]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    # A running number over all rows, moved for each video to where its rows begin.
    rows = np.repeat(offsets[videos] - starts, counts) + np.arange(int(counts.sum()))
    return rows, starts, counts
