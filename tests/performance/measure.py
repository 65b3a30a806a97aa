"""What the generators' benchmarks share: median times, the machine's matrix rate, and what its processor can do."""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators import Face, Generator, MotionMode

# The instruction sets that decide how fast a network runs on a CPU, as Linux names them.
FLAGS = ("avx2", "avx512f", "avx512_bf16", "avx512_fp16", "amx_bf16")


def median_seconds(
    work: Callable[[], Any], repeats: int = 3, warm_up: int = 1, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Median seconds of `work()` by `clock` over `repeats` runs, after `warm_up` runs that do not count.

    clock: `time.process_time` counts only what the processor worked for this process, so that other work on the
    machine does not count. On a GPU the clock stops only when all queued work is done.
    """
    for _ in range(warm_up):
        work()
    taken = []
    for _ in range(repeats):
        _finish()
        start = clock()
        work()
        _finish()
        taken.append(clock() - start)
    return statistics.median(taken)


def matmul_rate(
    dtype: torch.dtype, device: str = "cpu", size: int = 1536, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Floating-point operations a second of a large square matrix product with the present number of threads.

    A multiply and an add count as two. This is the rate a network's share is measured against: what this machine
    does in the best case, not what its data sheet says.
    """
    a = torch.randn(size, size, device=device).to(dtype)
    b = torch.randn(size, size, device=device).to(dtype)
    out = torch.empty(size, size, device=device, dtype=dtype)
    return 2.0 * size**3 / median_seconds(lambda: torch.mm(a, b, out=out), repeats=7, warm_up=2, clock=clock)


def convolution_operations(run: Callable[[], Any]) -> int:
    """Floating-point operations of the convolutions and matrix products that `run()` calls, by torch's own counter."""
    from torch.utils.flop_counter import FlopCounterMode

    with FlopCounterMode(display=False) as counter:
        run()
    return int(counter.get_total_flops())


def all_pairs(
    generator: Generator, portraits: list[Face], clip: list[Face], mode: MotionMode
) -> tuple[np.ndarray, dict[str, float]]:
    """Every portrait with one clip, in our order: the last pair's frames, and the median seconds of each kind of work
    on one picture."""
    taken: dict[str, list[float]] = {"encode_source": [], "encode_motion": [], "render": []}
    frames: list[np.ndarray] = []
    start = time.perf_counter()
    motion = generator.encode_motion(clip)
    taken["encode_motion"].append((time.perf_counter() - start) / len(clip))
    for portrait in portraits:
        start = time.perf_counter()
        source = generator.encode_source(portrait)
        taken["encode_source"].append(time.perf_counter() - start)
        frames, start = [], time.perf_counter()
        for frame in generator.render(source, motion, mode):
            taken["render"].append(time.perf_counter() - start)
            frames.append(frame)
            start = time.perf_counter()
    return np.stack(frames), {part: statistics.median(seconds) for part, seconds in taken.items()}


def machine() -> dict[str, Any]:
    """The facts a timing is meaningless without: processor, its flags, threads, GPU, versions."""
    return {
        "processor": _processor(),
        "flags": [flag for flag in FLAGS if flag in _cpu_flags()],
        "threads": torch.get_num_threads(),
        "gpu": torch.cuda.get_device_name(0) if torch.cuda.is_available() else None,
        "torch": torch.__version__,
        "python": platform.python_version(),
    }


def _finish() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def _cpuinfo(key: str) -> str:
    path = Path("/proc/cpuinfo")
    if not path.is_file():
        return ""
    for line in path.read_text().splitlines():
        name, _, value = line.partition(":")
        if name.strip() == key:
            return value.strip()
    return ""


def _cpu_flags() -> set[str]:
    return set(_cpuinfo("flags").split())


def _processor() -> str:
    return _cpuinfo("model name") or platform.processor() or "unknown"
