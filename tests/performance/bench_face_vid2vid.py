"""Seconds a rendered frame of face-vid2vid: all pairs in our order, and everything redone for each pair and frame.

    python -m tests.performance.bench_face_vid2vid [--targets 8] [--frames 16] [--naive-frames 2] [--weights file]
    python -m tests.performance.bench_face_vid2vid --targets 2 --frames 3 --naive-frames 1      # about a minute

Weights decide nothing about speed; without a file they are seeded noise, and so are the pictures.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators import Face, Generator, MotionMode
from generators.checkpoint import Checkpoint, read_checkpoint
from generators.face_vid2vid.appearance import VARIANTS
from generators.face_vid2vid.generator import FaceVid2Vid
from generators.face_vid2vid.head_pose import HeadPoseEstimator
from generators.face_vid2vid.keypoints import KeypointDetector
from generators.face_vid2vid.layout import MODULES, identify_variant
from generators.face_vid2vid.rotation import degrees, posed, rotation_matrix
from generators.face_vid2vid.sizes import Sizes
from generators.weights import Weights
from tests.generators.noise import noise_checkpoint
from tests.performance.measure import all_pairs, convolution_operations, machine, matmul_rate

SIZES = Sizes()
WEIGHTS = Weights(Path("noise"), "", "none")


def main(arguments: list[str] | None = None) -> None:
    """Prints one JSON object a line: the machine, each order and precision, and the error of bfloat16."""
    options = _options(arguments)
    if options.threads:
        torch.set_num_threads(options.threads)
    _print(machine())
    checkpoint = read_checkpoint(options.weights) if options.weights else noise_checkpoint("face-vid2vid")
    portraits, clip = _faces(options.targets, 1), _faces(options.frames, 2)

    naive, naive_operations = _naive(checkpoint, portraits[0], clip, options)
    frames: dict[str, np.ndarray] = {}
    for name in options.dtypes:
        frames[name] = _ours(checkpoint, portraits, clip, name, options.device, naive[name], naive_operations)
    if len(frames) == 2:
        error = np.abs(frames["bfloat16"] - frames["float32"])
        span = float(np.ptp(frames["float32"]))
        _print({"bfloat16_error": {"max": float(error.max()), "mean": float(error.mean()), "frames_span": span}})


def _ours(
    checkpoint: Checkpoint,
    portraits: list[Face],
    clip: list[Face],
    dtype: str,
    device: str,
    naive: float,
    naive_operations: float,
) -> np.ndarray:
    """The last pair's frames; prints the times, `naive` and its operations a frame being what they are held against."""
    model = FaceVid2Vid(checkpoint, WEIGHTS, device=torch.device(device), dtype=getattr(torch, dtype))
    all_pairs(
        model, portraits[:1], clip[:1], MotionMode("absolute")
    )  # what the first call of every layer costs is no frame's cost
    start = time.perf_counter()
    frames, parts = all_pairs(model, portraits, clip, MotionMode("absolute"))
    wall = (time.perf_counter() - start) / (len(portraits) * len(clip))
    # As if 8 targets and 16 frames had been asked for, however few were run.
    seconds = parts["render"] + parts["encode_source"] / 16 + parts["encode_motion"] / 8
    source, motion = model.encode_source(portraits[0]), model.encode_motion(clip[:1])
    done = convolution_operations(lambda: list(model.render(source, motion, MotionMode("absolute"))))
    rate = matmul_rate(getattr(torch, dtype), device)
    _print(
        {
            "order": "ours",
            "dtype": dtype,
            "seconds_per_frame": round(seconds, 3),
            "wall_seconds_per_frame": round(wall, 3),
            "times_faster_than_naive": round(naive / seconds, 2),
            "gflop_per_frame": round(done / 1e9, 1),
            "gflop_per_frame_naive": round(naive_operations / 1e9, 1),
            "matmul_gflops": round(rate / 1e9, 1),
            "share_of_matmul_rate": round(done / parts["render"] / rate, 3),
            "median_seconds": {part: round(value, 4) for part, value in parts.items()},
        }
    )
    return frames


def both_orders(dtypes: list[str]) -> tuple[Callable[[], Any], dict[str, tuple[Generator, list[Face]]]]:
    """For `bench_ratios`: one frame of the published order, and for each format our generator with two faces."""
    checkpoint = noise_checkpoint("face-vid2vid")
    faces = _faces(1, 1) + _faces(1, 2)
    frame = _published(checkpoint, faces[0], "cpu")
    cpu = torch.device("cpu")
    return lambda: frame(faces[1]), {
        name: (FaceVid2Vid(checkpoint, WEIGHTS, device=cpu, dtype=getattr(torch, name)), faces) for name in dtypes
    }


@torch.inference_mode()
def _naive(
    checkpoint: Checkpoint, portrait: Face, clip: list[Face], options: argparse.Namespace
) -> tuple[dict[str, float], float]:
    """Median seconds a frame of each type, and operations a frame, of the published networks as they stand."""
    frame = _published(checkpoint, portrait, options.device)
    seconds = {}
    for name in options.dtypes:
        taken = []
        with torch.autocast(options.device, torch.bfloat16, enabled=name == "bfloat16"):
            frame(clip[0])
            for index in range(options.naive_frames):
                start = time.perf_counter()
                frame(clip[index % len(clip)])
                taken.append(time.perf_counter() - start)
        seconds[name] = statistics.median(taken)
        _print({"order": "naive", "dtype": name, "seconds_per_frame": round(seconds[name], 3)})
    return seconds, convolution_operations(lambda: frame(clip[0]))


@torch.inference_mode()
def _published(checkpoint: Checkpoint, portrait: Face, device: str) -> Callable[[Face], np.ndarray]:
    """Renders a driving face's frame as the published demo does: only the portrait's keypoints were computed before."""
    variant, antialias = identify_variant(checkpoint, where="the benchmark's weights")
    networks = (VARIANTS[variant](SIZES), KeypointDetector(SIZES, antialias), HeadPoseEstimator(SIZES))
    for module, network in zip(MODULES, networks, strict=True):
        network.load_state_dict(checkpoint[module])
        network.eval().to(device)
    generator, detector, estimator = networks

    def pixels(face: Face) -> torch.Tensor:
        return (torch.from_numpy(face.image).permute(2, 0, 1)[None].float() / 255).contiguous().to(device)

    def keypoints(face: Face) -> torch.Tensor:
        out = estimator(pixels(face))
        rotation = rotation_matrix(*(degrees(out[name]) for name in ("yaw", "pitch", "roll")))
        return posed(canonical, rotation, out["translation"].float(), out["expression"].float())

    canonical = detector(pixels(portrait))
    own = keypoints(portrait)

    @torch.inference_mode()
    def frame(face: Face) -> np.ndarray:
        return generator(pixels(portrait), keypoints(face), own).cpu().numpy()

    return frame


def _faces(count: int, seed: int) -> list[Face]:
    """Smooth noise that differs from picture to picture."""
    random = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 12, 12, generator=random)
    smooth = torch.nn.functional.interpolate(coarse, size=SIZES.image, mode="bilinear")
    return [Face(picture) for picture in (smooth.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).numpy()]


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--targets", type=int, default=8)
    parser.add_argument("--frames", type=int, default=16)
    parser.add_argument("--naive-frames", type=int, default=2)
    parser.add_argument("--threads", type=int, default=2, help="0 keeps torch's own choice")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--dtypes", nargs="+", choices=("float32", "bfloat16"), default=["float32", "bfloat16"])
    parser.add_argument("--weights", type=Path)
    return parser.parse_args(arguments)


def _print(facts: dict[str, object]) -> None:
    print(json.dumps(facts), flush=True)


if __name__ == "__main__":
    main()
