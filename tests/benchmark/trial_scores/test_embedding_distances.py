"""Distances within and across drivers, whatever score the protocol uses."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.embedding_distances import embedding_distances
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import TargetTrials

ROWS = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 3.0], [-1.0, 0.0]])
EMBEDDINGS = VideoEmbeddings(np.array(list("abcd"), dtype=object), np.arange(5), ROWS)
TRIALS = TargetTrials("t", "g", np.array([[0, 2], [1, 2]]), np.array([[0, 1], [0, 3]]))


@pytest.mark.parametrize(
    "scoring", [Scoring(), Scoring(score="cosine"), Scoring(score="cosine", aggregation="mean-score")]
)
def test_distances_are_of_unit_embeddings_whatever_the_score(scoring: Scoring) -> None:
    scorer = Scorer(EMBEDDINGS, scoring)
    distances = embedding_distances(scorer, [scorer.score(TRIALS)])
    assert distances is not None
    near = np.sqrt(2 - np.sqrt(2))  # 45 degrees apart on the unit circle
    assert distances.same_driver == pytest.approx(near)
    assert distances.other_driver == pytest.approx((np.sqrt(2) + 2) / 2)
    assert distances.ratio == pytest.approx((np.sqrt(2) + 2) / 2 / near)


def test_scorers_without_embeddings_have_no_distances() -> None:
    scorer = Scorer(EMBEDDINGS, Scoring())
    assert embedding_distances(object(), [scorer.score(TRIALS)]) is None
    nothing = TargetTrials("t", "g", np.empty((0, 2), np.int64), TRIALS.impostor)
    assert embedding_distances(scorer, [scorer.score(nothing)]) is None


def test_a_method_that_gives_everything_one_embedding_has_no_ratio() -> None:
    scorer = Scorer(VideoEmbeddings(EMBEDDINGS.video_ids, EMBEDDINGS.offsets, np.ones((4, 2))), Scoring())
    distances = embedding_distances(scorer, [scorer.score(TRIALS)])
    assert distances is not None
    assert np.isnan(distances.ratio)
