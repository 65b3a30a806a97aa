"""Fused scores: weights against an outside library and plain arithmetic, pairs by rule, figures that say whose."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner
from sklearn.linear_model import LogisticRegression

from benchmark.evaluation.avaprintdb.fusion import (
    Fusion,
    draw_dev_pairs,
    evaluate_fusion,
    fit_fusion,
    logistic_weights,
    z_mean_weights,
)
from benchmark.evaluation.avaprintdb.listed_pairs import evaluate_list
from benchmark.evaluation.avaprintdb.systems import System
from benchmark.methods.avaprintdb.attention_network import AttentionNetwork, AttentionShape
from benchmark.methods.avaprintdb.graph_network import GraphNetwork, GraphShape
from benchmark.methods.avaprintdb.published_attention import FeatureFiles
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, RoleExposure
from benchmark.metrics.roc import auc
from benchmark.trials.pair_lists import read_pair_list
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles
from tests.benchmark.avaprintdb_tree import FEATURE_DEV, TEST, landmarks, write_features, write_list

TRAINED = RoleExposure.from_videos(["cremad:1001"], ["cremad:1001"], ["gagavatar"])


def system_of(kind: str, root: Path, training: RoleExposure = TRAINED) -> System:
    torch.manual_seed(4)
    network = GraphNetwork(GraphShape(6, 8)) if kind == "graph" else AttentionNetwork(AttentionShape(768))
    method = Checkpoint(kind, network.eval(), Declaration(training), None, network.describe_input(), {}, {})
    files = LandmarkFiles(root) if kind == "graph" else FeatureFiles(root, "clip")
    return System.of(files, method)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Features, and landmarks of the same videos; one TEST video has landmarks of 69 frames, too few for the graph."""
    root = tmp_path_factory.mktemp("both")
    listed = write_features(root, "clip", frames=75)
    write_list(root / "evaluation_pairs_CREMA-D_GAGA.csv", listed)
    folder = root / "landmarks"
    folder.mkdir()
    for path in sorted(root.rglob("*.pt")):
        driver = path.stem.split("--")[1]
        clip = int(path.stem == listed[0][0])
        np.save(folder / f"{path.stem}.npy", landmarks(driver, clip, 69 if path.stem == listed[0][0] else 75))
    return root


def random_scores() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    genuine = rng.normal([[0.5], [0.3], [0.1]], [[0.2], [0.4], [0.1]], (3, 300))
    return genuine, rng.normal([[0.2], [0.1], [0.1]], [[0.2], [0.4], [0.1]], (3, 900))


def test_logistic_weights_are_those_of_an_outside_library() -> None:
    genuine, impostor = random_scores()
    scores = np.concatenate([genuine, impostor], axis=1)
    mean, deviation = scores.mean(axis=1), scores.std(axis=1)
    label = np.repeat([1, 0], [300, 900])
    # sklearn minimises |w|^2 / 2 + C sum of weighted losses, where "balanced" weighs a trial 1200 / (2 n of its class).
    model = LogisticRegression(C=1 / (1200 * 1e-3), class_weight="balanced", tol=1e-10, max_iter=1000)
    model.fit(((scores - mean[:, None]) / deviation[:, None]).T, label)
    weights, offset = logistic_weights(genuine, impostor)
    np.testing.assert_allclose(weights * deviation, model.coef_[0], rtol=1e-4, atol=1e-6)
    assert offset + weights @ mean == pytest.approx(float(model.intercept_[0]), rel=1e-4)
    assert weights[0] > weights[1] > abs(weights[2] * deviation[2] / deviation[1])
    fused = [Fusion("logistic", ("a", "b", "c"), tuple(weights), offset)(s) for s in (genuine, impostor)]
    assert auc(*fused) > max(auc(genuine[k], impostor[k]) for k in range(3))


def test_separate_classes_give_finite_weights_and_equal_scores_are_refused() -> None:
    weights, offset = logistic_weights(np.full((1, 4), 2.0) + np.arange(4), np.zeros((1, 4)) - np.arange(4))
    assert 0 < weights[0] < 100
    assert np.isfinite(offset)
    with pytest.raises(NvfairError, match="same score"):
        logistic_weights(np.ones((2, 4)), np.ones((2, 5)))


def test_z_mean_by_hand() -> None:
    genuine, impostor = np.array([[3.0, 5.0], [0.0, 2.0]]), np.array([[1.0, 3.0], [0.0, 2.0]])
    weights, offset = z_mean_weights(genuine, impostor)
    # Means 3 and 1; deviations sqrt(2) and 1.
    fused = Fusion("z-mean", ("a", "b"), tuple(weights), offset)(np.array([[5.0], [2.0]]))
    assert fused == pytest.approx([(2 / np.sqrt(2) + 1) / 2])


def test_pairs_of_dev_are_of_different_clips_and_each_driver_equally_likely(tree: Path) -> None:
    files = LandmarkFiles(tree)
    names = [name for name in files.names.values() if name.driver[7:] in {person[1:] for person in FEATURE_DEV}]
    trials = draw_dev_pairs(names, 400, np.random.default_rng(0))
    assert trials is not None
    for first, second in trials.genuine:
        assert names[first].driver == names[second].driver
        assert names[first].clip != names[second].clip
    assert all(names[a].driver != names[b].driver for a, b in trials.impostor)
    # Two clips on three faces: 9 pairs for each of six drivers, all of which 400 draws meet.
    assert len(trials.genuine) == 54
    assert len({tuple(pair) for pair in trials.impostor}) == len(trials.impostor) > 250
    assert draw_dev_pairs([n for n in names if n.driver == names[0].driver], 9, np.random.default_rng(0)) is None


def test_a_fusion_is_fitted_on_dev_and_scored_on_common_trials(tree: Path) -> None:
    systems = [system_of("graph", tree), system_of("clip", tree)]
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    fusion = fit_fusion(systems, pairs=300, videos=30)
    assert fusion.name == "our fusion of graph+clip by logistic, fitted on DEV of cremad by gagavatar"
    assert (fusion.videos, fusion.collection, fusion.generator) == (30, "cremad", "gagavatar")
    assert fusion == fit_fusion(systems, pairs=300, videos=30)
    graph, clip, fused = evaluate_fusion(systems, fusion, pairs)
    assert {row.too_short for row in (graph, clip, fused)} == {23}, "one video is too short for the graph network"
    assert (fused.method, fused.relation, fused.published) == (fusion.name, "matched", None), "two of three systems"
    alone = evaluate_list(LandmarkFiles(tree), pairs, systems[0].checkpoint)
    assert alone.auc == pytest.approx(graph.auc, abs=1e-9)
    # All the weight on one system: its figures.
    clip_alone = replace(fusion, weights=(0.0, 2.0), offset=-1.0)
    assert evaluate_fusion(systems, clip_alone, pairs)[2].auc == pytest.approx(clip.auc, abs=1e-12)


def test_what_cannot_be_fused_is_refused(tree: Path, tmp_path: Path) -> None:
    graph, clip = system_of("graph", tree), system_of("clip", tree)
    with pytest.raises(NvfairError, match="no kind twice"):
        fit_fusion([graph, graph])
    with pytest.raises(NvfairError, match="'sum' is unknown"):
        fit_fusion([graph, clip], "sum")
    other = RoleExposure.from_videos(["cremad:1001"], ["cremad:1001"], ["liveportrait"])
    with pytest.raises(NvfairError, match=r"cremad liveportrait(.|\n)*--fit-on"):
        fit_fusion([graph, system_of("clip", tree, other)])
    with pytest.raises(NvfairError, match="'grid' is unknown"):
        fit_fusion([graph, clip], fit_on=("grid", "gagavatar"))
    with pytest.raises(NvfairError, match=r"DEV videos of cremad by liveportrait .*: 0;(.|\n)*--rule mean"):
        fit_fusion([graph, clip], fit_on=("cremad", "liveportrait"))
    dev_list = tmp_path / "evaluation_pairs_CREMA-D_GAGA.csv"
    names = [name for name in graph.files.names.values() if name.driver == "cremad:1001"]
    listed = [(name.stem, name.driver) for name in names]
    listed += [(n.stem, n.driver) for n in graph.files.names.values() if n.driver == f"cremad:{TEST[0][1:]}"]
    unknown = [system_of(kind, tree, RoleExposure()) for kind in ("graph", "clip")]
    fusion = fit_fusion(unknown, fit_on=("cremad", "gagavatar"), pairs=50)
    with pytest.raises(NvfairError, match="are DEV people, on whom a fusion is fitted"):
        evaluate_fusion(unknown, fusion, read_pair_list(write_list(dev_list, listed)))


def test_the_command_says_that_the_rule_is_ours(tree: Path, tmp_path: Path) -> None:
    words = ["avaprintdb", "fuse", "--list", str(tree), "--out", str(tmp_path / "figures.json"), "--rule", "z-mean"]
    for kind in ("graph", "clip"):
        method = system_of(kind, tree).checkpoint
        method.save(tmp_path / kind)
        words += [f"--{kind}", str(tree), str(tmp_path / kind)]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    name = "our fusion of graph+clip by z-mean, fitted on DEV of cremad by gagavatar"
    assert f"{name} (the published rule is not public): weights graph" in result.output
    assert f"{name} on evaluation_pairs_CREMA-D_GAGA [matched]: AUC" in result.output
    content = json.loads((tmp_path / "figures.json").read_text())
    assert (content["fusion"]["published_rule"], content["fusion"]["rule"]) == ("not public", "z-mean")
    assert [row["method"] for row in content["figures"]] == ["graph", "clip", name]
    result = CliRunner().invoke(cli, words[:4] + words[-3:])
    assert "two or three of --graph, --clip and --dino" in result.output
