"""The published code's own frames, on this device: how far ours are from them, in float32 (no TF32) and bfloat16."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from generators import Face, MotionMode
from generators.face_vid2vid.layout import layout
from generators.lia.layout import LAYOUT as LIA
from generators.tps.layout import LAYOUT as TPS
from tests.generators.published_weights import filled
from tests.performance.gpu.device import DTYPES
from tests.performance.gpu.material import FILES, golden_folder
from tests.performance.gpu.networks import CLASSES, WEIGHTS
from tests.performance.gpu.part import tail_of
from tests.performance.gpu.sizes import Sizes


@dataclass(frozen=True)
class Golden:
    """What one generator is held against: {array of frames: mode}, and the marks (mean, worst) of each precision.

    The marks are those of the suite's tests on a CPU.
    """

    builders: Mapping[str, Any]
    modes: Mapping[str, MotionMode]
    marks: Mapping[str, tuple[float, float]] = field(default_factory=dict)


VIEW = {"yaw": 20, "pitch": -10, "roll": 5}
GOLDENS = {
    "lia": Golden(
        LIA.required,
        {"pred_plain_raw": MotionMode("absolute"), "pred_relative_raw": MotionMode("relative")},
        {"float32": (1e-5, 5e-4), "bfloat16": (2.9e-3, 0.079)},
    ),
    "tps": Golden(
        {**TPS.required, **TPS.optional},
        {
            "pred_standard": MotionMode("absolute"),
            "pred_relative": MotionMode("relative"),
            "pred_avd": MotionMode("absolute", options={"avd": True}),
        },
        {"float32": (5e-5, 5e-3), "bfloat16": (2e-3, 0.04)},
    ),
    "face-vid2vid": Golden(
        layout("spade", antialias=True).required,
        {
            "pred_absolute": MotionMode("absolute"),
            "pred_relative_adapt": MotionMode("relative"),
            "pred_freeview": MotionMode("relative", options=VIEW),
        },
        {"float32": (1e-5, 5e-4), "bfloat16": (1e-2, 0.2)},
    ),
}


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """One line for each generator, precision and mode; a generator's failure stops no other."""
    folder = golden_folder()
    if folder is None:
        yield {"measured": "goldens", "state": "not run", "reason": "no golden files here: run `make gpu-pack` first"}
        return
    for name in sizes.goldens:
        try:
            yield from of_generator(name, folder, device, sizes)
        except Exception as error:  # noqa: BLE001 - the others' errors are wanted all the same
            yield {"measured": "golden", "generator": name, "state": "failed", "error": tail_of(error)}


def of_generator(name: str, folder: Path, device: str, sizes: Sizes) -> Iterator[dict[str, Any]]:
    golden = GOLDENS[name]
    arrays_file, manifest = FILES[name]
    checkpoint = filled(folder, manifest, golden.builders)
    with np.load(folder / arrays_file) as arrays:
        pictures = arrays["inputs_uint8"]
        frames = sizes.golden_frames or len(pictures) - 1
        modes = dict(list(golden.modes.items())[: 1 if sizes.golden_frames else None])
        expected = {array: arrays[array][:frames] for array in modes}
    for precision in ["float32"] if sizes.golden_frames else DTYPES:
        generator = CLASSES[name](checkpoint, WEIGHTS, device=torch.device(device), dtype=DTYPES[precision])
        source = generator.encode_source(Face(pictures[0]))
        motion = generator.encode_motion(Face(picture) for picture in pictures[1 : 1 + frames])
        for array, mode in modes.items():
            rendered = np.stack(list(generator.render(source, motion, mode)))
            yield {"measured": "golden", "generator": name, "dtype": precision, "array": array} | _held(
                rendered, expected[array], golden.marks[precision]
            )
        del generator


def _held(rendered: np.ndarray, expected: np.ndarray, marks: tuple[float, float]) -> dict[str, Any]:
    difference = np.abs(rendered.astype(np.float64) - expected)
    mean, worst = float(difference.mean()), float(difference.max())
    return {
        "frames": len(rendered),
        "mean_error": float(f"{mean:.3g}"),
        "worst_error": float(f"{worst:.3g}"),
        "marks": list(marks),
        # NaN is no number below a mark.
        "state": "passed" if mean < marks[0] and worst < marks[1] else "failed",
    }
