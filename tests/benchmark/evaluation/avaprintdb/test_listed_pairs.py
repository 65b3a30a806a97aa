"""Lists of trials are scored from landmark files: counts, scores and figures against plain arithmetic."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmark.evaluation.avaprintdb.listed_pairs import evaluate_list, relation_to
from benchmark.evaluation.avaprintdb.systems import System, embed_sequences, list_protocol
from benchmark.methods.avaprintdb.attention_network import AttentionNetwork, AttentionShape
from benchmark.methods.avaprintdb.graph_network import GraphNetwork, GraphShape
from benchmark.methods.avaprintdb.published_attention import FeatureFiles, import_published_attention
from benchmark.methods.avaprintdb.published_graph import import_published
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, RoleExposure
from benchmark.protocols.shipped import load as load_protocol
from benchmark.trial_scores.scores import Scorer
from benchmark.trials.pair_lists import PairList, listed_trials, read_pair_list
from benchmark.trials.published_cells import PUBLISHED_AUC, training_by_file_name
from nvfair_tools.cli import cli
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles
from tests.benchmark.avaprintdb_tree import landmarks, stem, write_list, write_tree
from tests.benchmark.training.avaprintdb.test_graph_recipe import golden_network

NOBODY = RoleExposure()


def untrained(training: RoleExposure = NOBODY, selection: RoleExposure = NOBODY) -> Checkpoint:
    torch.manual_seed(5)
    network = GraphNetwork(GraphShape(6, 8)).eval()
    declaration = Declaration(training, selection)
    return Checkpoint("method", network, declaration, None, network.describe_input(), {}, {})


def relation_of(system: System, pairs: PairList) -> tuple[str, float | None]:
    return relation_to(system.trained_on, pairs, system.kind)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("avaprintdb")
    videos = write_tree(root, ("GAGA", "LIVE"))
    write_list(root / "evaluation_pairs_CREMA-D_GAGA.csv", videos)
    return root


def test_a_lists_figures_are_those_of_plain_arithmetic(tree: Path, tmp_path: Path) -> None:
    """Every window pair's cosine in a loop, and the AUC as the share of pairs of trials that are ranked rightly."""
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    rng = np.random.default_rng(0)
    for name in sorted(pairs.samples):  # noise, of a size that depends on the driver and the video: no easy list
        size = 0.5 + 0.1 * int(pairs.samples[name].driver[-1]) + rng.random()
        np.save(tmp_path / f"{name}.npy", (size * rng.standard_normal((105, 109, 3))).astype(np.float32))
    files, method = LandmarkFiles(tmp_path), untrained()
    figures = evaluate_list(files, pairs, method)
    assert 0.3 < figures.auc < 0.9
    windows = {}
    for name in pairs.samples:
        points = torch.from_numpy(np.load(files[name]))
        with torch.inference_mode():  # 105 frames: starts 0 and 35
            windows[name] = [method.network(points[None, a : a + 70])[0][0, :, 0].double() for a in (0, 35)]
    scores = [
        float(np.mean([float(a @ b / a.norm() / b.norm()) for a in windows[first] for b in windows[second]]))
        for first, second in zip(pairs.enrolment, pairs.test, strict=True)
    ]
    genuine = [score for score, label in zip(scores, pairs.genuine, strict=True) if label]
    impostor = [score for score, label in zip(scores, pairs.genuine, strict=True) if not label]
    wins = np.mean([(a > b) + 0.5 * (a == b) for a in genuine for b in impostor])
    assert figures.auc == pytest.approx(wins, abs=1e-4)
    assert (figures.genuine, figures.impostor, figures.listed) == (60, 216, 276)
    assert (figures.videos, figures.people, figures.without_file, figures.too_short) == (24, 4, 0, 0)
    assert figures.auc_low is None, "four people allow no interval"
    assert "4 people" in figures.interval_reason
    assert figures.list_sha256 == pairs.sha256
    assert 0 <= figures.eer <= 1
    assert abs(figures.eer - figures.eer_nearest) < 0.05


def test_absent_and_short_videos_and_damaged_frames_are_counted(tree: Path, tmp_path: Path) -> None:
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    for name in pairs.samples:
        np.save(tmp_path / f"{name}.npy", np.load(LandmarkFiles(tree)[name]))
    names = sorted(pairs.samples)
    (tmp_path / f"{names[0]}.npy").unlink()
    np.save(tmp_path / f"{names[1]}.npy", np.load(tmp_path / f"{names[1]}.npy")[:69])
    points = np.load(tmp_path / f"{names[2]}.npy")
    points[3] = np.nan
    np.save(tmp_path / f"{names[2]}.npy", points)
    figures = evaluate_list(LandmarkFiles(tmp_path), pairs, untrained())
    # Each of 24 videos is in 23 pairs; the pair of the two is counted once, as without a file.
    assert (figures.without_file, figures.too_short, figures.dropped_frames) == (23, 22, 1)
    assert (figures.genuine + figures.impostor, figures.videos) == (276 - 45, 22)


def test_scores_of_the_published_code(shared: Path) -> None:
    golden = np.load(shared / "methods" / "avaprint_graph_golden.npz")
    network = golden_network(golden)
    method = Checkpoint("golden", network, Declaration.unknown(), None, network.describe_input(), {}, {})
    points = [golden[f"sequence{number}_float16"].astype(np.float32) for number in range(4)]
    protocol = load_protocol("avaprintdb-seen")
    embeddings = embed_sequences(method, zip("abcd", points, strict=True), protocol.time)
    assert np.diff(embeddings.offsets).tolist() == golden["windows_of_sequences"].tolist()
    scorer = Scorer(embeddings, protocol.scoring)
    rows = scorer.rows
    for (first, second, _), expected in zip(golden["pairs"], golden["pair_scores_mean"], strict=True):
        of = embeddings.offsets
        score = (rows[of[first] : of[first + 1]] @ rows[of[second] : of[second + 1]].T).mean()
        assert score == pytest.approx(float(expected), abs=1e-5)


def test_listed_trials_are_the_lists_rows_and_no_others(tree: Path) -> None:
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    few = replace(pairs, enrolment=pairs.enrolment[:5], test=pairs.test[:5], genuine=pairs.genuine[:5])
    stems = sorted(pairs.samples)
    rows = [(stems[a], stems[b], kind == "genuine") for block in listed_trials(few, stems) for kind in
            ("genuine", "impostor") for a, b in getattr(block, kind)]  # fmt: skip
    assert sorted(rows) == sorted(zip(few.enrolment, few.test, few.genuine.tolist(), strict=True))


def test_what_a_method_has_seen_decides_relation_and_refusal(tree: Path) -> None:
    files, pairs = LandmarkFiles(tree), read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    relations = {
        ("cremad:1001", "gagavatar"): ("matched", 87.8),
        ("cremad:1001", "liveportrait"): ("cross-generator", 76.5),
        ("ravdess:03", "gagavatar"): ("cross-dataset", 83.5),
        ("ravdess:03", "liveportrait"): ("cross-both", None),
    }
    for (person, generator), expected in relations.items():
        exposure = RoleExposure.from_videos([person], [person], [generator])
        assert relation_of(System.of(files, untrained(training=exposure)), pairs) == expected
    assert relation_of(System.of(files, untrained()), pairs) == ("unknown", None)
    seen = RoleExposure.from_videos(["cremad:1003"], ["cremad:1003"], ["GAGA"])
    for role, method in (("training", untrained(training=seen)), ("selection", untrained(selection=seen))):
        with pytest.raises(NvfairError, match=rf"has seen people of the list \({role}: cremad:1003\)"):
            evaluate_list(files, pairs, method)


def test_published_cells_are_those_of_the_notes(shared: Path) -> None:
    text = (shared / "methods" / "README.md").read_text(encoding="utf-8")
    labels = {"GAGA": "gagavatar", "LIVE": "liveportrait", "HUNY": "hunyuanportrait"}
    generators = tuple(labels)

    def check(cells: list[str], *places: tuple[str, str, str, str]) -> None:
        for cell, (trained, first, tested, second) in zip(cells, places, strict=True):
            place = (trained, labels[first], tested, labels[second])
            values = dict(zip(("graph", "dino", "clip", "fusion"), map(float, cell.split("/")), strict=True))
            assert {system: PUBLISHED_AUC[system][place] for system in values} == values, place

    def row(head: str) -> list[str]:
        return next(line for line in text.splitlines() if line.startswith(f"| {head} |")).split("|")[2:-1]

    for collection, label in (("cremad", "CREMA-D"), ("ravdess", "RAVDESS")):
        check(row(label), *((collection, name, collection, name) for name in generators))
    for first in generators:
        for second in {*generators} - {first}:
            check(row(f"{first} -> {second}"), *((name, first, name, second) for name in ("cremad", "ravdess")))
    sentence = next(line for line in text.splitlines() if line.startswith("Trained on CREMA-D, tested on RAVDESS"))
    for part, (first, second) in zip(sentence.split(". "), (("cremad", "ravdess"), ("ravdess", "cremad")), strict=True):
        check(
            part.partition(": ")[2].strip(".").split(", "),
            *((first, name, second, name) for name in generators),
        )
    assert sum(len(cells) for cells in PUBLISHED_AUC.values()) == 4 * 24


def test_lists_without_files_and_other_networks_are_refused(tree: Path, tmp_path: Path) -> None:
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    np.save(tmp_path / f"{stem('C1001', 'C1001', 0, 'GAGA')}.npy", landmarks("C1001", 0, 80))
    with pytest.raises(NvfairError, match=r"276 rows: 0 genuine trials and 0 impostor trials; .* without a file: 276"):
        evaluate_list(LandmarkFiles(tmp_path), pairs, untrained())
    with pytest.raises(NvfairError, match="trained on windows of 71 frames"):
        evaluate_list(LandmarkFiles(tree), pairs, replace(untrained(), protocol=load_protocol("nvfair-seen")))


def test_the_six_published_networks_are_known_by_their_names(shared: Path, tree: Path) -> None:
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    folder = shared / "models" / "avaprintdb_graph"
    cells = {
        path.stem: relation_of(System.of(LandmarkFiles(tree), import_published(path, Declaration.unknown())), pairs)
        for path in sorted(folder.glob("*.pt"))
    }
    assert sorted(cells.values(), key=str) == sorted(
        [("matched", 87.8), ("cross-generator", 84.8), ("cross-generator", 76.5), ("cross-dataset", 83.5)]
        + [("cross-both", None)] * 2,
        key=str,
    )


def published_attention_file(path: Path, **changes: object) -> Path:
    torch.manual_seed(2)
    weights: dict[str, object] = dict(AttentionNetwork(AttentionShape(768)).state_dict()) | changes
    torch.save({"epoch": 3, "model_state_dict": {k: v for k, v in weights.items() if v is not None}}, path)
    return path


def test_attention_networks_are_scored_from_feature_files(tree: Path, tmp_path: Path) -> None:
    pairs = read_pair_list(tree / "evaluation_pairs_CREMA-D_GAGA.csv")
    rng = np.random.default_rng(0)
    (tmp_path / "features").mkdir()
    for name in pairs.samples:
        torch.save(
            torch.from_numpy(rng.standard_normal((75, 768)).astype(np.float16)), tmp_path / f"features/{name}.pt"
        )
    bad = torch.ones(60, 768)
    bad[4, 5] = float("nan")
    short = sorted(pairs.samples)[0]
    torch.save(bad, tmp_path / "features" / f"{short}.pt")  # 59 frames are left
    path = published_attention_file(tmp_path / "clip_RAVDESS_GAGAvatar_best.pt")
    out = tmp_path / "figures.json"
    words = ["avaprintdb", "evaluate", str(tmp_path / "features"), "--features", "clip", "--checkpoint", str(path)]
    words += ["--list", str(tree / "evaluation_pairs_CREMA-D_GAGA.csv"), "--out", str(out)]
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert "[cross-dataset]" in result.output
    assert "clip_RAVDESS_GAGAvatar_best does not declare whom its training, selection, thresholds" in result.output
    (figures,) = json.loads(out.read_text())
    assert figures["undeclared"] == ["training", "selection", "thresholds", "cohorts"]
    assert (figures["published"], figures["too_short"], figures["dropped_frames"]) == (79.4, 23, 1)
    method = import_published_attention(path, "clip")
    first, second = pairs.enrolment[30], pairs.test[30]
    assert short not in (first, second)
    files = FeatureFiles(tmp_path / "features", "clip")
    points = [files.read(name).points for name in (first, second)]
    embeddings = embed_sequences(method, zip([first, second], points, strict=True), list_protocol(method).time)
    assert np.diff(embeddings.offsets).tolist() == [1, 1], "windows of 60"
    with torch.inference_mode():
        expected = method.network.attend(torch.from_numpy(np.stack(points)[:, :60])).embedding.numpy()
    expected /= np.linalg.norm(expected, axis=1, keepdims=True)
    np.testing.assert_allclose(embeddings.window_embeddings, expected, atol=1e-6)
    with pytest.raises(NvfairError, match="reads clip features"):
        evaluate_list(LandmarkFiles(tree), pairs, method)
    with pytest.raises(NvfairError, match=r"holds \.pt files"):
        evaluate_list(files, pairs, untrained())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"projection.0.bias": None}, "projection.0.bias is missing"),
        ({"extra": torch.zeros(1)}, "extra is not expected"),
        ({"projection.3.bias": torch.zeros(3)}, r"projection.3.bias is torch.float32 \(3,\), expected"),
        ({"projection.3.bias": torch.full((16,), float("inf"))}, "not finite"),
        ({"projection.3.bias": "text"}, "is no tensor"),
    ],
)
def test_other_attention_files_and_features_are_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(Problems, match=words):
        import_published_attention(published_attention_file(tmp_path / "a.pt", **changes), "clip")
    with pytest.raises(Problems, match="dino features"):
        import_published_attention(published_attention_file(tmp_path / "b.pt"), "dino")
    name = stem("C1001", "C1001", 0, "GAGA")
    for content, text in (
        (torch.zeros(9, 1024), r"\(9, 1024\)"),
        ([1], "no tensor"),
        (torch.zeros(9, 768).int(), "int32"),
    ):
        torch.save(content, tmp_path / f"{name}.pt")
        for other in ("a.pt", "b.pt"):
            (tmp_path / other).unlink(missing_ok=True)
        with pytest.raises(NvfairError, match=text):
            FeatureFiles(tmp_path, "clip").read(name)
    with pytest.raises(NvfairError, match="'vit' are unknown"):
        FeatureFiles(tmp_path, "vit")


def test_a_published_files_name_states_what_it_was_trained_on() -> None:
    assert training_by_file_name("checkpoint_graph_trained_cremad_liveportrait.pt") == ("cremad", "liveportrait")
    assert training_by_file_name("CLIP_CREMA-D_HUNY.pt") == ("cremad", "hunyuanportrait")
    assert training_by_file_name("checkpoint_best.pt") is None
