"""TPS over all pairs, in our order and in the published demo's, in one run: `python -m tests.performance.bench_tps`.

*Naive* redoes for every frame what the published demo redoes: the source's encoding, on plain networks one pair at a
time. *Ours* encodes each target once and each driving frame once. Random weights: the work is the same.
Every figure is a median; `share` is the convolutions' operations as published, over our time, over the rate of a
large matrix product here. It may exceed 1: Winograd and sub-pixel convolutions do less than the published operations.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators import Face, Generator, MotionMode, create
from generators.checkpoint import Checkpoint, load_strict
from generators.tps.animation import relative
from generators.tps.generator import Tps
from generators.tps.layout import LAYOUT
from generators.weights import Weights
from tests.generators.noise import noise_checkpoint
from tests.performance.measure import convolution_operations, machine, matmul_rate, median_seconds


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON object. The defaults stand for 8 targets x 1 driver x 16 frames and take under a minute."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--targets", type=int, default=8)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--timed", type=int, default=5, help="driving frames rendered for each figure")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--whole", action="store_true", help="render every pair and frame instead of extrapolating")
    options = parser.parse_args(arguments)
    torch.set_num_threads(options.threads)
    checkpoint = noise_checkpoint("tps")
    faces = _faces(options.targets + options.frames)
    targets, driving = faces[: options.targets], faces[options.targets :]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "random.pth"
        torch.save(checkpoint, path)
        ours = {dtype: create("tps", weights=path, device=options.device, dtype=dtype) for dtype in RATES}
    report = {"machine": machine(), "pairs": [options.targets, 1, options.frames]}
    operations, report["naive_seconds_a_frame"] = _naive(
        checkpoint, targets[0], driving[: options.timed], options.device
    )
    report["published_gigaoperations_a_frame"] = round(operations / 1e9, 1)
    for dtype, generator in ours.items():
        figures = (_whole if options.whole else _parts)(generator, targets, driving, options.timed)
        rate = matmul_rate(RATES[dtype], options.device)
        figures["matmul_gigaoperations_a_second"] = round(rate / 1e9)
        figures["share"] = round(operations / figures["seconds_a_rendered_frame"] / rate, 2)
        report[dtype] = figures
    report["bfloat16"].update(_error(ours, targets[0], driving[:2]))
    print(json.dumps(report, indent=2))


RATES = {"float32": torch.float32, "bfloat16": torch.bfloat16}


def _faces(count: int) -> list[Face]:
    y, x = np.mgrid[0:256, 0:256] / 256.0
    pictures = (
        np.stack([np.sin(5 * x + 0.3 * k + c) * np.cos(4 * y - 0.2 * k + c) for c in range(3)], -1)
        for k in range(count)
    )
    return [Face(np.uint8(127.5 + 120 * picture)) for picture in pictures]


def _parts(generator, targets: list[Face], driving: list[Face], timed: int) -> dict[str, float]:
    """Seconds a rendered frame of the whole run, from the medians of its three parts."""
    source, motion = generator.encode_source(targets[0]), generator.encode_motion(driving[:timed])
    encode = median_seconds(lambda: generator.encode_source(targets[0]))
    track = median_seconds(lambda: generator.encode_motion(driving[:1]))
    stream_seconds = []
    stream = generator.render(source, motion, MotionMode())
    next(stream)
    for _ in range(timed - 1):
        start = time.perf_counter()
        next(stream)
        stream_seconds.append(time.perf_counter() - start)
    paint = float(np.median(stream_seconds))
    # N sources and T driving frames serve N x T rendered frames.
    total = paint + encode / len(driving) + track / len(targets)
    return {
        "seconds_a_rendered_frame": round(total, 4),
        "render_seconds": round(paint, 4),
        "encode_source_seconds": round(encode, 4),
        "encode_motion_seconds_a_frame": round(track, 4),
    }


def _whole(generator, targets: list[Face], driving: list[Face], timed: int) -> dict[str, float]:
    """Seconds a rendered frame of the run itself."""
    del timed
    start = time.perf_counter()
    motion = generator.encode_motion(driving)
    for target in targets:
        for _ in generator.render(generator.encode_source(target), motion, MotionMode()):
            pass
    seconds = time.perf_counter() - start
    return {"seconds_a_rendered_frame": round(seconds / len(targets) / len(driving), 4)}


def both_orders(dtypes: list[str]) -> tuple[Callable[[], Any], dict[str, tuple[Generator, list[Face]]]]:
    """For `bench_ratios`: one frame of the published order, and for each format our generator with two faces."""
    checkpoint = noise_checkpoint("tps")
    faces = _faces(2)
    frame = _published(checkpoint, faces[0], faces[1:], "cpu")
    cpu, weights = torch.device("cpu"), Weights(Path("noise"), "", "none")
    return lambda: frame(0), {name: (Tps(checkpoint, weights, device=cpu, dtype=RATES[name]), faces) for name in dtypes}


def _naive(checkpoint: Checkpoint, target: Face, driving: list[Face], device: str) -> tuple[int, float]:
    frame = _published(checkpoint, target, driving, device)
    operations = convolution_operations(lambda: frame(0))
    taken = [median_seconds(lambda k=k: frame(k), repeats=1, warm_up=0) for k in range(1, len(driving))]
    return operations, round(float(np.median(taken)), 4)


def _published(checkpoint: Checkpoint, target: Face, driving: list[Face], device: str) -> Callable[[int], torch.Tensor]:
    """Renders the frame of a number as the demo does: only the portrait's keypoints were computed before."""
    networks = {}
    for module, build in LAYOUT.required.items():
        networks[module] = build().eval().requires_grad_(False)
        load_strict(networks[module], checkpoint[module], where=module)
        networks[module].to(device)
    pictures = [
        torch.from_numpy(np.float32(face.image / 255.0)).permute(2, 0, 1)[None].contiguous()
        for face in (target, *driving)
    ]
    image, *clip = [picture.to(device) for picture in pictures]
    detect = networks["kp_detector"]
    with torch.inference_mode():
        source, first = detect(image), detect(clip[0])

    @torch.inference_mode()
    def frame(k: int) -> torch.Tensor:
        keypoints = relative(source[0], detect(clip[k]), first[0])
        field = networks["dense_motion_network"](image, source, keypoints)
        return networks["inpainting_network"](image, field).cpu()

    return frame


def _error(ours, target: Face, driving: list[Face]) -> dict[str, float]:
    """Pixels of bfloat16 against float32, in [0, 1]."""
    rendered = {}
    for dtype, generator in ours.items():
        motion = generator.encode_motion(driving)
        stream = generator.render(generator.encode_source(target), motion, MotionMode("absolute"))
        rendered[dtype] = np.stack(list(stream))
    difference = np.abs(rendered["bfloat16"] - rendered["float32"])
    return {"mean_pixel_error": float(difference.mean()), "worst_pixel_error": float(difference.max())}


if __name__ == "__main__":
    main()
