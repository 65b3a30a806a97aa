"""Compares windows with what was enrolled, by the protocol's own rules.

Legend: W windows, D embedding size, R reference rows.
"""

from __future__ import annotations

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.scores import distance_matrix, unit_rows


class Template:
    """Windows of enrolled videos, ready to be compared.

    The score of a video is that which `benchmark.trial_scores.scores.Scorer` gives a trial with a template of these
    videos (a test compares).
    """

    def __init__(self, embeddings: np.ndarray, video: np.ndarray, scoring: Scoring) -> None:
        """embeddings: (W, D). video: (W,) number of each window's video, 0 to the number of videos less one."""
        self.scoring = scoring
        rows = unit_rows(np.asarray(embeddings, dtype=np.float64))
        counts = np.bincount(video).astype(np.float64)
        means = np.zeros((len(counts), rows.shape[1]))
        np.add.at(means, video, rows)
        means = unit_rows(means / counts[:, None])
        self._by_window = scoring.aggregation == "mean-score"
        if scoring.template == "mean-embedding":
            self._rows, self._weights = unit_rows(means.mean(axis=0, keepdims=True)), np.ones(1)
        elif self._by_window:
            self._rows, self._weights = rows, 1 / counts[video] / len(counts)
        else:
            self._rows, self._weights = means, np.full(len(means), 1 / len(means))

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Scores (W,) of windows (W, D) with the template; a larger score means more alike."""
        rows = unit_rows(np.asarray(embeddings, dtype=np.float64))
        if self.scoring.score == "cosine":
            return self._weights @ (self._rows @ rows.T)
        return -(self._weights @ distance_matrix(self._rows, rows))

    def running(self) -> RunningScore:
        """The score of a video whose windows come one after another."""
        return RunningScore(self)


class RunningScore:
    """The score of a video from the windows so far, in constant memory."""

    def __init__(self, template: Template) -> None:
        self._template = template
        self._sum: np.ndarray | float = 0.0
        self.windows = 0

    def add(self, embedding: np.ndarray) -> float:
        """Takes the next window's embedding (D,); returns the score of this window alone."""
        score = float(self._template.scores(embedding[None])[0])
        by_score = self._template.scoring.aggregation == "mean-score"
        self._sum = self._sum + (score if by_score else unit_rows(np.asarray(embedding[None], dtype=np.float64))[0])
        self.windows += 1
        return score

    @property
    def value(self) -> float | None:
        """The score of all windows so far; None where there is none."""
        if not self.windows:
            return None
        if self._template.scoring.aggregation == "mean-score":
            return float(self._sum) / self.windows
        return float(self._template.scores(np.asarray(self._sum)[None] / self.windows)[0])
