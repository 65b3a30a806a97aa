"""Which number format a network is faster in on this machine, measured on the network itself.

The names of a processor's instructions do not tell: of two that have AVX-512's bfloat16 instructions without AMX, one
was two to four times slower in bfloat16 than in float32, the other up to twice as fast (docs/generators.md).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import torch

from generators.device import DTYPES, resolve
from generators.face import Face
from generators.generator import Generator, MotionMode

# bfloat16 is chosen where it is faster by so much: float32 has the exact pixels.
WORTHWHILE = 1.1
_CLEAR = 1.5  # ratio of times after which nothing more is measured
_ROUNDS = 4


@dataclass(frozen=True)
class FormatSpeeds:
    """Seconds of a rendered frame in float32 and in bfloat16, of one network on one device."""

    float32: float
    bfloat16: float

    @property
    def gain(self) -> float:
        """How many times as fast as float32 bfloat16 is."""
        return self.float32 / self.bfloat16

    @property
    def faster(self) -> str:
        """The format to choose: bfloat16 only where it gains enough for its rounding."""
        return "bfloat16" if self.gain >= WORTHWHILE else "float32"

    def __str__(self) -> str:
        if self.gain >= 1:
            return f"bfloat16 is {self.gain:.1f} times as fast as float32 here"
        return f"bfloat16 is {1 / self.gain:.1f} times slower than float32 here"


def device_text(device: str) -> str:
    """What a measurement depends on beside the network: device, torch's version, and its threads on a CPU."""
    where, _ = resolve(device)
    name = torch.cuda.get_device_name(where) if where.type == "cuda" else f"cpu, {torch.get_num_threads()} threads"
    return f"{name}, torch {torch.__version__}"


def measure_formats(build: Callable[[str], Generator]) -> FormatSpeeds:
    """Times a network in both formats on pictures of noise, by turns; the least time of each counts.

    build: makes the generator in a format; its errors pass through. The first turn warms up and does not count. It
    takes about ten frames of each, fewer where the difference is clear.
    """
    turns = {name: _timed_frames(build(name)) for name in DTYPES}
    least = {name: float("inf") for name in DTYPES}
    for number in range(_ROUNDS):
        for name, times in turns.items():
            seconds = next(times)
            if number > 0:
                least[name] = min(least[name], seconds)
        if number > 0 and not 1 / _CLEAR < least["float32"] / least["bfloat16"] < _CLEAR:
            break
    return FormatSpeeds(**least)


def _timed_frames(generator: Generator) -> Iterator[float]:
    """Seconds a frame, measured anew each time one is asked for: of one call's frames."""
    frames = getattr(generator, "batch", 1)
    face = Face(_noise_picture(generator.size))
    source = generator.encode_source(face)
    motion = generator.encode_motion(face for _ in range(frames))
    while True:
        start = time.perf_counter()
        count = sum(1 for _ in generator.render(source, motion, MotionMode("relative")))
        yield (time.perf_counter() - start) / count


def _noise_picture(size: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (size, size, 3), dtype=np.uint8)
