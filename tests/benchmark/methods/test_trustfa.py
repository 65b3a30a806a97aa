"""TrustFA's networks: golden stages, embeddings of all variants, one step of training."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
import torch

import benchmark
from benchmark.methods.checkpoint import load_checkpoint
from benchmark.methods.embed import embed_videos
from benchmark.methods.embedding_files import read_embeddings
from benchmark.methods.network import embed_windows, network_class
from benchmark.methods.train_options import Augmentation, LossOptions
from benchmark.methods.trustfa.encoder import FullLengthCorrelation, chosen_by_index, chosen_by_product
from benchmark.methods.trustfa.network import VARIANTS, TrustFa, TrustFaShape, centre_clip, z_scored
from benchmark.protocols.schema import Protocol, Time
from benchmark.training.keyword_options import options_from_keywords
from benchmark.training.loop import train
from benchmark.training.metric_losses import metric_loss
from benchmark.windows.grey_frames import with_grey_frames
from benchmark.windows.window_set import read_windows
from nvfair_tools import media
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.benchmark.small_world import World, make
from tests.generators.published_weights import filled

GOLDEN_NAME = {
    "feature-difference": "feat_diff",
    "picture-difference": "pixel_diff",
    "features": "raw_feat",
    "still": "static",
}


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "methods" / "trustfa_golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def weights(shared: Path) -> dict[str, torch.Tensor]:
    built = {"trustfa": lambda: TrustFa(TrustFaShape())}
    return filled(shared / "methods", "trustfa_manifest.json", built)["trustfa"]


def network_of(weights: dict[str, torch.Tensor], variant: str, dropout: float = 0.3) -> TrustFa:
    network = TrustFa(TrustFaShape(variant=variant, dropout=dropout))
    network.load_state_dict({name: value.clone() for name, value in weights.items()})
    return network.eval()


def embedded(network: TrustFa, clips: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(clips))[0][:, :, 0].numpy()


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_variant_gives_the_golden_embeddings(
    golden: dict[str, np.ndarray], weights: dict[str, torch.Tensor], variant: str
) -> None:
    result = embedded(network_of(weights, variant), golden["clips_uint8"])
    np.testing.assert_allclose(result, golden[f"embedding_{GOLDEN_NAME[variant]}"], rtol=0, atol=5e-5)


def test_every_stage_of_the_encoder_is_the_golden_one(
    golden: dict[str, np.ndarray], weights: dict[str, torch.Tensor]
) -> None:
    network = network_of(weights, "feature-difference")
    clips = z_scored(torch.from_numpy(golden["clips_uint8"]))
    np.testing.assert_allclose(clips[0, 0].numpy(), golden["clip0_frame0_zscored"], rtol=0, atol=1e-5)
    with torch.inference_mode():
        stack = network.conv_stack(clips[0, :2, None])
        correlated = network.fcc(stack)
        neighbours = network.ccc.neighbours(correlated)
        excess = network.ccc(correlated)
        features = network.encode(clips[0, :2])
        difference = network.encode(clips[0, 1:2] - clips[0, 0:1])
    for name, array in {
        "clip0_frames01_conv_stack": stack,
        "clip0_frames01_fcc": correlated,
        "clip0_frames01_ccc": excess,
        "clip0_frames01_feature": features,
        "clip0_pixel_diff0_feature": difference,
    }.items():
        np.testing.assert_allclose(array.numpy(), golden[name], rtol=0, atol=1e-4, err_msg=name)
    expected = np.sort(golden["clip0_frames01_neighbours"], axis=2)
    np.testing.assert_array_equal(np.sort(neighbours.numpy(), axis=2), expected)


def test_the_test_recipe_takes_the_middle_and_repeats_the_last_frame(
    golden: dict[str, np.ndarray], weights: dict[str, torch.Tensor]
) -> None:
    network, clips = network_of(weights, "feature-difference"), golden["clips_uint8"]
    for length in (16, 32):
        cut = np.stack([centre_clip(clip, length) for clip in clips])
        np.testing.assert_allclose(embedded(network, cut), golden[f"embedding_feat_diff_T{length}"], rtol=0, atol=5e-5)
    padded = centre_clip(clips[0, :50], 64)[None]
    expected = golden["embedding_feat_diff_50frames_padded"]
    np.testing.assert_allclose(embedded(network, padded), expected, rtol=0, atol=5e-5)


def test_the_head_is_the_golden_one(golden: dict[str, np.ndarray], weights: dict[str, torch.Tensor]) -> None:
    network = network_of(weights, "feature-difference")
    with torch.inference_mode():
        maps = network.head.net(network.volume(z_scored(torch.from_numpy(golden["clips_uint8"]))))
        pooled = network.head.pooled(maps)
        before_norm = network.head.fc(pooled.flatten(1))
    np.testing.assert_allclose(
        maps[0, :8, :, :, -3:].numpy(), golden["feat_diff_head_conv2_clip0_first8ch_last3t"], rtol=0, atol=1e-4
    )
    np.testing.assert_allclose(pooled.numpy(), golden["feat_diff_head_pooled"], rtol=0, atol=1e-4)
    np.testing.assert_allclose(before_norm.numpy(), golden["feat_diff_fc_before_norm"], rtol=0, atol=1e-4)


LOSS = LossOptions.named("trustfa")


def supcon(embeddings: torch.Tensor, labels: np.ndarray) -> torch.Tensor:
    clips = np.arange(len(labels))
    return metric_loss(embeddings[..., None], labels, clips * 0, clips, LOSS, np.random.default_rng(0))


def test_our_contrastive_loss_is_the_golden_one_but_for_people_with_one_window(golden: dict[str, np.ndarray]) -> None:
    """The published loss counts a window without a positive as a zero in its mean; ours leaves it out (1 of 12)."""
    embeddings = torch.from_numpy(golden["supcon_embeddings"]).requires_grad_()
    loss = supcon(embeddings, golden["supcon_labels"]) * 11 / 12
    loss.backward()
    assert loss.item() == pytest.approx(float(golden["supcon_loss"]), abs=1e-5)
    assert embeddings.grad is not None
    largest = np.abs(golden["supcon_grad"]).max()
    np.testing.assert_allclose(embeddings.grad.numpy(), golden["supcon_grad"], rtol=0, atol=5e-3 * largest)


def test_a_step_of_training_is_the_golden_one(golden: dict[str, np.ndarray], weights: dict[str, torch.Tensor]) -> None:
    network = network_of(weights, "feature-difference", dropout=0.0).train()
    clips = golden["clips_uint8"]
    batch = torch.from_numpy(np.stack([clip[start : start + 6] for clip in clips for start in (0, 20)]))
    embeddings = network(batch)[0][:, :, 0]
    np.testing.assert_allclose(embeddings.detach().numpy(), golden["train_embedding"], rtol=0, atol=5e-5)
    loss = supcon(embeddings, np.array([0, 0, 1, 1]))
    loss.backward()
    assert loss.item() == pytest.approx(float(golden["train_loss"]), abs=1e-4)
    gradients = [weight.grad for weight in network.parameters() if weight.grad is not None]
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    assert float(norm) == pytest.approx(float(golden["train_grad_norm"]), rel=5e-3)
    named, state = dict(network.named_parameters()), network.state_dict()
    assert named["ccc.edge_fc.0.weight"].grad is None
    for weight in ("conv_stack.net.0.weight", "head.fc.3.bias"):
        expected = golden[f"train_grad_{weight.replace('.', '_')}"]
        gradient = named[weight].grad
        assert gradient is not None
        np.testing.assert_allclose(gradient.numpy(), expected, rtol=0, atol=5e-3 * np.abs(expected).max())
    for statistic in ("running_mean_conv_stack_net_1", "running_var_conv_stack_net_1", "running_var_head_net_1"):
        kind, layer = statistic[: statistic.index("_", 8)], statistic[statistic.index("_", 8) + 1 :]
        name = f"{layer.replace('_net_', '.net.').replace('conv.stack', 'conv_stack')}.{kind}"
        np.testing.assert_allclose(state[name].numpy(), golden[f"train_{statistic}"], rtol=0, atol=1e-4)
    assert int(state["conv_stack.net.1.num_batches_tracked"]) == 6


def test_the_size_is_the_published_one() -> None:
    network = TrustFa(TrustFaShape())
    assert sum(weight.numel() for weight in network.parameters()) == 526_808


def test_neighbours_are_chosen_alike_by_index_and_by_product() -> None:
    torch.manual_seed(0)
    nodes, chosen = torch.randn(2, 9, 5, requires_grad=True), torch.randint(9, (2, 9, 4))
    weights = torch.randn(2, 9, 4, 5)
    gradients = []
    for choose in (chosen_by_index, chosen_by_product):
        result = choose(nodes, chosen)
        expected = [[[nodes[n, j].tolist() for j in row] for row in rows] for n, rows in enumerate(chosen.tolist())]
        np.testing.assert_array_equal(result.detach().numpy(), np.array(expected, np.float32))
        gradients.append(torch.autograd.grad((result * weights).sum(), nodes)[0])
    torch.testing.assert_close(gradients[0], gradients[1])


def test_its_recommended_options_are_the_published_recipe() -> None:
    options = options_from_keywords("alpha", method="trustfa")
    assert options.loss.label == "trustfa"
    assert (options.loss.kind, options.loss.temperature, options.loss.negatives) == ("supcon", 0.07, "any")
    assert (options.drivers, options.batch // options.drivers) == (16, 8)
    assert (options.optimiser, options.learning_rate, options.weight_decay) == ("adamw", 1e-3, 1e-4)
    assert (options.schedule, options.clip_gradients) == ("cosine", 1.0)
    assert options.warm_up * 150 == pytest.approx(5)


def test_sizes_and_windows_that_cannot_work_are_refused() -> None:
    with pytest.raises(NvfairError, match=r"variant 'pixels'(.|\n)*picture-difference"):
        network_class("trustfa").from_json({"variant": "pixels"})
    with pytest.raises(NvfairError, match="one frame has no differences"):
        TrustFa(TrustFaShape())(torch.zeros(1, 1, 128, 128, dtype=torch.uint8))
    with pytest.raises(NvfairError, match="at least two"):
        centre_clip(np.zeros((1, 128, 128), np.uint8), 4)


def test_reordered_windows_are_windows_in_another_order() -> None:
    torch.manual_seed(0)
    network = TrustFa(TrustFaShape(embedding=8)).eval()
    window = torch.randint(0, 256, (1, 4, 128, 128), dtype=torch.uint8)
    order = torch.tensor([[2, 0, 3, 1]])
    with torch.inference_mode():
        plain, reordered = network(window, order)
        by_hand, _ = network(window[:, order[0]])
    assert reordered is not None
    torch.testing.assert_close(reordered, by_hand, rtol=0, atol=1e-5)
    assert not torch.allclose(plain, reordered, atol=1e-4)


@pytest.fixture(scope="module")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """A small data set whose videos exist: stripes on each face that move as the driver's number says."""
    folder = tmp_path_factory.mktemp("filmed")
    data = make(folder, World(people=(2, 2, 2), clips=2, frames=12, generators=("alpha",)))
    videos = data.videos.copy()
    columns = np.arange(48)
    for row in videos.to_dict("records"):
        speed, shade = 1 + int(row["driver"][4:]), 20 * int(row["target"][4:])
        stripes = [60 + shade + 60 * (((columns + speed * frame) // 6) % 2) for frame in range(12)]
        frames = [np.broadcast_to(line.astype(np.uint8)[None, :, None], (32, 48, 3)).copy() for line in stripes]
        media.encode(folder / f"{row['video']}.mp4", frames, Fraction(30))
        videos.loc[videos["video"] == row["video"], "path"] = f"{row['video']}.mp4"
    return replace(data, videos=videos)


PROTOCOL = Protocol(name="pictures", time=Time(window=6, stride=6))


def test_it_trains_on_pictures_and_a_loaded_checkpoint_embeds_decoded_videos_alike(
    filmed: Dataset, tmp_path: Path
) -> None:
    options = replace(
        options_from_keywords("alpha", method="trustfa"),
        sizes={"embedding": 8},
        windows=8,
        batch=4,
        drivers=2,
        validate_every=8,
        validation_clips=2,
    )
    trained = train(filmed, tmp_path / "a", options, PROTOCOL)
    fresh = network_class("trustfa").from_options(options, 6)
    assert trained.feature["input"] == "grey pictures, feature-difference"
    assert trained.selection["validation_auc"] is not None
    untouched = [
        name for name, value in trained.network.state_dict().items() if "running_mean" in name and not value.any()
    ]
    assert untouched == []
    assert set(fresh.state_dict()) == set(trained.network.state_dict())
    loaded = load_checkpoint(tmp_path / "a")
    ids = filmed.videos.loc[filmed.videos["split"] == "test", "video"].head(3)
    windows = read_windows(filmed, PROTOCOL, videos=ids)
    decoded = embed_videos(loaded, windows, filmed)
    expected = embed_windows(trained.network, with_grey_frames(windows, filmed))
    np.testing.assert_allclose(decoded.window_embeddings, expected, rtol=0, atol=1e-5)
    benchmark.embed(filmed, tmp_path / "a", tmp_path / "e.parquet", protocol=PROTOCOL, device="cpu")
    table = read_embeddings(tmp_path / "e.parquet")
    rows = np.isin(table.video.astype(str), ids.astype(str))
    np.testing.assert_allclose(table.embedding[rows], expected, rtol=0, atol=1e-5)
    with pytest.raises(NvfairError, match="augmentation changes landmarks"):
        train(filmed, tmp_path / "b", replace(options, augmentation=Augmentation(speed=0.1)), PROTOCOL)


def test_without_videos_it_says_so(small: Dataset, tmp_path: Path) -> None:
    options = options_from_keywords("alpha", method="trustfa", windows=128)
    with pytest.raises(NvfairError, match="has no file"):
        train(small, tmp_path / "a", options, PROTOCOL)


def test_correlations_run_round_the_map_and_the_halves_go_opposite_ways() -> None:
    """By plain sums: out[i] = sum over k of w[k] x[(i + k) mod S], height then width, and width then height."""
    torch.manual_seed(0)
    layer = FullLengthCorrelation().eval().double()
    weight = {name: value.detach().numpy() for name, value in layer.named_parameters()}
    maps = torch.randn(1, 128, 5, 5, dtype=torch.float64)

    def along(values: np.ndarray, axis: int, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
        taps = kernel.reshape(64, 32)
        parts = [taps[:, k, None, None] * np.roll(values, -k, axis=axis) for k in range(5)]
        return sum(parts) + bias[:, None, None]

    expected = []
    for half, (first, second) in enumerate((("H", "W"), ("W", "H"))):
        axes = {"H": 1, "W": 2}
        cut = {"H": np.s_[0, :, :5, :], "W": np.s_[0, :, :, :5]}
        own = maps[0, 64 * half : 64 * half + 64].numpy()
        # A fresh BatchNorm has mean 0 and variance 1, and divides by the root of 1 + 1e-5.
        moved = (own + weight[f"pe_1{first}"][cut[first]]) / np.sqrt(1 + 1e-5)
        moved = along(moved, axes[first], weight[f"mk_1_{first}"], weight[f"b1{first}"])
        moved = along(
            moved + weight[f"pe_2{second}"][cut[second]], axes[second], weight[f"mk_2_{second}"], weight[f"b2{second}"]
        )
        expected.append(own + moved)
    with torch.inference_mode():
        np.testing.assert_allclose(layer(maps)[0].numpy(), np.concatenate(expected), rtol=0, atol=1e-12)
