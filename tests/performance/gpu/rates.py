"""What the card can do at best: rates of matrix products and of copies."""

from __future__ import annotations

import platform
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from tests.performance.gpu.device import DTYPES, matrix_rate, on_card, seconds
from tests.performance.gpu.sizes import Sizes


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """The machine, then each rate."""
    yield {"measured": "machine", **machine(device)}
    for name, dtype in DTYPES.items():
        rate = matrix_rate(dtype, device, sizes.matrix, repeats=sizes.repeats)
        yield {"measured": "matrix rate", "dtype": name, "side": sizes.matrix, "tflops": round(rate / 1e12, 3)}
    if on_card(device):
        rate = matrix_rate(torch.float32, device, sizes.matrix, tf32=True, repeats=sizes.repeats)
        yield {"measured": "matrix rate", "dtype": "tf32", "side": sizes.matrix, "tflops": round(rate / 1e12, 3)}
    yield from _copies(device, sizes)


def _copies(device: str, sizes: Sizes) -> Iterator[dict[str, Any]]:
    source = torch.randint(255, (sizes.copied // 2,), dtype=torch.uint8, device=device)
    target = torch.empty_like(source)
    taken = seconds(lambda: target.copy_(source), device, repeats=sizes.repeats)
    # Read once, written once.
    yield {"measured": "copy", "way": "within the device", "gb_per_s": round(2 * source.numel() / taken / 1e9, 2)}
    here = torch.randint(255, (sizes.sent,), dtype=torch.uint8)
    there = torch.empty(sizes.sent, dtype=torch.uint8, device=device)
    ways = {"to the device, pageable": (there, here), "from the device, pageable": (here, there)}
    if on_card(device):
        pinned = here.pin_memory()
        ways |= {"to the device, pinned": (there, pinned), "from the device, pinned": (pinned, there)}
    for way, (to, of) in ways.items():
        taken = seconds(lambda to=to, of=of: to.copy_(of, non_blocking=True), device, repeats=sizes.repeats)
        yield {"measured": "copy", "way": way, "gb_per_s": round(sizes.sent / taken / 1e9, 2)}


def machine(device: str) -> dict[str, Any]:
    """What a figure is meaningless without: the card and the libraries."""
    facts: dict[str, Any] = {
        "device": device,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "threads": torch.get_num_threads(),
    }
    if on_card(device):
        card = torch.cuda.get_device_properties(0)
        facts |= {
            "name": card.name,
            "capability": f"{card.major}.{card.minor}",
            "memory_gib": round(card.total_memory / 2**30, 1),
            "processors": card.multi_processor_count,
        }
    return facts
