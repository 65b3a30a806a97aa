"""What is saved of a training run: whole or not at all, and a full disk says so."""

import errno

import pytest
import torch

from benchmark.training.state import STATE_FILE, TrainingState, restore_state, save_state
from tests.small_disk import small_disk


def save(out, size: int, step: int):
    network = torch.nn.Linear(size, 1)
    optimiser = torch.optim.AdamW(network.parameters())
    save_state(out, "digest", network, optimiser, TrainingState(step=step))
    return network, optimiser


def test_a_full_disk_is_named_and_the_state_before_it_stays(tmp_path):
    with small_disk(tmp_path / "disk", 300) as folder:
        network, optimiser = save(folder, 10, step=3)
        with pytest.raises(OSError, match="No space left on device") as caught:
            save(folder, 1_000_000, step=4)
        assert caught.value.errno == errno.ENOSPC
        assert restore_state(folder / STATE_FILE, "digest", network, optimiser).step == 3
