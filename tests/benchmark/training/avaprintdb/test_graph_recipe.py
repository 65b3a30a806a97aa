"""The graph network's recipe is that of the published checkpoints, and a training by it does what it says."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.methods.avaprintdb.graph_network import GraphNetwork, GraphShape
from benchmark.methods.avaprintdb.published_graph import read_published
from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, load_checkpoint
from benchmark.training.avaprintdb.dev_videos import DevVideos, check_validation_people
from benchmark.training.avaprintdb.graph_recipe import GraphRecipe, train_graph
from benchmark.training.avaprintdb.triplets import draw_epoch, triplet_loss
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, LandmarkFiles
from tests.benchmark.avaprintdb_tree import DEV, landmarks, stem, write_tree

SMALL = GraphRecipe(window=8, batch=16, epochs=3, hidden=6, embedding=8)


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("avaprintdb")
    write_tree(root, ("GAGA", "LIVE"), frames=12)
    return root


def test_the_default_is_what_was_run_and_not_the_scripts_defaults() -> None:
    recipe = GraphRecipe()
    assert (recipe.window, recipe.batch, recipe.margin, recipe.dropout) == (70, 512, 0.1, 0.3)
    assert (recipe.learning_rate, recipe.weight_decay) == (0.01, 1e-5)
    assert (recipe.epochs, recipe.patience, recipe.hidden, recipe.embedding) == (300, 20, 64, 256)
    assert [recipe.rate(epoch) for epoch in (0, 99, 100, 299)] == [0.01, 0.01, 0.001, 0.001]
    assert GraphNetwork.recommended["margin"] == recipe.margin
    with pytest.raises(NvfairError, match="margin is 0"):
        GraphRecipe(margin=0)
    with pytest.raises(NvfairError, match="batch is 0"):
        GraphRecipe(batch=0)


@pytest.mark.parametrize("name", ["cremad_gagavatar", "cremad_hunyuan", "cremad_liveportrait", "ravdess_gagavatar"])
def test_the_published_files_agree_with_the_default(shared: Path, name: str) -> None:
    path = shared / "models" / "avaprintdb_graph" / f"checkpoint_graph_trained_{name}.pt"
    content = torch.load(path, map_location="cpu", weights_only=True)
    group = content["optimizer_state_dict"]["param_groups"][0]
    recipe = GraphRecipe()
    assert (group["initial_lr"], group["weight_decay"]) == (recipe.learning_rate, recipe.weight_decay)
    assert group["lr"] == pytest.approx(recipe.rate(content["epoch"]))
    assert content["train_loss"] < recipe.margin
    assert content["val_loss"] == float("inf"), "nobody was held out to select on"


def test_loss_and_gradients_are_the_published_codes(shared: Path) -> None:
    golden = np.load(shared / "methods" / "avaprint_graph_golden.npz")
    network = golden_network(golden)
    windows = torch.from_numpy(golden["triplet_windows_float16"].astype(np.float32))
    anchor, positive, negative = network(windows)[0][:, :, 0].chunk(3)
    for margin in (0.1, 1.0):
        loss = triplet_loss(anchor, positive, negative, margin)
        assert float(loss.detach()) == pytest.approx(float(golden[f"triplet_loss_margin_{margin}"]), abs=1e-5)
    loss.backward()
    for name, ours in (("query", network.query), ("gcn1_weight", next(network.projections.parameters()))):
        expected = golden[f"triplet_margin1_grad_{name}"]
        assert ours.grad is not None
        np.testing.assert_allclose(ours.grad.numpy(), expected, rtol=0, atol=5e-3 * np.abs(expected).max())


def golden_network(golden: np.lib.npyio.NpzFile) -> GraphNetwork:
    """The network of the golden file, whose weights follow from their names alone."""
    import zlib

    edges = golden["edges"].astype(np.int64)
    network = GraphNetwork(GraphShape(edges=2 * len(edges))).eval()
    scales = {"bias": 0.1, "gcn1": (2 / 3) ** 0.5, "gcn2": (2 / 64) ** 0.5, "gcn3": (2 / 64) ** 0.5, "query": 1.0}

    def filled(name: str, scale: float, shape: torch.Size) -> torch.Tensor:
        random = np.random.RandomState(zlib.crc32(f"avaprint_graph.{name}".encode())).standard_normal(tuple(shape))
        return torch.from_numpy((scale * random).astype(np.float32))

    weights = {"edges": torch.from_numpy(np.concatenate([edges, edges[:, ::-1]]).T.copy())}
    for layer in range(3):
        gcn = f"gcn{layer + 1}"
        weight, bias = list(network.projections.parameters())[layer], network.biases[layer]
        weights[f"projections.{layer}.weight"] = filled(f"{gcn}.lin.weight", scales[gcn], weight.shape)
        weights[f"biases.{layer}"] = filled(f"{gcn}.bias", scales["bias"], bias.shape)
    weights["query"] = filled("temporal_pool.query", 1.0, network.query.shape)
    network.load_state_dict(weights)
    return network


def test_the_network_gives_the_golden_embeddings_and_adjacency(shared: Path) -> None:
    golden = np.load(shared / "methods" / "avaprint_graph_golden.npz")
    network = golden_network(golden)
    with torch.inference_mode():
        result = network(torch.from_numpy(golden["windows"]))[0][:, :, 0]
    np.testing.assert_allclose(result.numpy(), golden["embedding"], rtol=0, atol=2e-6)
    np.testing.assert_allclose(network.graph().numpy(), golden["normalised_adjacency"], rtol=0, atol=1e-6)


def test_a_triplet_loss_by_hand() -> None:
    anchor, near, far = torch.tensor([[0.0, 0.0]] * 2), torch.tensor([[3.0, 4.0]] * 2), torch.tensor([[0.0, 5.05]] * 2)
    # 5 - 5.05 + 0.1 in both rows; the epsilon of each coordinate moves it by less than 1e-5.
    assert float(triplet_loss(anchor, near, far, 0.1)) == pytest.approx(0.05, abs=1e-5)
    assert float(triplet_loss(anchor, near, far, 0.01)) == 0


def test_dropout_follows_each_of_the_three_convolutions() -> None:
    """With biases alone, what a layer leaves out shows in its output; without dropout nothing is random."""
    torch.manual_seed(0)
    points = torch.randn(1, 4, 109, 3)
    plain = GraphNetwork(GraphShape(6, 8, dropout=0.0)).train()
    torch.testing.assert_close(plain(points)[0], plain.eval()(points)[0])
    network = GraphNetwork(GraphShape(6, 8, dropout=0.5)).train()
    assert not torch.equal(network(points)[0], network(points)[0])
    assert torch.equal(network.eval()(points)[0], network(points)[0])
    calls = []
    original = torch.nn.functional.dropout

    def counted(values: torch.Tensor, p: float, training: bool) -> torch.Tensor:
        calls.append((tuple(values.shape), p, training))
        return original(values, p, training)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.nn.functional, "dropout", counted)
        network.train()(points)
    assert calls == [((1, 4, 109, width), 0.5, True) for width in (6, 6, 8)], "before the mean over points"
    with pytest.raises(NvfairError, match="dropout of the graph network is 1"):
        GraphShape(dropout=1.0)


def test_training_reads_dev_people_of_one_generator_and_leaves_short_videos_out(tree: Path, tmp_path: Path) -> None:
    files = LandmarkFiles(tree)
    videos = DevVideos.read(files, "cremad", "GAGA", 12)
    assert len(videos.names) == 24
    assert videos.people.people == {f"cremad:{name[1:]}" for name in DEV}
    assert not videos.people.people & TEST_PEOPLE["cremad"]
    (tmp_path / "short").mkdir()
    short = stem("C1006", "C1006", 0, "HUNY")
    np.save(tmp_path / f"{short}.npy", landmarks("C1006", 0, 11))
    read = DevVideos.read(LandmarkFiles(tmp_path), "cremad", "HUNY", 12)
    assert (len(read.names), read.short) == (0, 1)
    with pytest.raises(NvfairError, match=r"by HUNY(.|\n)*GAGA, LIVE"):
        DevVideos.read(files, "cremad", "HUNY", 12)
    with pytest.raises(NvfairError, match="'grid' is unknown"):
        DevVideos.read(files, "grid", "GAGA", 12)


def test_an_epoch_has_every_video_as_anchor_and_draws_other_drivers_evenly(tree: Path) -> None:
    videos = DevVideos.read(LandmarkFiles(tree), "cremad", "GAGA", 8)
    counts: dict[str, int] = {}
    for epoch in range(40):
        anchors, positives, negatives = draw_epoch(videos, np.random.default_rng(epoch))
        assert sorted(anchors) == list(range(24))
        for anchor, positive, negative in zip(anchors, positives, negatives, strict=True):
            drivers = [videos.names[number].driver for number in (anchor, positive, negative)]
            assert anchor != positive
            assert drivers[0] == drivers[1] != drivers[2]
            counts[drivers[2]] = counts.get(drivers[2], 0) + 1
    # 960 negatives over four drivers: 240 each, with a standard deviation of 13.4.
    assert sorted(counts) == sorted(videos.people.drivers or ())
    assert max(abs(count - 240) for count in counts.values()) < 67


def test_a_training_repeats_itself_goes_on_where_it_stopped_and_declares_no_selection(
    tree: Path, tmp_path: Path
) -> None:
    whole = train_graph(tree, tmp_path / "whole", "cremad", "GAGA", SMALL, name="same")

    class Stop(Exception):
        pass

    def stop(done: int, total: int, text: str) -> None:
        assert (total, text.startswith("training loss 0." if done else "read 0 of 24 files")) == (3, True)
        if done == 2:
            raise Stop

    with pytest.raises(Stop):
        train_graph(tree, tmp_path / "cut", "cremad", "GAGA", SMALL, name="same", progress=stop)
    train_graph(tree, tmp_path / "cut", "cremad", "GAGA", SMALL, name="same")
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "whole" / file).read_bytes() == (tmp_path / "cut" / file).read_bytes()
    record = json.loads((tmp_path / "whole" / RECORD_FILE).read_text())
    assert record["selection"]["metric"] == "training loss on all DEV people, nobody held out"
    assert (record["options"]["margin"], record["options"]["videos"]) == (0.1, 24)
    loaded = load_checkpoint(tmp_path / "whole")
    assert loaded.declaration.training.generators == {"gagavatar"}, "the name in an imported data set"
    assert loaded.declaration.selection.people == frozenset()
    assert loaded.declaration.held_out == TEST_PEOPLE["cremad"]
    points = torch.randn(2, 8, 109, 3)
    torch.testing.assert_close(loaded.network.eval()(points)[0], whole.network(points)[0], rtol=0, atol=0)
    with pytest.raises(NvfairError, match="other options or other data"):
        train_graph(tree, tmp_path / "cut", "cremad", "LIVE", SMALL, name="same")


def test_the_loss_falls_and_the_best_epoch_is_that_of_the_lowest_loss(tree: Path, tmp_path: Path) -> None:
    out = train_graph(tree, tmp_path / "run", "cremad", "GAGA", replace(SMALL, epochs=25, patience=4))
    rows = [line.split(",") for line in (tmp_path / "run" / "log.csv").read_text().splitlines()[1:]]
    losses = [float(row[2]) for row in rows]
    assert min(losses) < losses[0] / 2
    best = int(np.argmin(losses)) + 1
    assert (out.selection["step"], out.selection["steps_run"]) == (best, len(losses))
    assert len(losses) == 25 or len(losses) - best == 4, "patience"


def test_the_authors_ravdess_validation_list_is_refused_as_it_holds_a_test_person() -> None:
    with pytest.raises(NvfairError, match=r"ravdess:19 among the validation people: TEST(.|\n)*DEV people only"):
        check_validation_people(frozenset({"ravdess:03", "ravdess:13", "ravdess:19", "ravdess:23"}))
    check_validation_people(frozenset({"ravdess:03", "ravdess:13", "ravdess:23"}))


def test_a_changed_recipe_is_not_called_theirs_and_single_drivers_are_refused(tmp_path: Path) -> None:
    assert GraphRecipe(seed=3).label == "avaprintdb-graph"
    assert GraphRecipe(epochs=2).label == "avaprintdb-graph, changed"
    for clip in range(2):
        np.save(tmp_path / f"{stem('C1006', 'C1006', clip, 'GAGA')}.npy", landmarks("C1006", clip, 9))
    with pytest.raises(NvfairError, match="1 driver; with two videos: 1"):
        train_graph(tmp_path, tmp_path / "b", "cremad", "GAGA", SMALL)


def test_named_validation_people_leave_the_training_and_choose_the_epoch(tree: Path, tmp_path: Path) -> None:
    people = ["cremad:1001", "cremad:1002"]
    out = train_graph(tree, tmp_path / "run", "cremad", "GAGA", SMALL, validation_people=people)
    assert out.declaration.training.people == {"cremad:1006", "cremad:1008"}
    assert out.declaration.selection.people == set(people)
    assert out.selection["metric"] == "loss on validation people"
    assert 0 <= out.selection["validation_loss"] < 2
    # A face's neighbours in the tree: 1006 drives 1008, 1002 drives 1006 (left out), 1008 drives 1001 (left out).
    assert out.options["videos"] == 3 * 3
    with pytest.raises(NvfairError, match=r"cremad:1003 among the validation people: TEST"):
        train_graph(tree, tmp_path / "b", "cremad", "GAGA", SMALL, validation_people=["cremad:1003"])
    with pytest.raises(NvfairError, match=r"no video among the validation people alone has cremad:1090x"):
        train_graph(tree, tmp_path / "c", "cremad", "GAGA", SMALL, validation_people=[*people, "cremad:1090x"])


def test_the_graph_may_take_a_published_files_edges(shared: Path, tree: Path, tmp_path: Path) -> None:
    path = shared / "models" / "avaprintdb_graph" / "checkpoint_graph_trained_cremad_hunyuan.pt"
    out = train_graph(tree, tmp_path / "run", "cremad", "GAGA", replace(SMALL, epochs=1), edges_of=path)
    assert torch.equal(out.network.state_dict()["edges"], read_published(path)[0].edges)
    assert out.options["edges"].startswith("of checkpoint_graph_trained_cremad_hunyuan.pt, sha256 ")
    loaded = load_checkpoint(tmp_path / "run").network
    assert torch.equal(loaded.state_dict()["edges"], read_published(path)[0].edges)
