"""Scores of trials against published code's values and against plain loops."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmark.metrics import roc
from benchmark.protocols.schema import Scoring, Trials
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings, distance_matrix
from benchmark.trials.trials import TargetTrials, make_trials
from nvfair_tools.errors import NvfairError


def embeddings(counts: tuple[int, ...] = (2, 1, 3, 2), size: int = 5) -> VideoEmbeddings:
    rng = np.random.default_rng(0)
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return VideoEmbeddings(np.array(list("abcd")), offsets, rng.normal(0, 1, (sum(counts), size)).astype(np.float32))


PAIRS = TargetTrials("t", "g", np.array([[0, 1], [2, 3]]), np.array([[0, 2], [1, 3], [1, 2]]))


def unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)


def test_published_codes_figures(shared: Path) -> None:
    golden = np.load(shared / "protocols" / "metric_golden.npz")
    videos = pd.DataFrame(
        {
            "video": [f"{n:04d}" for n in range(360)],
            "target": [f"{t:02d}" for t in golden["target"]],
            "driver": [f"{d:02d}" for d in golden["driver"]],
            "clip": golden["clip"],
            "generator": "one",
        }
    )
    assert ((videos["target"] == videos["driver"]) == golden["is_self"]).all()
    scorer = Scorer(VideoEmbeddings(videos["video"].to_numpy(), np.arange(361), golden["embeddings"]), Scoring())
    # The random clips there may repeat: as published, all unordered pairs of self-reenactments count.
    scored = scorer.score_all(make_trials(videos, "one", Trials(share_driving_clip=True)))
    aucs = [roc.auc(scores.genuine, scores.impostor) for scores in scored]
    # Computed in float32 there, where two scores tie that do not in float64: half a pair of 4,928, 1.01e-4.
    np.testing.assert_allclose(aucs, golden["per_target_auc"], atol=1.1e-4, rtol=0)
    assert abs(np.mean(aucs) - float(golden["mean_auc"])) < 1e-4
    genuine = np.concatenate([scores.genuine for scores in scored])
    impostor = np.concatenate([scores.impostor for scores in scored])
    labels = golden["pooled_labels"] == 1
    np.testing.assert_allclose(np.sort(genuine), np.sort(golden["pooled_scores"][labels]), atol=1e-6)
    assert len(impostor) == np.count_nonzero(~labels)
    assert abs(roc.auc(genuine, impostor) - float(golden["pooled_auc"])) < 1e-4


@pytest.mark.parametrize("score", ["negative-euclidean", "cosine"])
@pytest.mark.parametrize("aggregation", ["mean-embedding", "mean-score"])
def test_scores_equal_plain_loops(score: str, aggregation: str) -> None:
    data = embeddings()
    scored = Scorer(data, Scoring(score=score, aggregation=aggregation)).score(PAIRS)

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b) if score == "cosine" else -float(np.sqrt(np.sum((a - b) ** 2)))

    def expected(i: int, j: int) -> float:
        enrolled = [unit(w.astype(float)) for w in data.window_embeddings[data.offsets[i] : data.offsets[i + 1]]]
        probe = [unit(w.astype(float)) for w in data.window_embeddings[data.offsets[j] : data.offsets[j + 1]]]
        if aggregation == "mean-score":
            return float(np.mean([alike(a, b) for a in enrolled for b in probe]))
        return alike(unit(np.mean(enrolled, axis=0)), unit(np.mean(probe, axis=0)))

    np.testing.assert_allclose(scored.genuine, [expected(*pair) for pair in PAIRS.genuine], atol=1e-12)
    np.testing.assert_allclose(scored.impostor, [expected(*pair) for pair in PAIRS.impostor], atol=1e-12)


TEMPLATES = TargetTrials(
    "t", "g", np.array([[5, 3]]), np.array([[4, 2], [4, 3], [5, 2]]), templates=np.array([[0, 1], [0, 2]]), offset=4
)


@pytest.mark.parametrize("score", ["negative-euclidean", "cosine"])
@pytest.mark.parametrize("aggregation", ["mean-embedding", "mean-score"])
@pytest.mark.parametrize("template", ["mean-embedding", "mean-score"])
def test_scores_of_templates_equal_plain_loops(score: str, aggregation: str, template: str) -> None:
    data = embeddings()
    scored = Scorer(data, Scoring(score=score, aggregation=aggregation, template=template)).score(TEMPLATES)

    def alike(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b) if score == "cosine" else -float(np.sqrt(np.sum((a - b) ** 2)))

    def windows(video: int) -> list[np.ndarray]:
        return [unit(w.astype(float)) for w in data.window_embeddings[data.offsets[video] : data.offsets[video + 1]]]

    def mean(video: int) -> np.ndarray:
        return unit(np.mean(windows(video), axis=0))

    def expected(enrolled: int, probe: int) -> float:
        members = TEMPLATES.templates[enrolled - 4]
        probe_rows = windows(probe) if aggregation == "mean-score" else [mean(probe)]
        if template == "mean-embedding":
            template_mean = unit(np.mean([mean(m) for m in members], axis=0))
            return float(np.mean([alike(template_mean, row) for row in probe_rows]))
        scores = []
        for m in members:
            member_rows = windows(m) if aggregation == "mean-score" else [mean(m)]
            scores.append(np.mean([alike(a, b) for a in member_rows for b in probe_rows]))
        return float(np.mean(scores))

    np.testing.assert_allclose(scored.genuine, [expected(*pair) for pair in TEMPLATES.genuine], atol=1e-12)
    np.testing.assert_allclose(scored.impostor, [expected(*pair) for pair in TEMPLATES.impostor], atol=1e-12)


def test_a_nan_in_a_template_is_refused_naming_its_videos_and_the_probe() -> None:
    data = embeddings()
    data.window_embeddings[3] = np.nan  # video c
    with pytest.raises(NvfairError, match=r"genuine trial a\+c\|d"):
        Scorer(data, Scoring()).score(TEMPLATES)


def test_a_template_has_the_mean_of_its_videos_values() -> None:
    values = np.array([1.0, 3.0, 10.0, 20.0])
    assert TEMPLATES.side_values(values, TEMPLATES.impostor).tolist() == [[2, 10], [2, 20], [5.5, 10]]
    assert PAIRS.side_values(values, PAIRS.genuine).tolist() == [[1, 3], [10, 20]]


def test_the_large_route_equals_the_direct_one() -> None:
    rng = np.random.default_rng(1)
    a, b = rng.normal(0, 1, (7, 3000)), rng.normal(0, 1, (5, 3000))
    expected = np.sqrt(((a[:, None] - b[None]) ** 2).sum(axis=2))
    np.testing.assert_allclose(distance_matrix(a, b), expected, rtol=1e-10)
    np.testing.assert_allclose(distance_matrix(a[:, :50], b[:, :50])[2, 3], np.linalg.norm(a[2, :50] - b[3, :50]))


def test_equal_embeddings_tie_exactly() -> None:
    rows = np.repeat(np.random.default_rng(0).normal(0, 1, (2, 96)), 2, axis=0)
    data = VideoEmbeddings(np.array(list("abcd")), np.arange(5), rows[[0, 2, 1, 3]])
    scored = Scorer(data, Scoring()).score(TargetTrials("t", "g", np.array([[0, 1]]), np.array([[2, 3], [0, 3]])))
    assert scored.impostor.tolist() == [scored.genuine[0]] * 2


def test_a_nan_embedding_is_refused_naming_the_trial() -> None:
    data = embeddings()
    data.window_embeddings[3] = np.nan  # video c
    with pytest.raises(NvfairError, match=r"genuine trial c\|d"):
        Scorer(data, Scoring()).score(PAIRS)
