"""The closest known relative of NVFAIR's baseline: golden outputs of its parts, its scale, a training."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.methods.checkpoint import load_checkpoint
from benchmark.methods.id_reveal.nvfair_relative import NvfairRelative, RelativeShape, mean_lengths, scaled_by_video
from benchmark.methods.network import embed_windows, network_class
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.keyword_options import options_from_keywords
from benchmark.training.loop import train
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.scheme import SCHEME_126
from tests.benchmark.small_world import World, make
from tests.generators.published_weights import filled

SMALL = RelativeShape(receptive_field=31, width=16, embedding=8)
EYES = (40, 77)  # where the golden landmarks have the inner eye corners


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "methods" / "relative_golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def small_data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    return make(tmp_path_factory.mktemp("relative"), World(generators=("alpha",)))


def golden_points(golden: dict[str, np.ndarray]) -> np.ndarray:
    """The two golden clips (2, 75, 126, 2), each divided by its mean distance of the inner eye corners."""
    flat, offsets = golden["landmarks"].reshape(-1, 126, 2), np.array([0, 75, 150])
    lengths = mean_lengths(flat, offsets, EYES)
    np.testing.assert_allclose(lengths, golden["distance_scale"], rtol=1e-6)
    return scaled_by_video(flat, offsets, lengths).reshape(2, 75, 126, 2)


def test_its_distances_are_the_golden_ones(golden: dict[str, np.ndarray]) -> None:
    points = torch.from_numpy(golden_points(golden)[0, [0, 74]])
    result = NvfairRelative(SMALL).features(points).T.numpy()
    np.testing.assert_allclose(result, golden["distances_clip0_frames_0_74"], rtol=0, atol=2e-6)


@pytest.fixture(scope="module")
def published_weights(shared: Path) -> dict[str, dict[str, torch.Tensor]]:
    return filled(shared / "methods", "relative_manifest.json", {})


@pytest.mark.parametrize("frames", [31, 51, 71])
def test_its_embeddings_of_landmarks_are_the_golden_ones(
    golden: dict[str, np.ndarray], published_weights: dict[str, dict[str, torch.Tensor]], frames: int
) -> None:
    network = NvfairRelative(RelativeShape(receptive_field=frames, unit_length=False)).eval()
    network.layers.load_state_dict(published_weights[f"relative_f{frames}"])
    points = torch.from_numpy(golden_points(golden)[:, : frames + 4])
    with torch.inference_mode():
        result, none = network(points)
    assert none is None
    np.testing.assert_allclose(result.numpy(), golden[f"relative_f{frames}_output_T{frames + 4}"], rtol=0, atol=1e-4)


def test_a_window_as_long_as_the_receptive_field_gives_one_embedding_and_four_frames_more_give_five() -> None:
    torch.manual_seed(0)
    network = NvfairRelative(replace(SMALL, receptive_field=71)).eval()
    points = torch.randn(2, 75, 126, 2)
    with torch.inference_mode():
        assert network(points[:, :71])[0].shape == (2, 8, 1)
        five = network(points)[0]
    assert five.shape == (2, 8, 5)
    torch.testing.assert_close(five.norm(dim=1), torch.ones(2, 5))


def test_shuffled_windows_are_those_of_shuffled_landmarks() -> None:
    torch.manual_seed(0)
    network = NvfairRelative(SMALL).eval()
    points, order = torch.randn(2, 33, 126, 2), torch.rand(2, 33).argsort(dim=1)
    with torch.inference_mode():
        plain, shuffled = network(points, order)
        by_hand = torch.stack([window[permutation] for window, permutation in zip(points, order, strict=True)])
        expected, _ = network(by_hand)
    assert shuffled is not None
    torch.testing.assert_close(shuffled, expected, rtol=0, atol=1e-5)
    assert (plain - shuffled).abs().max() > 0.01


def window_set(landmarks: np.ndarray, offsets: np.ndarray) -> WindowSet:
    return WindowSet(
        videos=pd.DataFrame({"video": [f"v{number}" for number in range(len(offsets) - 1)]}),
        landmarks=landmarks,
        offsets=offsets,
        video=np.arange(len(offsets) - 1),
        start=offsets[:-1],
        length=int(np.diff(offsets).min()),
        excluded=pd.DataFrame(),
    )


def test_one_scale_holds_for_a_whole_video_and_keeps_a_face_that_comes_nearer() -> None:
    """In the second half the face is twice as large; its distances stay twice as large, as no frame is scaled alone."""
    rng = np.random.default_rng(0)
    face = rng.normal(300, 50, (126, 2))
    right, left = (int(np.flatnonzero(SCHEME_126.indices == point)[0]) for point in (133, 362))
    face[right], face[left] = (280, 300), (320, 300)  # 40 pixels apart, and 80 in the second half
    landmarks = np.concatenate([np.repeat(face[None], 10, 0), np.repeat(2 * face[None], 10, 0)]).astype(np.float32)
    other = np.repeat(face[None], 20, 0).astype(np.float32) / 3
    windows = window_set(np.concatenate([landmarks, other]), np.array([0, 20, 40]))
    points = NvfairRelative(SMALL).frame_points(windows)
    spans = np.linalg.norm(points[:, right] - points[:, left], axis=1)
    np.testing.assert_allclose(spans, [40 / 60] * 10 + [80 / 60] * 10 + [1] * 20, rtol=1e-5)


def test_frames_without_a_face_do_not_count_and_a_face_without_a_scale_is_refused() -> None:
    landmarks = np.random.default_rng(0).normal(300, 50, (8, 126, 2)).astype(np.float32)
    eyes = [int(np.flatnonzero(SCHEME_126.indices == point)[0]) for point in (133, 362)]
    expected = np.linalg.norm(landmarks[:6, eyes[0]] - landmarks[:6, eyes[1]], axis=1).mean()
    landmarks[6:] = np.nan
    assert mean_lengths(landmarks, np.array([0, 8]), (eyes[0], eyes[1]))[0] == pytest.approx(expected, rel=1e-6)
    landmarks[:, eyes[0]] = landmarks[:, eyes[1]]
    with pytest.raises(NvfairError, match=r"video v0: no distance of the inner eye corners.*: 1 video"):
        NvfairRelative(SMALL).frame_points(window_set(landmarks, np.array([0, 8])))


def test_its_recommended_options_are_the_later_projects_recipe() -> None:
    options = options_from_keywords("alpha", method="nvfair-relative")
    assert (options.drivers, options.batch // options.drivers) == (8, 16)
    assert (options.optimiser, options.learning_rate, options.schedule) == ("adam", 1e-4, "constant")
    assert (options.weight_decay, options.warm_up) == (0.0, 0.0)


@pytest.mark.parametrize(
    ("sizes", "window", "message"),
    [
        ({}, 60, "receptive_field=51"),
        ({}, 20, "use longer windows"),
        ({"receptive_field": 61}, 71, "one of 31, 51, 71"),
        ({"width": 100}, 71, "a multiple of 16"),
    ],
)
def test_sizes_that_cannot_work_are_refused_with_what_would(sizes: dict[str, int], window: int, message: str) -> None:
    options = TrainOptions(("alpha",), method="nvfair-relative", sizes=sizes)
    with pytest.raises(NvfairError, match=message):
        network_class("nvfair-relative").from_options(options, window)


def test_training_repeats_itself_and_a_loaded_checkpoint_embeds_alike(tmp_path: Path, small_data: Dataset) -> None:
    protocol = Protocol(name="test", time={"window": 35, "stride": 60})
    options = replace(
        options_from_keywords("alpha", method="nvfair-relative"),
        sizes={"receptive_field": 31, "width": 16, "embedding": 8},
        windows=48,
        batch=16,
        drivers=3,
        learning_rate=3e-3,
        validate_every=48,
    )
    first = train(small_data, tmp_path / "a", options, protocol)
    train(small_data, tmp_path / "b", replace(options), protocol, name="a")
    weights = [(tmp_path / run / "weights.safetensors").read_bytes() for run in "ab"]
    assert weights[0] == weights[1]
    torch.manual_seed(0)
    untrained = network_class("nvfair-relative").from_options(options, 35)
    assert any(
        not torch.equal(before, after)
        for before, after in zip(untrained.parameters(), first.network.parameters(), strict=True)
    )
    windows = read_windows(small_data, protocol)
    loaded = load_checkpoint(tmp_path / "a")
    embeddings = loaded.embed_all(windows)
    np.testing.assert_allclose(embeddings, embed_windows(first.network, windows), rtol=0, atol=1e-6)
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, rtol=1e-5)
    assert first.feature["scale"] == "inner eye corners, mean over the video"
    batch = WindowBatch(windows.landmarks[windows.rows(slice(0, 3))], fps=30.0, size=np.full((3, 2), 256.0))
    assert loaded.embed(batch).shape == (3, 8)
