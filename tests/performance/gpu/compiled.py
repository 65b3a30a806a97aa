"""What torch.compile, CUDA graphs and a fused optimiser would bring; nothing of this is in use by default."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch

from benchmark.methods.train_options import TrainOptions
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.loop import Training
from generators.device import inference
from generators.face_vid2vid.fast_spade import Buffers
from tests.performance.gpu.device import on_card, seconds
from tests.performance.gpu.networks import Networks, faces
from tests.performance.gpu.part import tail_of
from tests.performance.gpu.rendering import MODE
from tests.performance.gpu.sizes import Sizes
from tests.performance.gpu.windows import made_windows

Work = Callable[[], Any]


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """Each generator's batch as it is and as a graph, training steps three ways, then what takes minutes: compiling."""
    tasks: list[Callable[[], dict[str, Any]]] = [
        *(lambda name=name: _graphed(name, device, sizes) for name in ("lia", "tps", "face-vid2vid")),
        lambda: _fused_step(device, sizes),
        lambda: _compiled_lia(device, sizes),
        lambda: _compiled_step(device, sizes),
    ]
    for task in tasks:
        try:
            yield task()
        except Exception as error:  # noqa: BLE001 - the others' figures are wanted all the same
            yield {"measured": "faster ways", "state": "failed", "error": tail_of(error)}


def _graphed(name: str, device: str, sizes: Sizes) -> dict[str, Any]:
    """A batch of frames in bfloat16, launched anew and replayed from a CUDA graph."""
    batch = sizes.calls[0]
    generator = Networks(name, sizes.narrow).create(device, torch.bfloat16, batch)
    work = _one_batch(generator, batch)
    plain = seconds(work, device, repeats=sizes.repeats, warm_up=3)
    replayed = seconds(_captured(work, device), device, repeats=sizes.repeats, warm_up=1)
    return {
        "measured": "CUDA graph" if on_card(device) else "CUDA graph: not on a CPU, so the plain call twice",
        "generator": name,
        "dtype": "bfloat16",
        "frames_per_s": round(batch / plain, 1),
        "frames_per_s_replayed": round(batch / replayed, 1),
    }


def _one_batch(generator: Any, batch: int) -> Work:
    """Paints one batch of frames again and again."""
    portrait, *clip = faces(1 + batch, generator.size, 1)
    source, motion = generator.encode_source(portrait), generator.encode_motion(clip)
    if generator.name == "lia":
        codes = torch.from_numpy(generator._codes(source, motion, MODE)).to(generator.device)
        with inference():
            scales, gains = generator._styles(source.scales, codes)
        paint: Work = lambda: generator.paint(scales, gains, source.surface)  # noqa: E731
    elif generator.name == "tps":
        keypoints, inverses = generator.targets(source, motion, MODE)
        paint = lambda: generator.paint(source.motion, source.maps, keypoints, inverses)  # noqa: E731
    else:
        driving, buffers = generator.driving_keypoints(source, motion, MODE), Buffers()
        paint = lambda: generator.renderer.pictures(source.appearance, driving, buffers)  # noqa: E731

    def work() -> Any:
        with inference():
            return paint()

    return work


def _captured(work: Work, device: str) -> Work:
    """The same work as one CUDA graph's replay; on a CPU the work itself."""
    if not on_card(device):
        return work
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):  # what a first call does must not be captured
        for _ in range(3):
            work()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        work()
    return graph.replay


def _fused_step(device: str, sizes: Sizes) -> dict[str, Any]:
    """Training steps with the optimiser as it is, and as one kernel."""
    facts: dict[str, Any] = {"measured": "training step", "way": "fused optimiser"}
    with tempfile.TemporaryDirectory() as folder:
        training = _training(device, sizes, folder)
        facts["windows_per_s"] = _windows_a_second(training, device, sizes)
        options = training.options
        training.optimiser = torch.optim.AdamW(
            training.network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, fused=True
        )
        facts["windows_per_s_faster"] = _windows_a_second(training, device, sizes)
    return facts


def _compiled_lia(device: str, sizes: Sizes) -> dict[str, Any]:
    """LIA's decoder through torch.compile, which on a card also records a graph."""
    batch = sizes.calls[0]
    lia = Networks("lia", sizes.narrow).create(device, torch.bfloat16, batch)
    work = _one_batch(lia, batch)
    plain = seconds(work, device, repeats=sizes.repeats, warm_up=2)
    lia._full_batches = True
    lia._decode = _compile(lia._decoder, device, "reduce-overhead")
    faster = seconds(work, device, repeats=sizes.repeats, warm_up=3)
    return {
        "measured": "torch.compile",
        "generator": "lia",
        "dtype": "bfloat16",
        "frames_per_s": round(batch / plain, 1),
        "frames_per_s_compiled": round(batch / faster, 1),
    }


def _compiled_step(device: str, sizes: Sizes) -> dict[str, Any]:
    """Training steps through torch.compile."""
    facts: dict[str, Any] = {"measured": "training step", "way": "torch.compile"}
    with tempfile.TemporaryDirectory() as folder:
        training = _training(device, sizes, folder)
        facts["windows_per_s"] = _windows_a_second(training, device, sizes)
        training.model = _compile(training.network, device, None)
        facts["windows_per_s_faster"] = _windows_a_second(training, device, sizes)
    return facts


def _compile(module: Any, device: str, mode: str | None) -> Any:
    """torch.compile; on a CPU without its code generator, which needs a C++ compiler and minutes."""
    if on_card(device):
        return torch.compile(module, dynamic=False, mode=mode)
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
