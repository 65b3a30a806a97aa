"""Normalised scores: by hand, against plain loops, and what they cannot change."""

from __future__ import annotations

from statistics import fmean, pstdev

import numpy as np
import pytest

from benchmark.protocols.schema import Scoring
from benchmark.trial_scores.score_normalisation import NormalisedScorer, normalise
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import TargetTrials
from nvfair_tools.errors import NvfairError


def embeddings(names: str, seed: int, windows: int = 2, size: int = 5) -> VideoEmbeddings:
    rng = np.random.default_rng(seed)
    values = rng.normal(0, 1, (len(names) * windows, size)).astype(np.float32)
    return VideoEmbeddings(np.array(list(names), dtype=object), np.arange(len(names) + 1) * windows, values)


TEST, COHORT = embeddings("abcd", 0), embeddings("uvwxyz", 1)
PAIRS = TargetTrials("t", "g", np.array([[0, 1], [2, 3]]), np.array([[0, 2], [1, 3], [1, 2]]))
TEMPLATES = TargetTrials(
    "t", "g", np.array([[4, 2], [5, 3]]), np.array([[4, 3]]), templates=np.array([[0, 1], [0, 2]]), offset=4
)


def test_a_score_by_hand() -> None:
    # Enrolled: mean 2, deviation 1; probe: mean 5, deviation 2: ((4 - 2) / 1 + (4 - 5) / 2) / 2 = 0.75.
    assert normalise(np.array([[4.0]]), np.array([[1.0, 3.0]]), np.array([[3.0, 7.0]]))[0, 0] == pytest.approx(0.75)
    # The nearest two of each side alone: means 2 and 5 as before, whatever the others are.
    near = normalise(np.array([[4.0]]), np.array([[-90.0, 1.0, 3.0]]), np.array([[3.0, -50.0, 7.0]]), nearest=2)
    assert near[0, 0] == pytest.approx(0.75)


@pytest.mark.parametrize("aggregation", ["mean-embedding", "mean-score"])
@pytest.mark.parametrize("score", ["negative-euclidean", "cosine"])
@pytest.mark.parametrize("nearest", [0, 3])
def test_scores_equal_plain_loops_over_the_plain_scores(aggregation: str, score: str, nearest: int) -> None:
    scoring = Scoring(aggregation=aggregation, score=score)
    joined = embeddings("abcd" + "uvwxyz", 0)
    joined = VideoEmbeddings(
        joined.video_ids, joined.offsets, np.concatenate([TEST.window_embeddings, COHORT.window_embeddings])
    )
    every = np.array([[a, b] for a in range(10) for b in range(10) if a != b])
    scores = Scorer(joined, scoring).score(TargetTrials("t", "g", every, every[:1])).genuine
    plain = {(int(a), int(b)): float(s) for (a, b), s in zip(every, scores, strict=True)}

    def against_cohort(video: int) -> tuple[float, float]:
        values = sorted((plain[video, other] for other in range(4, 10)), reverse=True)[: nearest or None]
        return fmean(values), pstdev(values)

    def expected(pair: np.ndarray) -> float:
        sides = [against_cohort(int(video)) for video in pair]
        return sum((plain[int(pair[0]), int(pair[1])] - mean) / deviation for mean, deviation in sides) / 2

    scored = NormalisedScorer(TEST, COHORT, scoring, nearest).score(PAIRS)
    np.testing.assert_allclose(scored.genuine, [expected(pair) for pair in PAIRS.genuine], rtol=1e-9)
    np.testing.assert_allclose(scored.impostor, [expected(pair) for pair in PAIRS.impostor], rtol=1e-9)


def test_a_template_has_statistics_of_its_own_or_the_mean_of_normalised_scores() -> None:
    cohort_of_template = -np.linalg.norm(template_mean((0, 1)) - COHORT.video_means(), axis=1)
    cohort_of_probe = -np.linalg.norm(TEST.video_means()[2] - COHORT.video_means(), axis=1)
    plain = -np.linalg.norm(template_mean((0, 1)) - TEST.video_means()[2])
    expected = sum((plain - side.mean()) / side.std() for side in (cohort_of_template, cohort_of_probe)) / 2
    assert NormalisedScorer(TEST, COHORT, Scoring()).score(TEMPLATES).genuine[0] == pytest.approx(expected)
    by_mean = NormalisedScorer(TEST, COHORT, Scoring(template="mean-score")).score(TEMPLATES).genuine[0]
    single = NormalisedScorer(TEST, COHORT, Scoring()).score(
        TargetTrials("t", "g", np.array([[0, 2], [1, 2]]), PAIRS.impostor)
    )
    assert by_mean == pytest.approx(single.genuine.mean())


def template_mean(videos: tuple[int, ...]) -> np.ndarray:
    mean = TEST.video_means()[list(videos)].mean(axis=0)
    return mean / np.linalg.norm(mean)


def test_a_cohort_that_is_too_small_or_of_another_size_is_refused() -> None:
    for nearest, names in ((0, "u"), (7, "uvwxyz"), (1, "uvwxyz"), (-1, "uvwxyz")):
        with pytest.raises(NvfairError, match=f"the cohort has {len(names)} videos?,"):
            NormalisedScorer(TEST, embeddings(names, 1), Scoring(), nearest)
    with pytest.raises(NvfairError, match="have 5 numbers and those of the cohort 6"):
        NormalisedScorer(TEST, embeddings("uvw", 1, size=6), Scoring())
