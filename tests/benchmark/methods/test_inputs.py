"""What a network sees is what the data set's features say."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from benchmark.methods.inputs import INPUTS, DeviceFeatures, feature_statistics, parse_input
from nvfair_tools.errors import NvfairError
from nvfair_tools.features import distances


def points(frames: int = 300) -> np.ndarray:
    return (np.random.default_rng(5).normal(0, 40, (frames, 126, 2)) + 900).astype(np.float32)


def test_distances_equal_the_data_sets_in_the_stored_precision() -> None:
    landmarks = points()
    rows = torch.randperm(300, generator=torch.Generator().manual_seed(0))[:250]
    ours = DeviceFeatures(landmarks).features(rows)
    stored = distances(landmarks[rows.numpy()], dtype=np.float16)
    np.testing.assert_array_equal(ours.T.numpy().astype(np.float16), stored)
    assert ours.dtype == torch.float32
    assert ours.shape == (7875, 250)


@pytest.mark.parametrize("threads", [1, 2])
def test_distances_are_the_data_sets_to_the_bit_on_any_number_of_threads(threads: int) -> None:
    landmarks = points(1200)
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        ours = DeviceFeatures(landmarks).features(torch.arange(1200))
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(ours.T.numpy(), distances(landmarks))


def test_what_is_still_referred_to_is_not_overwritten() -> None:
    frames = DeviceFeatures(points(60))
    first = frames.features(torch.arange(40))
    part = first[5:9]
    copy, where = part.clone(), first.data_ptr()
    second = frames.features(torch.arange(20, 60))
    assert second.data_ptr() != where
    del first
    frames.features(torch.arange(10))
    assert torch.equal(part, copy)
    del part, second
    again = frames.features(torch.arange(40)).data_ptr()
    assert frames.features(torch.arange(40)).data_ptr() == again


def test_still_and_deltas_start_from_distances() -> None:
    landmarks = points(20)
    base = DeviceFeatures(landmarks).features(torch.arange(20))
    for kind in ("still", "deltas", "distances-centred"):
        assert torch.equal(DeviceFeatures(landmarks, kind).features(torch.arange(20)), base)


def test_raw_coordinates_are_pixels_and_normalised_ones_are_not_moved_by_place_or_size() -> None:
    landmarks = points(10)
    raw = DeviceFeatures(landmarks, "coordinates").features(torch.arange(10))
    np.testing.assert_array_equal(raw.T.numpy().reshape(10, 126, 2), landmarks)
    shape = DeviceFeatures(landmarks, "coordinates-normalised").features(torch.arange(10))
    moved = DeviceFeatures(landmarks * 2 - 300, "coordinates-normalised").features(torch.arange(10))
    torch.testing.assert_close(shape, moved, atol=1e-4, rtol=0)


def test_statistics_equal_those_in_double_precision() -> None:
    landmarks = points(777)
    mean, deviation = feature_statistics(DeviceFeatures(landmarks).features, torch.arange(777), block=100)
    wide = distances(landmarks).astype(np.float64)
    np.testing.assert_allclose(mean, wide.mean(axis=0), rtol=1e-6)
    np.testing.assert_allclose(deviation, wide.std(axis=0), rtol=1e-4)


def test_unknown_inputs_are_refused_with_the_known_ones() -> None:
    with pytest.raises(NvfairError, match=INPUTS[0]):
        parse_input("pixels")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_agrees_to_one_unit_of_float16() -> None:
    landmarks = points()
    cpu = DeviceFeatures(landmarks).features(torch.arange(300)).numpy().astype(np.float16)
    gpu = DeviceFeatures(landmarks, device="cuda").features(torch.arange(300)).cpu().numpy().astype(np.float16)
    assert np.abs(cpu.view(np.int16).astype(int) - gpu.view(np.int16).astype(int)).max() <= 1
