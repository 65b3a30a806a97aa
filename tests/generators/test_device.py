"""Users' words for devices and types, and frames on their way back."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from generators.device import batch_size, inference, resolve, to_device, to_host
from generators.errors import GeneratorError


def test_the_words_become_torch_values():
    assert resolve("cpu", "float32") == (torch.device("cpu"), torch.float32)
    assert resolve("cpu", "bfloat16") == (torch.device("cpu"), torch.bfloat16)


def test_auto_takes_the_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve()[0].type == expected


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:x", "CPU", "mps", "", None])
def test_other_devices_are_refused_by_name(device):
    with pytest.raises(GeneratorError, match=r"choose 'auto', 'cpu', 'cuda'"):
        resolve(device)


def test_other_types_are_refused_by_name():
    with pytest.raises(GeneratorError, match=r"'float16' is unknown.*bfloat16"):
        resolve("cpu", "float16")


def test_a_gpu_that_is_not_there_is_refused():
    index = torch.cuda.device_count()
    with pytest.raises(GeneratorError, match=r"sees no GPU|is not in this machine"):
        resolve(f"cuda:{index}")


def test_pictures_arrive_as_shares_of_white_with_channels_first():
    pictures = np.arange(2 * 4 * 5 * 3, dtype=np.uint8).reshape(2, 4, 5, 3)
    values = to_device(pictures, torch.device("cpu"))
    assert values.is_contiguous(memory_format=torch.channels_last)
    np.testing.assert_array_equal(values.numpy(), np.float32(pictures.transpose(0, 3, 1, 2) / 255.0))


@pytest.mark.parametrize("batch", [0, -1, 1.5])
def test_a_batch_of_no_frames_is_refused(batch):
    assert batch_size(None, torch.device("cpu")) == 1
    assert batch_size(3, torch.device("cpu")) == 3
    with pytest.raises(GeneratorError, match="at least 1"):
        batch_size(batch, torch.device("cpu"))


def test_inference_leaves_gradients_and_convolutions_as_they_were():
    before = torch.backends.cudnn.allow_tf32
    with inference():
        assert torch.is_inference_mode_enabled()
        assert not torch.backends.cudnn.allow_tf32
    assert torch.backends.cudnn.allow_tf32 == before
    assert not torch.is_inference_mode_enabled()


def test_frames_come_back_in_order_as_float32():
    batches = (torch.full((2, 1), float(k), dtype=torch.bfloat16) for k in range(3))
    frames = list(to_host(batches))
    assert [float(frame[0]) for frame in frames] == [0, 0, 1, 1, 2, 2]
    assert all(frame.dtype == np.float32 for frame in frames)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_frames_come_back_in_order_from_a_gpu():
    batches = (torch.full((2, 1), float(k), device="cuda") for k in range(5))
    assert [float(frame[0]) for frame in to_host(batches)] == [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]
