"""Frames a second of each generator: all pairs of some targets and one clip, as a data set is rendered.

One process for all three, so that torch and the GPU's libraries are loaded once. What users run comes first: bfloat16,
at the default number of frames a call; then float32, and fewer frames a call. What the limit has no room for is said.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from generators import Face, MotionMode
from tests.performance.gpu.device import (
    DTYPES,
    finish,
    host_waits,
    longest_kernels,
    matrix_rate,
    peak_memory,
    seconds,
    wall_seconds,
)
from tests.performance.gpu.networks import NAMES, Networks, faces
from tests.performance.gpu.part import tail_of
from tests.performance.gpu.rates import machine
from tests.performance.gpu.sizes import Sizes
from tests.performance.measure import convolution_operations

MODE = MotionMode("relative")
PRECISIONS = tuple(reversed(DTYPES))
KERNELS = {"bfloat16": 16, "float32": 8}


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """Every network in bfloat16, then in float32, and in between bfloat16 at a small number of frames a call."""
    deadline = time.monotonic() + sizes.seconds
    yield {"measured": "machine", **machine(device)}
    rates = {name: matrix_rate(dtype, device, sizes.matrix, repeats=3) for name, dtype in DTYPES.items()}
    subjects = {name: Subject(name, device, sizes, rates) for name in NAMES}
    # Each network's own number of frames a call in bfloat16; the small one in float32, where a call takes long.
    calls = {"bfloat16": None, "float32": sizes.calls}
    tasks: list[tuple[str, str, Callable[[], Iterator[dict[str, Any]]]]] = [
        (name, dtype, lambda name=name, dtype=dtype: subjects[name].measured(dtype, calls[dtype]))
        for dtype in PRECISIONS
        for name in NAMES
    ]
    others: list[tuple[str, str, Callable[[], Iterator[dict[str, Any]]]]] = [
        (name, PRECISIONS[0], lambda name=name: subjects[name].at_other_batch(sizes.calls)) for name in ("lia", "tps")
    ]
    tasks[-1:] = [*others, tasks[-1]]  # the last one takes longest
    longest = 0.0
    for name, dtype, task in tasks:
        begun = time.monotonic()
        about_it = {"generator": name, "dtype": dtype}
        if subjects[name].operations > sizes.slow:
            yield {"measured": "all pairs", **about_it, "state": "skipped", "reason": "a frame takes seconds here"}
            continue
        if begun + longest > deadline:
            yield {"measured": "all pairs", **about_it, "state": "skipped", "reason": "no time is left in this part"}
            continue
        try:
            for facts in task():
                yield {**facts, **about_it}
        except Exception as error:  # noqa: BLE001 - the others' figures are wanted all the same
            yield {"measured": "all pairs", **about_it, "state": "failed", "error": tail_of(error)}
        longest = max(longest, time.monotonic() - begun)


class Subject:
    """One network with its material; it is made anew for each precision."""

    def __init__(self, name: str, device: str, sizes: Sizes, rates: dict[str, float]) -> None:
        self.name, self.device, self.sizes, self.rates = name, device, sizes, rates
        self.networks: Networks | None = None
        self.generator: Any = None
        self.operations = 0.0  # of a frame
        self.targets: list[Face] = []
        self.clip: list[Face] = []

    def measured(self, dtype: str, batch: int | None) -> Iterator[dict[str, Any]]:
        """All pairs, the frames alone with and without a recording, and the longest kernels."""
        steps: dict[str, float] = {}
        with timed(steps, "making"):
            self.networks = self.networks or Networks(self.name, self.sizes.narrow)
            self.generator = None
            self.generator = self.networks.create(self.device, DTYPES[dtype], batch)
        if not self.targets:
            self.targets = faces(self.sizes.pairs[0], self.generator.size, 1)
            self.clip = faces(self.sizes.pairs[1], self.generator.size, 2)
        batch = self.generator.batch
        with timed(steps, "first frames"):
            self._first_frames()
        yield {"measured": "all pairs", "frames_a_call": batch, **self._pairs(dtype), "steps_s": steps}
        large = self.sizes.slow if dtype == PRECISIONS[0] else self.sizes.large
        if self.operations > large:
            return  # its frames take seconds, and what they would tell is known from bfloat16
        yield {"measured": "frames alone", "frames_a_call": batch, **self._alone(dtype)}
        yield {"measured": "kernels", **self._kernels(batch, KERNELS[dtype])}

    def at_other_batch(self, batch: int) -> Iterator[dict[str, Any]]:
        """All pairs in bfloat16 with so many frames a call."""
        assert self.networks is not None
        steps: dict[str, float] = {}
        self.generator = None
        self.generator = self.networks.create(self.device, DTYPES[PRECISIONS[0]], batch)
        with timed(steps, "first frames"):
            self._first_frames()
        yield {"measured": "all pairs", "frames_a_call": batch, **self._pairs(PRECISIONS[0]), "steps_s": steps}

    def _first_frames(self) -> None:
        """What is done once: algorithms are chosen, and batches recorded, a clip's last one at its second time."""
        _render(self.generator, self.targets[:2], self.clip)
        finish(self.device)

    def _pairs(self, dtype: str) -> dict[str, Any]:
        """The whole run's frames a second, encodings included, until the last frame is on the host."""
        memory: dict[str, Any] = {}
        with peak_memory(self.device, memory):
            targets = self.targets if dtype == PRECISIONS[0] else self.targets[:2]
            taken = wall_seconds(lambda: _render(self.generator, targets, self.clip), self.device)
        self.operations = self.operations or self._counted()
        count, rate = len(targets) * len(self.clip), self.rates[dtype]
        return {
            "targets": len(targets),
            "frames": len(self.clip),
            "frames_per_s": round(count / taken, 1),
            "gflop_a_frame": round(self.operations / 1e9, 2),
            "share_of_matrix_rate": round(self.operations * count / taken / rate, 3),
            "matrix_tflops": round(rate / 1e12, 2),
            **memory,
        }

    def _counted(self) -> float:
        """Floating-point operations of a frame, counted where each is started anew."""
        generator = self.generator
        with _started_anew(generator):
            source = generator.encode_source(self.targets[0])
            motion = generator.encode_motion(self.clip[: generator.batch])
            count = len(self.clip[: generator.batch])
            return convolution_operations(lambda: _frames_alone(generator, source, motion)) / count

    def _alone(self, dtype: str) -> dict[str, Any]:
        """Frames a second without encodings and copies to the host."""
        generator, count = self.generator, len(self.clip)
        source, motion = generator.encode_source(self.targets[0]), generator.encode_motion(self.clip)

        def rate() -> float:
            work = lambda: _frames_alone(generator, source, motion)  # noqa: E731
            return round(count / seconds(work, self.device, repeats=2, warm_up=1), 1)

        facts: dict[str, Any] = {
            # Batches stay on the device here; `to_host` has to wait for what it hands over.
            "host_waits_in_frame_loop": host_waits(lambda: _frames_alone(generator, source, motion), self.device),
            "recorded": generator.replay.recording,
            "frames_per_s": rate(),
        }
        with _started_anew(generator):
            facts["frames_per_s_started_anew"] = rate()
        return facts

    def _kernels(self, batch: int, count: int) -> dict[str, Any]:
        generator = self.generator
        source, motion = generator.encode_source(self.targets[0]), generator.encode_motion(self.clip[:batch])
        begun = time.monotonic()
        longest = longest_kernels(lambda: _frames_alone(generator, source, motion), self.device, count)
        return {"frames": batch, "longest": longest, "profiling_s": round(time.monotonic() - begun, 2)}


@contextmanager
def _started_anew(generator: Any) -> Iterator[None]:
    """Within, every operation is started by the host, none by a recording."""
    recording, generator.replay.recording = generator.replay.recording, False
    try:
        yield
    finally:
        generator.replay.recording = recording


@contextmanager
def timed(into: dict[str, float], name: str) -> Iterator[None]:
    """Puts the seconds within into `into[name]`."""
    begun = time.monotonic()
    yield
    into[name] = round(time.monotonic() - begun, 2)


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
