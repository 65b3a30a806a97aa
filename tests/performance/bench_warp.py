"""Frames a second of the warp generators on one core, beside scikit-image's piecewise-affine warp in the same run.

Run: `OMP_NUM_THREADS=1 python -m tests.performance.bench_warp`
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from functools import partial

import cv2
import numpy as np
from skimage import data
from skimage.transform import PiecewiseAffineTransform, warp

from generators import Face, MotionMode, create
from generators.warp import Motion, Source, Warp
from tests.generators.warp.acting import performance
from tests.generators.warp.facemesh import portrait

VARIANTS = ("warp-dense", "warp-tps", "warp-parts")
FRAMES = 100
BASELINE_FRAMES = 4
REPEATS = 5


def seconds(work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock seconds of `work()`, after one run that does not count."""
    work()
    taken = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken)


def plain_warp(image: np.ndarray, source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """The few lines anybody would write first: a Delaunay triangulation for every frame, no mouth, no lids."""
    corners = np.array([[0, 0], [255, 0], [0, 255], [255, 255]])
    known, expected = np.r_[target[:, :2], corners], np.r_[source[:, :2], corners]
    if hasattr(PiecewiseAffineTransform, "from_estimate"):
        transform = PiecewiseAffineTransform.from_estimate(known, expected)
    else:
        transform = PiecewiseAffineTransform()
        transform.estimate(known, expected)
    return warp(image, transform, output_shape=image.shape[:2])


def render_all(generator: Warp, source: Source, motion: Motion) -> None:
    for _ in generator.render(source, motion, MotionMode()):
        pass


def main() -> None:
    cv2.setNumThreads(1)
    face = portrait(data.astronaut())
    assert face.mesh is not None
    meshes = performance(face.mesh, FRAMES)
    blank = np.zeros_like(face.image)
    step = max(1, FRAMES // BASELINE_FRAMES)
    few = meshes[::step][:BASELINE_FRAMES]
    plain = seconds(lambda: [plain_warp(face.image, face.mesh, mesh) for mesh in few], 1) / len(few)
    print(f"{'scikit-image piecewise affine':32s}{1 / plain:9.1f} frames/s")
    for name in VARIANTS:
        generator = create(name)
        assert isinstance(generator, Warp)
        encoding = seconds(partial(generator.encode_source, face), 3)
        source = generator.encode_source(face)
        motion = generator.encode_motion(Face(blank, mesh) for mesh in meshes)
        each = seconds(partial(render_all, generator, source, motion), REPEATS) / FRAMES
        print(
            f"{name:32s}{1 / each:9.1f} frames/s  {1000 * each:6.2f} ms a frame  {1000 * encoding:6.1f} ms a portrait  "
            f"{plain / each:6.0f} x the plain warp"
        )


if __name__ == "__main__":
    main()
