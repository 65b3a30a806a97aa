"""AVAPrintDB's protocol from embeddings to figures, against a plain reckoning by somebody else's code."""

from __future__ import annotations

import re
from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import roc_auc_score

from benchmark import protocols
from benchmark.evaluation.results import EvaluationResults
from benchmark.evaluation.run import evaluate
from benchmark.methods.candidates import as_candidate
from benchmark.methods.train_options import TrainOptions
from benchmark.metrics.intervals import GroupedScores, pair_statistics, pooled_statistics
from benchmark.report import write_report
from benchmark.training.loop import train
from benchmark.trial_scores.figures import compute_figures
from benchmark.trial_scores.scores import Scorer, VideoEmbeddings
from benchmark.trials.trials import make_trials
from nvfair_tools.dataset import Dataset
from tests.benchmark.small_world import World, make

SEEN = protocols.load("avaprintdb-seen")


def sparse(drivers: int, clips: int, *, lone: bool = False) -> tuple[pd.DataFrame, VideoEmbeddings]:
    """Each clip on its driver's face and on one other; 1 to 3 windows a video. lone: the last driver has one clip."""
    rng = np.random.default_rng(4)
    rows, windows, counts = [], [], []
    for d in range(drivers):
        style = rng.normal(size=5)
        for c in range(1 if lone and d == drivers - 1 else clips):
            for t in (d, (d + 1 + c) % drivers):
                if lone and d == drivers - 1 and t != d:
                    continue
                rows.append((f"v{len(rows):03d}", f"toy:{t}", f"toy:{d}", f"clip{d}-{c}", "g", "toy"))
                counts.append(int(rng.integers(1, 4)))
                windows.append(style + rng.normal(size=(counts[-1], 5)))
    videos = pd.DataFrame(rows, columns=["video", "target", "driver", "clip", "generator", "source"])
    offsets = np.concatenate([[0], np.cumsum(counts)])
    return videos, VideoEmbeddings(videos["video"].to_numpy(dtype=object), offsets, np.concatenate(windows))


@pytest.mark.parametrize(("drivers", "lone"), [(2, False), (4, False), (5, True)])
def test_the_pooled_auc_equals_scikit_learns_over_plain_loops(drivers: int, lone: bool) -> None:
    videos, embeddings = sparse(drivers, 4, lone=lone)
    unit = embeddings.window_embeddings / np.linalg.norm(embeddings.window_embeddings, axis=1, keepdims=True)
    labels, scores = [], []
    for a, b in combinations(videos.itertuples(), 2):
        if a.clip == b.clip:
            continue
        own_rows, theirs = (unit[embeddings.offsets[v.Index] : embeddings.offsets[v.Index + 1]] for v in (a, b))
        labels.append(a.driver == b.driver)
        scores.append(np.mean([x @ y for x in own_rows for y in theirs]))
    scorer = Scorer(embeddings, SEEN.scoring)
    result = compute_figures(scorer, list(make_trials(videos, "g", SEEN.trials)), videos, SEEN)
    assert result.auc_pooled.value == pytest.approx(roc_auc_score(labels, scores))
    assert result.trials.genuine == sum(labels)
    assert result.trials.impostor == len(labels) - sum(labels)
    assert result.permutation is None


def test_the_interval_resamples_drivers_as_repeating_them_would() -> None:
    """A driver drawn twice counts twice alone, and a pair of people as often as both: by hand for one drawing."""
    videos, embeddings = sparse(4, 3)
    scorer = Scorer(embeddings, SEEN.scoring)
    weight = np.array([2.0, 0.0, 1.0, 1.0])
    genuine, impostor, parts = [], [], []
    for target_trials in make_trials(videos, "g", SEEN.trials):
        scored = scorer.score(target_trials)
        number = int(target_trials.target[-1])
        second = videos["driver"].str[-1].astype(int).to_numpy()[target_trials.impostor[:, 1]]
        genuine.append(np.repeat(scored.genuine, int(weight[number])))
        impostor.append(np.repeat(scored.impostor, (weight[number] * weight[second]).astype(int)))
        own = np.full((len(target_trials.genuine), 3), number)
        others = np.column_stack([np.full(len(second), number), np.full(len(second), number), second])
        parts.append(GroupedScores(scored.genuine, scored.impostor, own, others))
    labels = np.repeat([1, 0], [sum(map(len, genuine)), sum(map(len, impostor))])
    expected = roc_auc_score(labels, np.concatenate([*genuine, *impostor]))
    assert pooled_statistics(parts).weighted_auc(weight[None])[0] == pytest.approx(expected)
    whole = GroupedScores(*(np.concatenate([getattr(p, n) for p in parts]) for n in vars(parts[0])))
    assert pair_statistics(whole).auc == pytest.approx(pooled_statistics(parts).auc)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("data"), World(people=(4, 3, 4)))


@pytest.fixture(scope="module")
def results(data: Dataset, tmp_path_factory: pytest.TempPathFactory) -> EvaluationResults:
    out = tmp_path_factory.mktemp("runs") / "alpha-run"
    options = TrainOptions(
        generators=("alpha",), windows=64, batch=16, drivers=3, width=16, embedding=8, validate_every=64
    )
    train(data, out, options, SEEN)
    return evaluate(data, [as_candidate(out)], [SEEN, protocols.load("avaprintdb-unseen")])


def test_evaluation_runs_under_both_protocols(results: EvaluationResults) -> None:
    result = {(c.generator, c.relation, c.protocol) for c in results.cells}
    assert result == {("alpha", "seen", "avaprintdb-seen"), ("beta", "unseen", "avaprintdb-unseen")}
    for cell in results.cells:
        # 4 people with 3 clips on 4 faces: 12 videos a driver.
        assert cell.figures.trials.genuine == 4 * (12 * 11 // 2 - 3 * 6)
        assert cell.figures.trials.impostor == 6 * 12 * 12
        assert cell.figures.auc_pooled.low is None  # four people are too few for an interval
        assert cell.figures.auc_pooled.reason.startswith("4 people")
        assert all(row.figures.trials == cell.figures.trials for row in results.shortcuts_of(cell))


def test_the_page_leads_with_the_pooled_figure(results: EvaluationResults, tmp_path: Path) -> None:
    content = results.to_json()
    seen = next(cell for cell in content["cells"] if cell["relation"] == "seen")
    seen["auc_pooled"]["value"], seen["auc_mean"]["value"] = 0.811, 0.722
    write_report(tmp_path / "index.html", EvaluationResults.from_json(content))
    html = (tmp_path / "index.html").read_text()
    assert re.findall(r'class="figure">([0-9.]+)<', html)[0] == "0.811"
    assert "AUC of all trials in one pot" in html
    assert "mean AUC over drivers" in html
    assert "mean AUC over target people" not in html
