"""Windows a second of training: the data path alone, whole steps at two sizes, and what an NVFAIR-sized epoch takes."""

from __future__ import annotations

import statistics
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmark.methods.inputs import FrameFeatures
from benchmark.methods.train_options import TrainOptions
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.loop import Training, reproducible
from benchmark.windows.device_frames import FramePlacement, FramePoints
from tests.performance.bench_training import step_parts
from tests.performance.gpu.device import (
    DTYPES,
    host_waits,
    longest_kernels,
    matrix_rate,
    peak_memory,
    seconds,
    wall_seconds,
)
from tests.performance.gpu.sizes import Sizes
from tests.performance.gpu.windows import made_windows
from tests.performance.measure import convolution_operations

# Training videos of NVFAIR by all its generators.
NVFAIR_VIDEOS = 358_614
PLACES: tuple[FramePlacement, ...] = ("device", "stream")


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """The data path, the steps of each size and precision, then one step's kernels."""
    windows = made_windows(sizes.windows)
    yield from _data_path(windows, device, sizes)
    rates = {name: matrix_rate(dtype, device, sizes.matrix, repeats=3) for name, dtype in DTYPES.items()}
    usual = TrainOptions(("made",), batch=sizes.batch, drivers=sizes.drivers)
    for width in sizes.widths:
        # The baseline's size with frames in each place; NVFAIR's are too many for a card's memory, so they stream.
        for precision in reversed(DTYPES):
            for place in PLACES if width == sizes.widths[0] else ("stream",):
                options = replace(usual, width=width, precision=precision)
                yield _steps(windows, options, place, device, sizes, rates[precision])
    options = replace(usual, width=sizes.widths[0], precision="bfloat16")
    with tempfile.TemporaryDirectory() as folder, reproducible(device):
        training = _training(windows, options, "device", device, folder)
        _step(training)
        yield {
            "measured": "step's parts",
            "width": options.width,
            "ms": {part: round(taken * 1e3, 3) for part, taken in step_parts(training).items()},
        }
        yield {
            "measured": "kernels",
            "width": options.width,
            "longest": longest_kernels(lambda: _step(training), device),
        }


def _data_path(windows: Any, device: str, sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Windows a second, gathered and turned into distances."""
    features = FrameFeatures()
    points = features.prepare_points(windows.landmarks)
    rng = np.random.default_rng(0)
    for place in PLACES:
        frames = FramePoints(points, device, place)

        def batch(frames: FramePoints = frames) -> None:
            chosen = rng.choice(len(windows), sizes.batch, replace=False)
            features(frames.take(windows.rows(chosen)).flatten(0, 1))

        taken = seconds(batch, device, repeats=sizes.repeats, warm_up=3, inner=sizes.steps)
        yield {"measured": "data path", "frames": place, "windows_per_s": round(sizes.batch / taken)}


def _steps(
    windows: Any, options: TrainOptions, place: FramePlacement, device: str, sizes: Sizes, rate: float
) -> dict[str, Any]:
    memory: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder, reproducible(device), peak_memory(device, memory):
        training = _training(windows, options, place, device, folder)
        _step(training)
        _step(training)
        waits = host_waits(lambda: _step(training), device)
        rounds = [wall_seconds(lambda: _several(training, sizes.steps), device) for _ in range(sizes.rounds)]
        taken = statistics.median(rounds) / sizes.steps
        operations = convolution_operations(lambda: _step(training))
    a_second = options.batch / taken
    return {
        "measured": "training step",
        "width": options.width,
        "dtype": options.precision,
        "frames": place,
        "windows_per_s": round(a_second, 1),
        "step_ms": round(taken * 1e3, 3),
        "gflop_a_step": round(operations / 1e9, 2),
        "share_of_matrix_rate": round(operations / taken / rate, 4),
        "matrix_tflops": round(rate / 1e12, 2),
        "host_waits_in_step": waits,
        "nvfair_epoch_s": round(NVFAIR_VIDEOS / a_second, 1),
        "nvfair_epoch_is": f"projected: {NVFAIR_VIDEOS:,} videos, one window each, without reading and validation",
        **memory,
    }


def _training(windows: Any, options: TrainOptions, place: FramePlacement, device: str, folder: str) -> Training:
    validation: Any = None  # nothing is validated
    return Training(
        windows,
        validation,
        replace(options, windows=10**9),
        Path(folder),
        TrainingProcesses(device),
        frame_placement=place,
    )


def _several(training: Training, steps: int) -> None:
    for _ in range(steps):
        _step(training)


def _step(training: Training) -> None:
    training.step(1e-4)
    training.state.step += 1  # the next step takes the next batch
