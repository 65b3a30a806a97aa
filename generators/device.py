"""Where and how precisely a network runs, how pictures get there, and how its frames come back.

Legend: B batch, H, W image.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor

from generators.errors import GeneratorError

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
# Frames a call: one keeps a CPU busy and its caches warm, a GPU wants several, and many where its memory allows.
BATCH = {"cpu": 1, "cuda": 8}
LARGE_BATCH, LARGE_MEMORY = 32, 40 * 2**30
# Of each convolution; the fastest is taken. With 5 a batch begins sooner, but in float32 the best was not among them.
TRIED_ALGORITHMS = 10


def resolve(device: str = "auto", dtype: str = "float32") -> tuple[torch.device, torch.dtype]:
    """(torch device, type of the convolutions) for "auto" | "cpu" | "cuda" | "cuda:N" and "float32" | "bfloat16".

    "auto" is the first GPU where there is one, else the CPU. Raises GeneratorError for other words, for a GPU that
    this machine or this torch lacks, and for bfloat16 on a GPU that cannot compute in it.
    """
    if dtype not in DTYPES:
        raise GeneratorError(f"dtype {dtype!r} is unknown: choose one of {', '.join(DTYPES)}")
    match = re.fullmatch(r"auto|cpu|cuda(?::(\d+))?", device) if isinstance(device, str) else None
    if match is None:
        raise GeneratorError(f"device {device!r} is unknown: choose 'auto', 'cpu', 'cuda' or 'cuda:N'")
    if device == "cpu" or (device == "auto" and not torch.cuda.is_available()):
        return torch.device("cpu"), DTYPES[dtype]
    if not torch.cuda.is_available():
        raise GeneratorError(f"device {device!r}: torch {torch.__version__} sees no GPU here; use 'auto' or 'cpu'")
    index = int(match[1] or 0)
    if index >= torch.cuda.device_count():
        here = ", ".join(f"'cuda:{number}'" for number in range(torch.cuda.device_count()))
        raise GeneratorError(f"device {device!r} is not in this machine: choose one of {here}")
    if dtype == "bfloat16" and torch.cuda.get_device_capability(index) < (8, 0):
        raise GeneratorError(f"device {device!r} cannot compute in bfloat16; use dtype 'float32'")
    return torch.device("cuda", index), DTYPES[dtype]


def batch_size(batch: int | None, device: torch.device, most: int = LARGE_BATCH) -> int:
    """Frames a call: as asked for, or what suits the device, up to `most`. Raises GeneratorError for less than one."""
    if batch is not None and (not isinstance(batch, int) or batch < 1):
        raise GeneratorError(f"batch {batch!r} is no number of frames: give at least 1, or None to choose by device")
    if batch is None and device.type == "cuda" and torch.cuda.get_device_properties(device).total_memory > LARGE_MEMORY:
        return most
    return batch or BATCH[device.type]


def on_card(device: torch.device) -> bool:
    """Whether networks take the forms that suit a GPU: the same values by fewer and larger operations.

    A CPU's forms differ: it is fast where little memory is touched, a GPU where few kernels are started.
    """
    return device.type != "cpu"


@contextmanager
def inference() -> Iterator[None]:
    """No autograd, and float32 convolutions in float32: cuDNN would otherwise keep 10 bits of every factor (TF32).

    Enter it anew for each batch: a stream of frames must not hold it while its caller runs.
    """
    flags = torch.backends.cudnn.flags(enabled=True, benchmark=True, benchmark_limit=TRIED_ALGORITHMS, allow_tf32=False)
    with torch.inference_mode(), flags:
        yield


def to_device(pictures: np.ndarray, device: torch.device) -> Tensor:
    """Pictures uint8 (B, H, W, 3) -> (B, 3, H, W) float32 in 0..1 on `device`, in channels_last memory.

    To a GPU they travel as bytes, and nothing waits for them.
    """
    return sent(torch.from_numpy(pictures), device).permute(0, 3, 1, 2).float() / 255.0


def sent(values: Tensor, device: torch.device) -> Tensor:
    """A tensor of the CPU on `device`, without waiting: from pinned memory, as no other can be read meanwhile."""
    if device.type == "cpu" or values.device.type != "cpu":
        return values.to(device)
    return values.pin_memory().to(device, non_blocking=True)


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


@contextmanager
def limited_threads(count: int) -> Iterator[None]:
    """Lets torch use `count` threads of the CPU within the block."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
