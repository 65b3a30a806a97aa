"""Frames a second of the landmark-distance features, compared with SciPy and plain numpy.

OMP_NUM_THREADS=1 python -m tests.performance.bench_features [--frames 512]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from scipy.spatial.distance import pdist

from nvfair_tools.features import distances, pair_indices


def plain_numpy(points: np.ndarray, first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """What one writes first: gather both ends of every pair, then the norm."""
    centred = points - points.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(centred).sum(axis=2).mean(axis=1))
    return np.linalg.norm(points[:, first] - points[:, second], axis=2) / scale[:, None]


def scipy_pdist(points: np.ndarray) -> np.ndarray:
    """SciPy's pdist, frame by frame."""
    centred = points - points.mean(axis=1, keepdims=True)
    scale = np.sqrt(np.square(centred).sum(axis=2).mean(axis=1))
    return np.stack([pdist(face) / size for face, size in zip(points, scale, strict=True)])


def rate(work: Callable[[], object], frames: int, repeats: int) -> float:
    """Frames a second: the best of `repeats` runs after one that does not count (the machine may be shared)."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return frames / min(taken)


def measure(frames: int = 512, repeats: int = 15) -> dict[str, float]:
    """Rates by method, in turn on the same landmarks."""
    points = (np.random.default_rng(0).normal(size=(frames, 126, 2)) * 60 + 300).astype(np.float32)
    first, second = pair_indices(126)
    rows = np.empty((frames, 7875), np.float32)
    return {
        "ours, reused output": rate(lambda: distances(points, out=rows), frames, repeats),
        "ours": rate(lambda: distances(points), frames, repeats),
        "ours, float16": rate(lambda: distances(points, dtype=np.float16), frames, repeats),
        "scipy pdist": rate(lambda: scipy_pdist(points), frames, max(3, repeats // 3)),
        "plain numpy": rate(lambda: plain_numpy(points, first, second), frames, max(3, repeats // 3)),
    }


def main(arguments: list[str] | None = None) -> None:
    """Prints the rates as JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--frames", type=int, default=512)
    parser.add_argument("--repeats", type=int, default=15)
    options = parser.parse_args(arguments)
    rates = measure(options.frames, options.repeats)
    print(json.dumps({name: round(value) for name, value in rates.items()}, indent=1))


if __name__ == "__main__":
    main()
