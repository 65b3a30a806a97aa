"""Distances of embeddings: videos that one person drives, against videos that two people drive.

What AUC cannot say: two methods with equal ranks may keep people far apart or barely so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.scores import Scorer, TargetScores


@dataclass(frozen=True)
class Distances:
    """Mean Euclidean distance of L2-normalised video embeddings over genuine (`self_`) and over impostor (`cross`)
    trials; each target weighs as many trials as it has."""

    self_: float
    cross: float

    @property
    def ratio(self) -> float:
        """How many times as far apart two drivers are as one driver from himself; NaN where `self_` is 0."""
        return self.cross / self.self_ if self.self_ > 0 else float("nan")


def distances(scorer: Any, scored: Sequence[TargetScores]) -> Distances | None:
    """Distances over scored trials; None where the scorer has no embeddings, or a kind of trial is absent.

    Scores that are minus such a distance already are taken as they are; others are reckoned anew from the videos'
    mean embeddings.
    """
    if not isinstance(scorer, Scorer):
        return None
    if scorer.by_window or scorer.scoring.score != "negative-euclidean":
        plain = Scorer(scorer.embeddings, Scoring())
        scored = [plain.score(one.trials) for one in scored]
    means = []
    for kind in ("genuine", "impostor"):
        parts = [getattr(one, kind) for one in scored]
        count = sum(map(len, parts))
        if count == 0:
            return None
        means.append(float(-sum(np.sum(part) for part in parts) / count))
    return Distances(*means)
