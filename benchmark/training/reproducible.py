"""Settings of torch under which equal trainings give equal bytes."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from benchmark.methods.network import whole_float32


@contextmanager
def reproducible(device: str) -> Iterator[None]:
    """Makes a GPU compute deterministically and in whole float32, and restores the caller's random state afterwards.

    A CPU computes so in any case.
    """
    on_gpu = device.startswith("cuda")
    if on_gpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it before it starts
    was_deterministic, random_state = torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    memory: Any = torch.utils.deterministic
    was_filled = memory.fill_uninitialized_memory
    if on_gpu:
        torch.use_deterministic_algorithms(True)
        # Every operation writes all of its result: filling the memory first only starts as many operations again.
        memory.fill_uninitialized_memory = False
    try:
        with whole_float32():
            yield
    finally:
        if on_gpu:
            torch.use_deterministic_algorithms(was_deterministic)
            memory.fill_uninitialized_memory = was_filled
        torch.set_rng_state(random_state)
