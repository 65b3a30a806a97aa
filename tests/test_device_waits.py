"""The checker of `tests.device_waits` sees each way in which a host waits for a GPU, and lets the others pass."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.device_waits import DEVICES, no_waits

WAITS: dict[str, Callable[[Tensor], object]] = {
    "item": lambda x: x.sum().item(),
    "cpu": lambda x: x.cpu(),
    "to the CPU": lambda x: x.to("cpu"),
    "to the CPU, unwaited": lambda x: torch.empty(3, 3).copy_(x),
    "numpy": lambda x: x.cpu().numpy(),
    "tolist": lambda x: x.tolist(),
    "bool": lambda x: bool((x > 0).all()),
    "if": lambda x: 1 if x.sum() > 0 else 0,
    "float": lambda x: float(x.sum()),
    "int": lambda x: int(x.sum()),
    "nonzero": lambda x: x.nonzero(),
    "where without values": lambda x: torch.where(x > 0),
    "picked by a mask": lambda x: x[x > 0],
    "put by a mask": lambda x: x.index_put((x > 0,), x[0, 0].expand(9)),
    "masked_select": lambda x: x.masked_select(x > 0),
    "unique": lambda x: x.unique(),
    "equal": lambda x: torch.equal(x, x),
    "inverse": lambda x: torch.linalg.inv(x),
    "numbers made there": lambda x: torch.tensor([1.0, 2.0], device=x.device),
    "numbers taken there": lambda x: torch.as_tensor([1, 2], device=x.device),
    "sent from pageable memory": lambda x: torch.zeros(3).to(x.device, non_blocking=True),
    "sent and waited for": lambda x: torch.zeros(3).pin_memory().to(x.device),
    "numpy sent": lambda x: torch.from_numpy(np.zeros(3)).to(x.device),
    "copied in": lambda x: x.copy_(torch.zeros(3, 3)),
    "indexed from the host": lambda x: x[torch.zeros(2, dtype=torch.int64)],
    "repeated by counts": lambda x: x.repeat_interleave(torch.ones(3, dtype=torch.int64, device=x.device), 0),
}
# What torch's own debug mode reports for certain on a GPU.
REPORTED = ("item", "cpu", "tolist", "bool", "float", "nonzero", "picked by a mask", "numbers made there", "copied in")
PASSES: dict[str, Callable[[Tensor], object]] = {
    "sums": lambda x: (x @ x).sum(),
    "sent from pinned memory": lambda x: x + torch.ones(3, 3).pin_memory().to(x.device, non_blocking=True),
    "indexed there": lambda x: x[torch.arange(2, device=x.device)],
    "filled by a mask": lambda x: x.masked_fill(x > 0, 1.0),
    "chosen by a mask": lambda x: torch.where(x > 0, x, 0),
    "a number made there": lambda x: x.new_full((), 3.0).log(),
    "inverse, unchecked": lambda x: torch.linalg.inv_ex(x).inverse,
    "solved and used there": lambda x: torch.rand((), device=x.device) < x,
    "the host's own numbers": lambda x: float(torch.ones(()).sum()),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("way", WAITS)
def test_what_waits_is_caught(device: str, way: str) -> None:
    if device == "cuda" and way not in REPORTED:
        pytest.skip("torch does not promise to report this on a GPU")
    values = torch.eye(3, device=device)
    with pytest.raises((AssertionError, RuntimeError, NotImplementedError, TypeError)), no_waits(device):
        WAITS[way](values)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("way", PASSES)
def test_what_does_not_wait_passes(device: str, way: str) -> None:
    values = torch.eye(3, device=device)
    with no_waits(device):
        PASSES[way](values)


def test_gradients_that_wait_in_deterministic_mode_are_caught() -> None:
    values = torch.zeros(2, 3, device="meta", requires_grad=True)
    order = torch.zeros(2, 3, dtype=torch.int64, device="meta")
    with no_waits("meta"):
        values.gather(1, order).sum().backward()
    with pytest.raises(AssertionError, match="scatter_add"), no_waits("meta", deterministic=True):
        values.gather(1, order).sum().backward()


def test_only_so_many_downloads_pass() -> None:
    values = torch.zeros(3, device="meta")
    with no_waits("meta", downloads=1):
        assert values.cpu().device.type == "cpu"
        with pytest.raises(AssertionError, match="to the host"):
            values.cpu()
