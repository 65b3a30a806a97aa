"""Measuring on a card and, at a small size, on a CPU: times that wait for queued work, rates, memory and kernels."""

from __future__ import annotations

import statistics
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16}
KERNELS = 5


def on_card(device: str) -> bool:
    """Whether it is a GPU."""
    return device.startswith("cuda")


def finish(device: str) -> None:
    """Waits until everything queued on the device is done."""
    if on_card(device):
        torch.cuda.synchronize()


def seconds(work: Callable[[], Any], device: str, *, repeats: int = 5, warm_up: int = 1, inner: int = 1) -> float:
    """Median seconds of one `work()`, over `repeats` timings of `inner` calls in a row, after `warm_up` calls.

    On a card between two events of its own clock, so that the host's share is counted only where the card waits for it.
    """
    for _ in range(warm_up if on_card(device) else min(warm_up, 1)):
        work()
    taken = []
    for _ in range(repeats):
        finish(device)
        if on_card(device):
            begin, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
            begin.record()
            for _ in range(inner):
                work()
            end.record()
            end.synchronize()
            taken.append(begin.elapsed_time(end) / 1e3 / inner)
        else:
            start = time.perf_counter()
            for _ in range(inner):
                work()
            taken.append((time.perf_counter() - start) / inner)
    return statistics.median(taken)


def wall_seconds(work: Callable[[], Any], device: str) -> float:
    """Seconds of one `work()` by the host's clock, until all it queued is done."""
    finish(device)
    start = time.perf_counter()
    work()
    finish(device)
    return time.perf_counter() - start


def matrix_rate(dtype: torch.dtype, device: str, size: int, *, tf32: bool = False, repeats: int = 7) -> float:
    """Floating-point operations a second of a large square product of random matrices; multiply and add are two.

    tf32: whether float32 factors may be rounded to 10 bits. A share is held against this, not against a data sheet.
    """
    a, b = (torch.randn(size, size, device=device).to(dtype) for _ in range(2))
    out = torch.empty_like(a)
    before = torch.backends.cuda.matmul.allow_tf32
    torch.backends.cuda.matmul.allow_tf32 = tf32
    try:
        taken = seconds(lambda: torch.mm(a, b, out=out), device, repeats=repeats, warm_up=2, inner=3)
    finally:
        torch.backends.cuda.matmul.allow_tf32 = before
    return 2.0 * size**3 / taken


@contextmanager
def peak_memory(device: str, into: dict[str, Any]) -> Iterator[None]:
    """Puts the most memory that tensors took within, GiB, into `into["peak_gib"]`; None on a CPU."""
    if on_card(device):
        torch.cuda.reset_peak_memory_stats()
    yield
    into["peak_gib"] = round(torch.cuda.max_memory_allocated() / 2**30, 2) if on_card(device) else None


def longest_kernels(work: Callable[[], Any], device: str, count: int = KERNELS) -> list[dict[str, Any]]:
    """The kernels (on a CPU the operations) in which `work()` spends most time: name, share of all, calls, ms."""
    from torch.profiler import ProfilerActivity, profile

    card = on_card(device)
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if card else [])]
    with profile(activities=activities, acc_events=True) as profiled:
        work()
        finish(device)

    def own(event: Any) -> float:
        return float(event.self_device_time_total if card else event.self_cpu_time_total)

    # Operations on the host carry the time of the kernels that they started; count each once, as a kernel.
    kinds = (torch.autograd.DeviceType.CUDA,) if card else (torch.autograd.DeviceType.CPU,)
    events = [
        event
        for event in profiled.key_averages()
        if event.device_type in kinds and not event.is_user_annotation  # "Optimizer.step" is no kernel
    ]
    whole = sum(own(event) for event in events) or 1.0
    longest = sorted(events, key=own, reverse=True)[:count]
    return [
        {
            "name": event.key[:120],
            "share": round(own(event) / whole, 3),
            "calls": event.count,
            "ms": round(own(event) / 1e3, 3),
        }
        for event in longest
    ]


def host_waits(work: Callable[[], Any], device: str) -> str:
    """What of `work()` has the host wait for the card, in torch's words; "none", or "not watched" on a CPU."""
    if not on_card(device):
        return "not watched"
    torch.cuda.set_sync_debug_mode("error")
    try:
        work()
    except RuntimeError as error:
        if "synchroniz" not in str(error):
            raise
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"{place.filename.rsplit('/', 1)[-1]}:{place.lineno} {place.line}"
    finally:
        torch.cuda.set_sync_debug_mode("default")
    return "none"
