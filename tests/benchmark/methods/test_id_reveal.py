"""ID-Reveal's temporal network: the authors' own numbers, its norm with gaps, its receptive field."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from benchmark.methods.id_reveal.temporal_network import (
    SCHEDULES,
    GroupNormWithGaps,
    IdRevealNetwork,
    receptive_field,
    smallest_squared_distances,
    window_vectors,
    with_gaps,
)
from nvfair_tools.errors import NvfairError
from tests.generators.published_weights import filled


@pytest.fixture(scope="module")
def golden(shared: Path) -> dict[str, np.ndarray]:
    with np.load(shared / "methods" / "idreveal_golden.npz") as arrays:
        return dict(arrays)


@pytest.fixture(scope="module")
def published(shared: Path) -> IdRevealNetwork:
    """The network with the weights of the golden file's rule."""
    network = IdRevealNetwork()
    network.load_state_dict(filled(shared / "methods", "idreveal_manifest.json", {})["idreveal"])
    return network.eval()


def outputs(network: nn.Module, features: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return network(torch.from_numpy(features.astype(np.float32))).numpy()


def test_its_outputs_and_blocks_are_the_authors(golden: dict[str, np.ndarray], published: IdRevealNetwork) -> None:
    scaled = (golden["idreveal_sequences"] / golden["idreveal_norm"]).transpose(0, 2, 1).astype(np.float32)
    for frames in (100, 51):
        result = outputs(published, scaled[:, :, :frames])
        np.testing.assert_allclose(result, golden[f"idreveal_output_T{frames}"], rtol=0, atol=1e-4)
    hidden = torch.from_numpy(scaled[:1, :, :100])
    with torch.inference_mode():
        for number in range(10):
            hidden = published[number](hidden)
            np.testing.assert_allclose(
                hidden[0, :6].numpy(), golden[f"idreveal_block{number}_clip0_first6ch"], rtol=0, atol=1e-4
            )


def test_missing_frames_make_the_authors_gaps(golden: dict[str, np.ndarray], published: IdRevealNetwork) -> None:
    scaled = (golden["idreveal_sequences"] / golden["idreveal_norm"]).transpose(0, 2, 1)[1:, :, :100].copy()
    scaled[:, :, 60:64] = np.nan
    expected = golden["idreveal_output_T100_nan_frames_60_63_clip1"]
    result = outputs(published, scaled)[0]
    np.testing.assert_array_equal(np.isnan(result), np.isnan(expected))
    np.testing.assert_allclose(result, expected, rtol=0, atol=1e-4)


def test_the_norm_with_gaps_is_the_authors(golden: dict[str, np.ndarray]) -> None:
    norm = GroupNormWithGaps(2, 32)
    norm.weight.data = torch.linspace(0.5, 1.5, 32)
    norm.bias.data = torch.linspace(-0.2, 0.2, 32)
    result = outputs(norm, golden["nannorm_input"])
    np.testing.assert_allclose(result, golden["nannorm_output"], rtol=0, atol=1e-5)


def test_the_vectors_of_a_video_are_the_authors(golden: dict[str, np.ndarray], published: IdRevealNetwork) -> None:
    norm = golden["idreveal_norm"]
    for time, stride in ((100, 1), (51, 5)):
        expected = golden[f"idreveal_windows_time{time}_stride{stride}"]
        for sequence, vectors in zip(golden["idreveal_sequences"], expected, strict=True):
            result = window_vectors(published, sequence, norm, time, stride)
            np.testing.assert_allclose(result, vectors, rtol=0, atol=1e-4)
    reference, probe = golden["idreveal_windows_time100_stride1"]
    distances = smallest_squared_distances(probe, reference)
    np.testing.assert_allclose(distances, golden["idreveal_min_sq_distance_clip1_to_clip0"], rtol=1e-4)


def test_the_norm_with_gaps_is_groupnorm_where_nothing_is_missing_and_of_the_rest_where_something_is() -> None:
    torch.manual_seed(0)
    values = torch.randn(2, 32, 9) * 3 + 1
    ours, theirs = GroupNormWithGaps(2, 32), nn.GroupNorm(2, 32)
    torch.testing.assert_close(ours(values), theirs(values), rtol=0, atol=1e-5)
    present = [0, 1, 2, 3, 5, 6, 7, 8]
    gap = values.clone()
    gap[:, :, 4] = float("nan")
    result = ours(gap)
    assert result[:, :, 4].isnan().all()
    torch.testing.assert_close(result[:, :, present], theirs(values[:, :, present]), rtol=0, atol=1e-5)


@pytest.mark.parametrize("frames", SCHEDULES)
def test_the_receptive_field_is_the_window_and_not_a_frame_more(frames: int) -> None:
    """Without its norms, which see all frames, an output moves with its first and last frame and no other's."""
    assert receptive_field(SCHEDULES[frames]) == frames
    torch.manual_seed(0)
    network = IdRevealNetwork(features=2, embedding=3, width=16, dilations=SCHEDULES[frames])
    for block in list(network)[:-1]:
        block.norm = nn.Identity()
    inputs = torch.randn(1, 2, frames + 4, requires_grad=True)
    result = network(inputs)
    assert result.shape == (1, 3, 5)
    result[:, :, 1].sum().backward()
    assert inputs.grad is not None
    moved = torch.nonzero(inputs.grad.abs().sum(dim=(0, 1)))[:, 0]
    assert (int(moved[0]), int(moved[-1])) == (1, frames)


def test_the_published_size_has_the_published_number_of_weights() -> None:
    assert sum(weight.numel() for weight in IdRevealNetwork().parameters()) == 7_321_728


def test_frames_without_a_face_become_rows_of_nan_between_the_first_and_the_last_face() -> None:
    dense = with_gaps(np.array([[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]]), np.array([7, 8, 11]))
    nan = [np.nan, np.nan]
    np.testing.assert_array_equal(dense, [[1, 2], [3, 4], nan, nan, [5, 6]])
    assert with_gaps(np.empty((0, 2)), np.empty(0)).shape == (0, 2)
    for numbers in ([7, 7, 8], [7, 8]):
        with pytest.raises(NvfairError, match="each larger than the one before"):
            with_gaps(np.zeros((3, 2)), np.array(numbers))


def test_windows_without_a_face_give_no_vector_and_wrong_sizes_are_refused() -> None:
    torch.manual_seed(0)
    network = IdRevealNetwork(features=2, embedding=3, width=16).eval()
    parameters = np.random.default_rng(0).normal(size=(60, 2))
    assert window_vectors(network, parameters, 1.0, time=51).shape == (10, 3)
    parameters[:4] = np.nan  # the first four of ten windows begin on them
    assert window_vectors(network, parameters, 1.0, time=51).shape == (6, 3)
    assert window_vectors(network, parameters[:20], 1.0, time=51).shape == (0, 3)
    with pytest.raises(NvfairError, match="at least 51 frames"):
        window_vectors(network, parameters, 1.0, time=50)
    with pytest.raises(NvfairError, match="a multiple of 16"):
        IdRevealNetwork(width=24)
    with pytest.raises(NvfairError, match="no reference vectors"):
        smallest_squared_distances(np.zeros((1, 3)), np.zeros((0, 3)))
