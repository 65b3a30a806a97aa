"""The map shows drivers, not faces."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmark.evaluation.embedding_map import EmbeddingMap, compute_embedding_map
from benchmark.trial_scores.scores import VideoEmbeddings


def _videos(count: int = 6, clips: int = 4) -> pd.DataFrame:
    people = [f"a:{n}" for n in range(count)]
    rows = [(f"{t}-{d}-{c}", t, d, "g") for t in people for d in people for c in range(clips)]
    return pd.DataFrame(rows, columns=["video", "target", "driver", "generator"])


def _embeddings(videos: pd.DataFrame, face: float, driver: float, seed: int = 0) -> VideoEmbeddings:
    rng = np.random.default_rng(seed)
    place = {p: rng.normal(size=16) for p in sorted(set(videos["driver"]))}
    looks = {p: rng.normal(size=16) for p in sorted(set(videos["target"]))}
    rows = np.array(
        [face * looks[t] + driver * place[d] for t, d in zip(videos["target"], videos["driver"], strict=True)]
    )
    rows = rows + 0.05 * rng.normal(size=rows.shape)
    return VideoEmbeddings(videos["video"].to_numpy(), np.arange(len(videos) + 1), rows, normalise=False)


def _apart(result: EmbeddingMap) -> float:
    """Distance between drivers' centres over the spread within a driver."""
    points = np.array(result.points)
    within = [points[points[:, 2] == n, :2] for n in range(len(result.drivers))]
    centres = np.array([p.mean(axis=0) for p in within])
    return float(centres.std(axis=0).mean() / np.mean([p.std(axis=0).mean() for p in within]))


def test_faces_are_taken_away_and_drivers_stay() -> None:
    videos = _videos()
    assert _apart(compute_embedding_map(_embeddings(videos, face=5, driver=1), videos, ["g"])) > 5
    assert _apart(compute_embedding_map(_embeddings(videos, face=5, driver=0), videos, ["g"])) < 1


def test_it_repeats_itself_and_is_bounded() -> None:
    videos = _videos(count=10, clips=8)
    embeddings = _embeddings(videos, face=1, driver=1)
    first, second = (compute_embedding_map(embeddings, videos, ["g"]) for _ in range(2))
    assert first == second
    assert len(first.points) == 400
    assert len(first.drivers) == 8


def test_constant_embeddings_give_a_point_and_no_share() -> None:
    videos = _videos()
    still = VideoEmbeddings(videos["video"].to_numpy(), np.arange(len(videos) + 1), np.ones((len(videos), 4)))
    result = compute_embedding_map(still, videos, ["g"])
    assert np.allclose(np.array(result.points)[:, :2], 0)
    assert EmbeddingMap.from_json(result.to_json()) == result
