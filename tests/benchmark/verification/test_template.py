"""A video's score is that of the benchmark's scorer for a template of the same videos."""

import numpy as np
import pytest

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import TargetTrials
from benchmark.verification.template import Template


@pytest.mark.parametrize("aggregation", ["mean-embedding", "mean-score"])
@pytest.mark.parametrize("score", ["negative-euclidean", "cosine"])
@pytest.mark.parametrize("template", ["mean-embedding", "mean-score"])
def test_the_score_is_the_benchmarks(aggregation: str, score: str, template: str) -> None:
    random = np.random.default_rng(4)
    counts = np.array([3, 1, 4, 5])  # windows of three enrolled videos and of the probe
    rows = random.normal(size=(int(counts.sum()), 6)) * random.uniform(0.1, 9, size=(13, 1))
    offsets = np.concatenate([[0], np.cumsum(counts)])
    scoring = Scoring(aggregation=aggregation, score=score, template=template)
    embeddings = VideoEmbeddings(np.array(["a", "b", "c", "probe"], dtype=object), offsets, rows)
    trials = TargetTrials(
        target="t",
        generator="g",
        genuine=np.array([[4, 3]]),
        impostor=np.empty((0, 2), np.int64),
        templates=np.array([[0, 1, 2]]),
        offset=4,
    )
    expected = Scorer(embeddings, scoring).score(trials).genuine[0]
    running = Template(rows[:8], np.repeat(np.arange(3), counts[:3]), scoring).running()
    assert running.value is None
    for row in rows[8:]:
        running.add(row)
    assert running.value == pytest.approx(expected, abs=1e-12)
    assert running.windows == 5
