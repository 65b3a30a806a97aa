"""The published graph networks, bit for bit what their authors' code gives, and one trained here."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from click.testing import CliRunner

from benchmark.evaluation.run import evaluate
from benchmark.methods.avaprintdb.graph_network import POINTS, GraphNetwork, GraphShape, face_edges
from benchmark.methods.avaprintdb.published_graph import import_published, read_published
from benchmark.methods.candidates import as_candidate
from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, Checkpoint, load_checkpoint
from benchmark.methods.declaration import Declaration
from benchmark.methods.network import embed_windows
from benchmark.methods.train_options import LossOptions, TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.report import write_report_folder
from benchmark.training.loop import train
from benchmark.training.metric_losses import metric_loss
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import read_windows
from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.landmarks.avaprintdb import AVAPRINTDB_109, avaprintdb_input
from tests.benchmark.small_world import World, make

PROTOCOL = Protocol(name="test", time={"window": 71, "stride": 20})
PUBLISHED = [f"{data}_{made}" for data in ("cremad", "ravdess") for made in ("gagavatar", "hunyuan", "liveportrait")]
OPTIONS = TrainOptions(
    generators=("alpha",),
    method="graph-network",
    sizes={"hidden": 8, "embedding": 16},
    windows=192,
    batch=16,
    drivers=3,
    optimiser="adam",
    schedule="drop",
    learning_rate=0.01,
    weight_decay=1e-5,
    warm_up=0.0,
    validate_every=64,
    loss=LossOptions(kind="triplet", negatives="any"),
)


@pytest.fixture(scope="module")
def meshes(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("meshes"), World(mesh=True, generators=("alpha",)))


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_networks_give_their_authors_embeddings(shared: Path, name: str) -> None:
    folder = shared / "models" / "avaprintdb_graph"
    golden = np.load(folder / "golden.npz")
    network, training = read_published(folder / f"checkpoint_graph_trained_{name}.pt")
    with torch.inference_mode():
        result, none = network(torch.from_numpy(golden["windows"]))
    assert none is None
    np.testing.assert_allclose(result[:, :, 0], golden[f"checkpoint_graph_trained_{name}"], rtol=0, atol=1e-6)
    assert training["published_initial_lr"] == GraphNetwork.recommended["learning_rate"]
    assert training["published_weight_decay"] == GraphNetwork.recommended["weight_decay"]


def test_most_published_edges_are_those_of_our_triangulation(shared: Path) -> None:
    network, _ = read_published(shared / "models/avaprintdb_graph/checkpoint_graph_trained_cremad_hunyuan.pt")
    theirs, ours = ({tuple(edge) for edge in edges.T.tolist()} for edges in (network.edges, face_edges()))
    assert (len(theirs), len(ours), len(theirs & ours)) == (612, 612, 572)


def test_a_graph_convolution_is_the_formula() -> None:
    """Kipf and Welling's normalisation, point by point in plain loops; the mean first changes nothing."""
    torch.manual_seed(0)
    network = GraphNetwork(GraphShape(4, 6)).eval()
    points = torch.randn(2, 5, POINTS, 3)
    near = {n: {n} for n in range(POINTS)}
    for a, b in network.edges.T.tolist():
        near[b].add(a)
    hidden = points.double()
    for number in range(3):
        mixed = hidden @ network.projections[number].weight.T.double()
        out = torch.zeros_like(mixed)
        for n in range(POINTS):
            for m in near[n]:
                out[:, :, n] += mixed[:, :, m] / (len(near[n]) * len(near[m])) ** 0.5
        hidden = out + network.biases[number]
        hidden = hidden.relu() if number < 2 else hidden
    frames = hidden.mean(dim=2)
    weight = torch.exp(frames @ network.query.double())
    expected = (weight[..., None] * frames).sum(1) / weight.sum(1)[:, None]
    expected = expected / expected.norm(dim=1, keepdim=True)
    torch.testing.assert_close(network(points)[0][:, :, 0].double(), expected, atol=1e-5, rtol=1e-4)


def test_every_edge_goes_both_ways_and_every_point_has_one() -> None:
    edges = {tuple(edge) for edge in face_edges().T.tolist()}
    assert all((b, a) in edges for a, b in edges)
    assert {a for a, _ in edges} == set(range(POINTS))


def published_file(path: Path, **changes: object) -> Path:
    torch.manual_seed(1)
    weights: dict[str, object] = {
        "base_edge_index": face_edges(),
        "gcn1.lin.weight": torch.randn(64, 3),
        "gcn1.bias": torch.randn(64),
        "gcn2.lin.weight": torch.randn(64, 64),
        "gcn2.bias": torch.randn(64),
        "gcn3.lin.weight": torch.randn(256, 64),
        "gcn3.bias": torch.randn(256),
        "temporal_pool.query": torch.randn(256),
    } | changes
    stored = {name: value for name, value in weights.items() if value is not None}
    torch.save({"epoch": 3, "model_state_dict": stored, "train_loss": 0.5, "val_loss": float("inf")}, path)
    return path


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gcn1.bias": None}, "gcn1.bias is missing"),
        ({"gcn4.bias": torch.zeros(3)}, "gcn4.bias is not expected"),
        ({"gcn2.lin.weight": torch.zeros(64, 3)}, r"gcn2.lin.weight is torch.float32 \(64, 3\), expected"),
        ({"gcn3.bias": torch.full((256,), float("nan"))}, "gcn3.bias holds numbers that are not finite"),
        ({"base_edge_index": torch.tensor([[0], [109]])}, "outside 0..108"),
        ({"temporal_pool.query": 3}, "temporal_pool.query is no tensor"),
    ],
)
def test_files_that_are_not_quite_published_networks_are_refused(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(Problems, match=words):
        read_published(published_file(tmp_path / "other.pt", **changes))


def test_files_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "text.pt").write_text("not a network")
    torch.save(torch.zeros(3), tmp_path / "tensor.pt")
    torch.save({"model_state_dict": Path()}, tmp_path / "code.pt")  # would have to be executed to be read
    (tmp_path / "empty.pt").touch()
    (tmp_path / "lfs.pt").write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    (tmp_path / "page.pt").write_text("<!DOCTYPE html>")
    whole = published_file(tmp_path / "whole.pt").read_bytes()
    (tmp_path / "cut.pt").write_bytes(whole[: len(whole) // 2])
    for name, words in (("empty", "empty"), ("lfs", "Git LFS"), ("page", "web page"), ("cut", "damaged|a zip file")):
        with pytest.raises(NvfairError, match=words) as caught:
            read_published(tmp_path / f"{name}.pt")
        assert "weights_only" not in str(caught.value), "nobody is advised to run the code in it"
    for name, words in (("text", "not a PyTorch file"), ("tensor", "no model_state_dict"), ("code", "without running")):
        with pytest.raises(NvfairError, match=words):
            read_published(tmp_path / f"{name}.pt")
    with pytest.raises(NvfairError, match="no such file"):
        read_published(tmp_path / "none.pt")


def test_an_imported_checkpoint_is_evaluated_as_what_it_declares(meshes: Dataset, tmp_path: Path) -> None:
    file = published_file(tmp_path / "published.pt")
    (tmp_path / "declared.yaml").write_text("training: {people: [other:1], generators: [gagavatar]}\n")
    runner = CliRunner()
    words = ["import-checkpoint", str(file)]
    text = runner.invoke(cli, [*words, str(tmp_path / "unknown")], catch_exceptions=False)
    assert "unknown: training, selection, thresholds, cohorts" in text.output
    declared = ["--declaration", str(tmp_path / "declared.yaml"), "--name", "theirs"]
    text = runner.invoke(cli, [*words, str(tmp_path / "declared"), *declared], catch_exceptions=False)
    assert "unknown: selection, thresholds, cohorts" in text.output
    loaded = load_checkpoint(tmp_path / "declared")
    assert loaded.declaration.training.people == {"other:1"}
    assert loaded.time is None
    again = runner.invoke(cli, [*words, str(tmp_path / "declared")])
    assert isinstance(again.exception, NvfairError)
    people = Protocol(name="test", time={"window": 70, "stride": 20}, generators={"relation": "unseen"})
    results = evaluate(meshes, [as_candidate(tmp_path / name) for name in ("unknown", "declared")], [people])
    relations = {cell.method: cell.relation for cell in results.cells}
    assert relations == {"published": "unknown", "theirs": "unknown"}
    write_report_folder(tmp_path / "report", results)
    page = (tmp_path / "report" / "index.html").read_text()
    assert "at step unknown; budget unknown, seed unknown" in page


def test_one_window_at_a_time_or_all_at_once_are_the_same(meshes: Dataset, tmp_path: Path) -> None:
    checkpoint = import_published(published_file(tmp_path / "p.pt"), Declaration.unknown())
    ids = sorted(meshes.videos["video"])[:5]
    windows = read_windows(meshes, PROTOCOL, videos=ids, mesh=True)
    at_once = checkpoint.embed_all(windows)
    assert np.isfinite(at_once).all()
    np.testing.assert_allclose(np.linalg.norm(at_once, axis=1), 1, atol=1e-5)
    rows = windows.rows(np.array([3, 7]))
    batch = WindowBatch(windows.landmarks[rows], 30.0, windows.sizes[windows.video[[3, 7]]], mesh=windows.mesh[rows])
    np.testing.assert_allclose(checkpoint.embed(batch), at_once[[3, 7]], atol=1e-5)
    some = read_windows(meshes, PROTOCOL, videos=ids, mesh=checkpoint.network.mesh_points())
    np.testing.assert_array_equal(checkpoint.embed_all(some), at_once)


def test_its_input_is_that_of_the_published_networks(meshes: Dataset) -> None:
    windows = read_windows(meshes, PROTOCOL, videos=sorted(meshes.videos["video"])[:2], mesh=True)
    points = GraphNetwork(GraphShape(4, 6)).frame_points(windows)
    np.testing.assert_array_equal(points, avaprintdb_input(windows.mesh, (480, 360)))
    assert points.shape[1:] == (len(AVAPRINTDB_109), 3)
    with pytest.raises(NvfairError, match="width and height"):
        GraphNetwork(GraphShape(4, 6)).frame_points(replace(windows, videos=windows.videos.assign(width=None)))


def trained(data: Dataset, out: Path, **changes: object) -> Checkpoint:
    return train(data, out, replace(OPTIONS, **changes), PROTOCOL, name="same")


def test_it_trains_repeats_itself_and_comes_back_from_its_checkpoint(meshes: Dataset, tmp_path: Path) -> None:
    checkpoint = trained(meshes, tmp_path / "a")
    trained(meshes, tmp_path / "b")
    for file in (RECORD_FILE, WEIGHTS_FILE):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    loaded = load_checkpoint(tmp_path / "a")
    assert isinstance(loaded.network, GraphNetwork)
    assert loaded.needs == "mesh"
    windows = read_windows(meshes, PROTOCOL, videos=sorted(meshes.videos["video"])[:3], mesh=True)
    expected = embed_windows(checkpoint.network, windows)
    np.testing.assert_array_equal(loaded.embed_all(windows), expected)
    split = meshes.identities.groupby("split")["identity"].apply(set)
    assert loaded.declaration.training.people == split["train"]
    assert loaded.declaration.selection.people == split["validation"]
    assert loaded.declaration.held_out == split["test"]


def test_it_learns_who_poses_differently() -> None:
    """Eight windows of two drivers whose faces are held differently, driven apart by their own loss in 30 steps."""
    torch.manual_seed(3)
    network = GraphNetwork(GraphShape(8, 16))
    pose = torch.randn(2, 1, POINTS, 3)
    driver = np.repeat([0, 1], 4)
    points = 0.5 * pose[driver] + torch.randn(8, 5, POINTS, 3)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.01)
    losses = []
    for step in range(30):
        loss = metric_loss(
            network(points)[0], driver, np.zeros(8, int), np.arange(8), OPTIONS.loss, np.random.default_rng(step)
        )
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[0] > 0.8
    with torch.inference_mode():  # nothing is dropped any more
        embeddings = network.eval()(points)[0]
    loss = metric_loss(embeddings, driver, np.zeros(8, int), np.arange(8), OPTIONS.loss, np.random.default_rng(0))
    assert float(loss) < 0.1


def test_data_without_the_mesh_and_unknown_sizes_are_refused(small: Dataset, meshes: Dataset, tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="did not keep the mesh"):
        trained(small, tmp_path / "plain")
    with pytest.raises(NvfairError, match=r"no size called widht(.|\n)*hidden, embedding"):
        trained(meshes, tmp_path / "sizes", sizes={"widht": 3})
    with pytest.raises(NvfairError, match=r"'gru' is unknown(.|\n)*temporal-cnn, graph-network"):
        trained(meshes, tmp_path / "method", method="gru")
