"""Where and how precisely a network runs, and how its frames come back from there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor

from generators.errors import GeneratorError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def resolve(device: str = "auto", dtype: str = "float32") -> tuple[torch.device, torch.dtype]:
    """(torch device, type of the convolutions) for "auto" | "cpu" | "cuda" | "cuda:N" and "float32" | "bfloat16".

    "auto" is the first GPU where there is one, else the CPU. Raises GeneratorError for other words, for a GPU that
    this machine or this torch lacks, and for bfloat16 on a GPU that cannot compute in it.
    """
    if dtype not in DTYPES:
        raise GeneratorError(f"dtype {dtype!r} is unknown: choose one of {list(DTYPES)}")
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", device) if isinstance(device, str) else None
    if match is None:
        raise GeneratorError(f"device {device!r} is unknown: choose 'auto', 'cpu', 'cuda' or 'cuda:N'")
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu"), DTYPES[dtype]
    if not torch.cuda.is_available():
        raise GeneratorError(f"device {device!r}: torch {torch.__version__} sees no GPU here; use 'auto' or 'cpu'")
    index = int(match[1] or 0)
    if index >= torch.cuda.device_count():
        raise GeneratorError(f"device {device!r}: this machine has {torch.cuda.device_count()} GPU(s), counted from 0")
    if dtype == "bfloat16" and torch.cuda.get_device_capability(index) < (8, 0):
        raise GeneratorError(f"device {device!r} cannot compute in bfloat16; use dtype 'float32'")
    return torch.device("cuda", index), DTYPES[dtype]


def to_host(batches: Iterable[Tensor]) -> Iterator[np.ndarray]:
    """Each tensor's rows as float32 numpy arrays, in order.

    On a GPU the copy of one batch travels while the next is computed: nothing waits frame by frame.
    """
    waiting: tuple[Tensor, torch.cuda.Event] | None = None
    for batch in batches:
        if batch.device.type != "cuda":
            yield from batch.float().numpy()
            continue
        pinned = torch.empty(batch.shape, dtype=torch.float32, pin_memory=True)
        pinned.copy_(batch, non_blocking=True)
        arrived = torch.cuda.Event()
        arrived.record(torch.cuda.current_stream(batch.device))
        if waiting is not None:
            yield from _landed(*waiting)
        waiting = (pinned, arrived)
    if waiting is not None:
        yield from _landed(*waiting)


def _landed(pinned: Tensor, arrived: torch.cuda.Event) -> Iterator[np.ndarray]:
    arrived.synchronize()
    yield from pinned.numpy()
