"""What torch.compile would bring; it is not in use by default."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmark.methods.train_options import TrainOptions
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.loop import Training
from generators.replay import Replay
from tests.performance.gpu.device import on_card, seconds
from tests.performance.gpu.networks import Networks, faces
from tests.performance.gpu.part import tail_of
from tests.performance.gpu.rendering import frame_batches
from tests.performance.gpu.sizes import Sizes
from tests.performance.gpu.windows import made_windows


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """LIA's decoder and the training step, each as it is and compiled, which takes minutes."""
    tasks: list[Callable[[], dict[str, Any]]] = [
        lambda: _compiled_lia(device, sizes),
        lambda: _compiled_step(device, sizes),
    ]
    for task in tasks:
        try:
            yield task()
        except Exception as error:  # noqa: BLE001 - the others' figures are wanted all the same
            yield {"measured": "faster ways", "state": "failed", "error": tail_of(error)}


def _compiled_lia(device: str, sizes: Sizes) -> dict[str, Any]:
    """LIA's frames with its decoder through torch.compile."""
    batch = sizes.calls
    lia = Networks("lia", sizes.narrow).create(device, torch.bfloat16, batch)
    portrait, *clip = faces(1 + batch, lia.size, 1)
    source, motion = lia.encode_source(portrait), lia.encode_motion(clip)

    def rate(warm_up: int) -> float:
        work = lambda: list(frame_batches(lia, source, motion))  # noqa: E731
        return round(batch / seconds(work, device, repeats=sizes.repeats, warm_up=warm_up), 1)

    facts = {"measured": "torch.compile", "generator": "lia", "dtype": "bfloat16", "frames_per_s": rate(3)}
    lia._full_batches = True
    lia._decode = _compile(lia._decoder, device)
    lia.replay = Replay(lia._paint_codes, lia.device, lia.name)
    return facts | {"frames_per_s_compiled": rate(4)}


def _compiled_step(device: str, sizes: Sizes) -> dict[str, Any]:
    """Training steps through torch.compile."""
    facts: dict[str, Any] = {"measured": "training step", "way": "torch.compile"}
    with tempfile.TemporaryDirectory() as folder:
        training = _training(device, sizes, folder)
        facts["windows_per_s"] = _windows_a_second(training, device, sizes)
        training.model = _compile(training.network, device)
        facts["windows_per_s_faster"] = _windows_a_second(training, device, sizes)
    return facts


def _compile(module: Any, device: str) -> Any:
    """torch.compile; on a CPU without its code generator, which needs a C++ compiler and minutes."""
    if on_card(device):
        return torch.compile(module, dynamic=False)
    return torch.compile(module, dynamic=False, backend="eager")


def _training(device: str, sizes: Sizes, folder: str) -> Training:
    options = TrainOptions(
        ("made",),
        windows=10**9,
        batch=sizes.batch,
        drivers=sizes.drivers,
        width=sizes.widths[0],
        precision="bfloat16",
    )
    validation: Any = None  # nothing is validated
    return Training(made_windows(sizes.windows), validation, options, Path(folder), TrainingProcesses(device))


def _windows_a_second(training: Training, device: str, sizes: Sizes) -> float:
    taken = seconds(lambda: training.step(1e-4), device, repeats=3, warm_up=3, inner=sizes.steps)
    return round(training.options.batch / taken, 1)
