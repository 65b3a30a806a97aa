"""Training and embedding: within a step the host never waits for the device, and of a step nothing comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from benchmark.methods.network import embed_windows, network_class
from benchmark.methods.train_options import TrainOptions
from benchmark.training.augmentation import Augmentation
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.fingerprint_loss import LossOptions
from benchmark.training.loop import Training
from benchmark.windows.window_set import WindowSet
from nvfair_tools.landmarks.avaprintdb import AVAPRINTDB_109
from tests.device_waits import DEVICES, STAND_IN, WaitError, no_waits

WINDOW, CLIPS = 71, 16
PLAIN = TrainOptions(("g",), batch=16, drivers=4, width=8, embedding=8)
GRAPH = replace(PLAIN, method="graph-network", loss=LossOptions("triplet", negatives="any"), optimiser="adam")
RUNS = {
    "plain": PLAIN,
    "bfloat16": replace(PLAIN, precision="bfloat16", accumulate=2),
    "a given scale": replace(PLAIN, loss=LossOptions(scale="0.5", include_self=True, share_driving_clip=True)),
    "no shuffled windows": replace(PLAIN, loss=LossOptions(shuffle_weight=0.0)),
    "supcon": replace(PLAIN, loss=LossOptions("supcon")),
    "triplet": replace(PLAIN, loss=LossOptions("triplet")),
    "augmented": replace(PLAIN, augmentation=Augmentation(noise=0.002, speed=0.1, mirror=0.5)),
    "re-rendered": replace(PLAIN, augmentation=Augmentation.named("re-rendering")),
    "graph": replace(GRAPH, sizes={"hidden": 8, "embedding": 8}),
    "relative": replace(PLAIN, method="nvfair-relative", sizes={"width": 16, "embedding": 8}, clip_gradients=1.0),
    "relative in bfloat16": replace(
        PLAIN, method="nvfair-relative", sizes={"width": 16, "embedding": 8}, precision="bfloat16"
    ),
    "trustfa": replace(
        PLAIN,
        method="trustfa",
        sizes={"embedding": 8},
        batch=4,
        drivers=2,
        loss=LossOptions.named("trustfa"),
        clip_gradients=1.0,
    ),
    **{name: replace(PLAIN, input=name) for name in ("coordinates", "distances-centred", "deltas", "still")},
}


def made_windows() -> WindowSet:
    """Four people on two faces, one window a video; the mesh holds the graph network's points."""
    number = np.arange(4 * 2 * CLIPS // 4)
    frames = len(number) * WINDOW
    landmarks = np.random.default_rng(0).normal(400, 60, (frames, 126, 2)).astype(np.float32)
    points = tuple(int(point) for point in AVAPRINTDB_109.indices)
    names = {"driver": number % 4, "target": number // 4 % 2, "clip": number}
    table = pd.DataFrame({key: [f"{key}:{n:03d}" for n in value] for key, value in names.items()})
    return WindowSet(
        videos=table.assign(source="made", video=table["clip"], width=800, height=800),
        landmarks=landmarks,
        offsets=np.arange(len(number) + 1) * WINDOW,
        video=number,
        start=number * WINDOW,
        length=WINDOW,
        excluded=pd.DataFrame(),
        mesh=np.random.default_rng(1).normal(400, 60, (frames, len(points), 3)).astype(np.float32),
        mesh_points=points,
        grey=np.zeros((frames, 128, 128), np.uint8),
    )


@pytest.fixture
def start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[TrainOptions, str], Training]:
    """Makes a training on a device; on the stand-in, where nothing has values, it takes no statistics of its data."""

    def started(options: TrainOptions, device: str) -> Training:
        network = network_class(options.method).from_options(options, WINDOW)
        if device == STAND_IN.type:
            monkeypatch.setattr(network, "fit_statistics", lambda *_: None)
            # torch has no lower precision for the stand-in; the branches for it run all the same.
            monkeypatch.setattr(torch, "autocast", lambda *_, **__: nullcontext())
            monkeypatch.setattr(torch, "is_autocast_enabled", lambda *_: options.precision == "bfloat16")
        validation: Any = None
        return Training(made_windows(), validation, options, tmp_path, TrainingProcesses(device), network=network)

    return started


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", list(RUNS))
def test_no_step_waits(
    start: Callable[[TrainOptions, str], Training], kind: str, device: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = start(RUNS[kind], device)
    if device == "cuda":
        training.step(1e-3)  # what the first call of every layer does is no step's doing
        training.state.step += 1
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    deterministic = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(device == "cuda")  # as `train` has them
    try:
        with no_waits(device, deterministic=True):
            loss = training.step(1e-3)
    finally:
        torch.use_deterministic_algorithms(deterministic)
    assert loss.device.type == device
    used = [p for name, p in training.network.named_parameters() if "edge_fc" not in name]  # TrustFA's has no use
    assert all(p.grad is not None and p.grad.device.type == device for p in used)


@pytest.mark.parametrize("way", ["item", "cpu", "mask", "table"])
def test_a_wait_planted_in_the_step_is_caught(
    start: Callable[[TrainOptions, str], Training], way: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = start(PLAIN, STAND_IN.type)
    loss = training.loss
    waits: dict[str, Callable[[torch.Tensor], object]] = {
        "item": lambda value: value.item(),
        "cpu": lambda value: value.detach().cpu(),
        "mask": lambda value: value[value > 0],
        "table": lambda value: value * torch.from_numpy(np.ones(2, np.float32)).to(value.device),
    }

    def planted(number: int) -> torch.Tensor:
        value = loss(number)
        waits[way](value)
        return value

    monkeypatch.setattr(training, "loss", planted)
    with pytest.raises((WaitError, RuntimeError, NotImplementedError)), no_waits(STAND_IN):
        training.step(1e-3)


@pytest.mark.parametrize("kind", ["plain", "graph"])
def test_embedding_brings_all_windows_back_at_once(
    start: Callable[[TrainOptions, str], Training], kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    training = start(RUNS[kind], STAND_IN.type)
    monkeypatch.setattr("benchmark.methods.network._FRAMES", 2 * WINDOW)
    monkeypatch.setattr("benchmark.methods.temporal_cnn._FRAMES", 2 * WINDOW)
    with no_waits(STAND_IN, downloads=1):
        embeddings = embed_windows(training.network, training.windows, training.frames)
    assert embeddings.shape == (len(training.windows), training.network.embedding_size)
