"""Frames a second of one generator: all pairs of some targets and one clip, as a data set is rendered."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from generators import Face, MotionMode
from tests.performance.gpu.device import (
    DTYPES,
    host_waits,
    longest_kernels,
    matrix_rate,
    peak_memory,
    wall_seconds,
)
from tests.performance.gpu.networks import Networks, faces
from tests.performance.gpu.sizes import Sizes
from tests.performance.measure import convolution_operations

MODE = MotionMode("relative")


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """Both precisions at the default number of frames a call, then at the others; about: the generator."""
    networks = Networks(about, sizes.narrow)
    rates = {name: matrix_rate(dtype, device, sizes.matrix, repeats=3) for name, dtype in DTYPES.items()}
    generators = {name: networks.create(device, dtype) for name, dtype in DTYPES.items()}
    for batch in sizes.calls:
        for name, generator in generators.items():
            generator.batch = batch
            targets = faces(sizes.pairs[0], generator.size, 1)
            clip = faces(sizes.pairs[1], generator.size, 2)
            facts = {"measured": "all pairs", "dtype": name, "targets": len(targets), "frames": len(clip)}
            yield facts | {"frames_a_call": batch} | _pairs(generator, targets, clip, device, rates[name])
            if batch == sizes.calls[0]:
                yield {"measured": "kernels", "dtype": name} | _kernels(generator, targets[0], clip[:batch], device)


def _pairs(generator: Any, targets: list[Face], clip: list[Face], device: str, rate: float) -> dict[str, Any]:
    """The whole run's frames a second, encodings included, until the last frame is on the host."""
    # What the first calls do (choosing algorithms, asking for memory) is no frame's cost.
    _render(generator, targets[:1], clip)
    memory: dict[str, Any] = {}
    with peak_memory(device, memory):
        taken = wall_seconds(lambda: _render(generator, targets, clip), device)
    count = len(targets) * len(clip)
    batch = clip[: generator.batch]
    source, motion = generator.encode_source(targets[0]), generator.encode_motion(clip)
    # Batches stay on the device here; `to_host` has to wait for what it hands over.
    waits = host_waits(lambda: _frames_alone(generator, source, motion), device)
    alone = wall_seconds(lambda: _frames_alone(generator, source, motion), device)
    short = generator.encode_motion(batch)
    operations = convolution_operations(lambda: _frames_alone(generator, source, short)) / len(batch)
    return {
        "frames_per_s": round(count / taken, 1),
        "frames_per_s_without_encoding_and_copies": round(len(clip) / alone, 1),
        "gflop_a_frame": round(operations / 1e9, 2),
        "share_of_matrix_rate": round(operations * count / taken / rate, 3),
        "matrix_tflops": round(rate / 1e12, 2),
        "host_waits_in_frame_loop": waits,
        **memory,
    }


def _render(generator: Any, targets: list[Face], clip: list[Face]) -> None:
    motion = generator.encode_motion(clip)
    for target in targets:
        for _ in generator.render(generator.encode_source(target), motion, MODE):
            pass


def _frames_alone(generator: Any, source: Any, motion: Any) -> None:
    """The loop over frames without what brings them to the host."""
    for batch in frame_batches(generator, source, motion):
        assert isinstance(batch, torch.Tensor)


def frame_batches(generator: Any, source: Any, motion: Any) -> Iterator[torch.Tensor]:
    """A pair's frames, a batch at a time, on the device."""
    if generator.name == "lia":
        return generator._batches(source, generator._codes(source, motion, MODE))
    if generator.name == "tps":
        return generator._batches(source, *generator.targets(source, motion, MODE))
    return generator._batches(source.appearance, generator.driving_keypoints(source, motion, MODE))


def _kernels(generator: Any, target: Face, clip: list[Face], device: str) -> dict[str, Any]:
    source, motion = generator.encode_source(target), generator.encode_motion(clip)
    return {"longest": longest_kernels(lambda: _frames_alone(generator, source, motion), device)}
