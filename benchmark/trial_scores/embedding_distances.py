"""Mean distances of embeddings: videos that one person drives, against videos that two people drive.

AUC looks at ranks only: two methods with equal ranks may keep people far apart or barely so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.scores import PairScorer, Scorer, TargetScores


@dataclass(frozen=True)
class EmbeddingDistances:
    """Mean Euclidean distances of L2-normalised video embeddings, over genuine and over impostor trials.

    Each target weighs as many trials as it has.
    """

    same_driver: float
    other_driver: float

    @property
    def ratio(self) -> float:
        """`other_driver` / `same_driver`; NaN where `same_driver` is 0."""
        return self.other_driver / self.same_driver if self.same_driver > 0 else float("nan")


def embedding_distances(scorer: PairScorer, target_scores: Sequence[TargetScores]) -> EmbeddingDistances | None:
    """Distances over scored trials; None where the scorer has no embeddings, or a kind of trial is absent.

    Scores that are minus such a distance already are taken as they are; others are computed anew from the videos'
    mean embeddings.
    """
    if not isinstance(scorer, Scorer):
        return None
    if scorer.by_window or scorer.scoring.score != "negative-euclidean":
        by_distance = Scorer(scorer.embeddings, Scoring())
        target_scores = [by_distance.score(scores.trials) for scores in target_scores]
    same_driver = _mean_distance([scores.genuine for scores in target_scores])
    other_driver = _mean_distance([scores.impostor for scores in target_scores])
    if same_driver is None or other_driver is None:
        return None
    return EmbeddingDistances(same_driver, other_driver)


def _mean_distance(scores: Sequence[np.ndarray]) -> float | None:
    """Minus the mean of all scores; None where there are none."""
    count = sum(map(len, scores))
    return float(-sum(np.sum(part) for part in scores) / count) if count else None
