"""Seconds a rendered frame of LIA: every target with every clip in our order, and everything redone for each pair.

    python -m tests.performance.bench_lia [--targets 8] [--frames 16] [--naive-frames 3] [--weights vox.pt]

Weights decide nothing about speed; without a file they are random, and so are the pictures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators import Face, Generator, MotionMode
from generators.checkpoint import read_checkpoint
from generators.lia import Lia
from generators.lia.layout import read_network
from generators.lia.network import Architecture, Network
from generators.weights import Weights
from tests.generators.lia.networks import pictures
from tests.generators.noise import noise_checkpoint
from tests.performance.measure import all_pairs, convolution_operations, machine, matmul_rate, median_seconds

WEIGHTS = Weights(Path("noise"), "", "none")


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON object a line: the machine, each order and precision, and the error of bfloat16."""
    options = _options(arguments)
    torch.set_num_threads(options.threads)
    _print(machine())
    rates = {name: matmul_rate(getattr(torch, name)) for name in options.dtypes}
    checkpoint = read_checkpoint(options.weights) if options.weights else noise_checkpoint("lia")
    network = read_network(checkpoint, where="the benchmark's weights")
    portraits, clip = _faces(options.targets, 1), _faces(options.frames, 2)

    naive = {}
    for name in options.dtypes:
        with torch.inference_mode(), torch.autocast("cpu", torch.bfloat16, enabled=name == "bfloat16"):
            naive[name] = median_seconds(_naive_frames(network, portraits[0], clip), repeats=options.naive_frames)
        _print({"order": "naive", "dtype": name, "seconds_per_frame": round(naive[name], 4)})

    frames = {}
    for name in options.dtypes:
        dtype = getattr(torch, name)
        lia = Lia(checkpoint, WEIGHTS, device=torch.device("cpu"), dtype=dtype)
        all_pairs(
            lia, portraits[:1], clip[:1], MotionMode()
        )  # what the first call of every layer costs is no frame's cost
        start = time.perf_counter()
        frames[name], parts = all_pairs(lia, portraits, clip, MotionMode())
        wall = (time.perf_counter() - start) / (len(portraits) * len(clip))
        seconds = parts["render"] + parts["encode_source"] / len(clip) + parts["encode_motion"] / len(portraits)
        operations = _operations(lia, portraits[0], clip[0], len(portraits), len(clip))
        rate = max(rates[name], matmul_rate(dtype))  # a busy neighbour slows a rate down, never up
        _print(
            {
                "order": "ours",
                "dtype": name,
                "seconds_per_frame": round(seconds, 4),
                "wall_seconds_per_frame": round(wall, 4),
                "times_faster_than_naive": round(naive[name] / seconds, 2),
                "gflop_per_frame": round(operations / 1e9, 2),
                "matmul_gflops": round(rate / 1e9, 1),
                "share_of_matmul_rate": round(operations / seconds / rate, 3),
                "median_seconds": {part: round(value, 4) for part, value in parts.items()},
            }
        )
    if len(frames) == 2:
        error = np.abs(frames["bfloat16"] - frames["float32"])
        span = float(np.ptp(frames["float32"]))
        _print({"bfloat16_error": {"max": float(error.max()), "mean": float(error.mean()), "frames_span": span}})


def both_orders(dtypes: list[str]) -> tuple[Callable[[], Any], dict[str, tuple[Generator, list[Face]]]]:
    """For `bench_ratios`: one frame of the published order, and for each format our generator with two faces."""
    checkpoint = noise_checkpoint("lia")
    faces = _faces(1, 1) + _faces(1, 2)
    published = _naive_frames(read_network(checkpoint, where="the benchmark's weights"), faces[0], faces[1:])
    cpu = torch.device("cpu")
    return published, {
        name: (Lia(checkpoint, WEIGHTS, device=cpu, dtype=getattr(torch, name)), faces) for name in dtypes
    }


def _naive_frames(network: Network, portrait: Face, clip: list[Face]) -> Callable[[], torch.Tensor]:
    """One frame as the demo renders it, by the plain modules: both pictures encoded, the dictionary decomposed anew."""

    def image(face: Face) -> torch.Tensor:
        return (torch.from_numpy(face.image).permute(2, 0, 1)[None] / 255.0 - 0.5) * 2.0

    start = network.enc.fc(network.enc.net_app(image(clip[0]))[0])

    def each() -> Iterator[torch.Tensor]:
        while True:
            for face in clip:
                style, features = network.enc.net_app(image(portrait))
                own = network.enc.fc(style)
                driving = network.enc.fc(network.enc.net_app(image(face))[0])
                direction = network.dec.direction
                yield network.dec(style + direction(driving) - direction(start) + direction(own), features)[0]

    frames = each()
    return lambda: next(frames)


def _operations(lia: Lia, portrait: Face, driving: Face, targets: int, frames: int) -> float:
    """Floating-point operations a rendered frame of all pairs, encodings shared out."""
    source, motion = lia.encode_source(portrait), lia.encode_motion([driving])
    return (
        convolution_operations(lambda: lia.encode_source(portrait)) / frames
        + convolution_operations(lambda: lia.encode_motion([driving])) / targets
        + convolution_operations(lambda: list(lia.render(source, motion, MotionMode())))
    )


def _faces(count: int, seed: int) -> list[Face]:
    values = pictures(count, Architecture().size, seed).permute(0, 2, 3, 1)
    return [Face(image) for image in ((values + 1.0) * 127.5).round().to(torch.uint8).numpy()]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=8)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--naive-frames", type=int, default=3)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--weights", type=Path)
    return parser.parse_args(arguments)


def _print(facts: dict[str, object]) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
