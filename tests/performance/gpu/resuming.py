"""Training on the device: killed and resumed it gives the same bytes, and it agrees with the CPU within a bound."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmark.methods.checkpoint import RECORD_FILE, WEIGHTS_FILE, Checkpoint
from benchmark.methods.network import embed_windows
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.loop import train
from benchmark.training.state import LOG_FILE, STATE_FILE
from benchmark.windows.window_set import read_windows
from nvfair_tools.dataset import Dataset
from tests.benchmark.small_world import World, make
from tests.performance.gpu.device import on_card
from tests.performance.gpu.sizes import Sizes

PROTOCOL = Protocol(name="small", time={"window": 71, "stride": 20})  # type: ignore[arg-type]
# Largest differences of a CPU's and a GPU's run of ten steps without dropout: of a loss, relative, and of an
# embedding's coordinate. On one CPU an error of 1e-7 of each distance gives 6e-5 and 2e-4, of 1e-5 3e-4 and 6e-3.
LOSS_BOUND, EMBEDDING_BOUND = 2e-3, 2e-2
_CHILD = """
import sys, time
from pathlib import Path
from nvfair_tools.dataset import Dataset
from tests.performance.gpu import resuming
resuming.trained(Dataset.open(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]), pause=0.3)
"""


def run(device: str, sizes: Sizes, about: str) -> Iterator[dict[str, Any]]:
    """Kill and resume, then the CPU beside the device."""
    with tempfile.TemporaryDirectory() as folder:
        data = make(Path(folder) / "data", World(people=(4, 2, 2), clips=3, generators=("alpha",)))
        yield _killed(data, Path(folder), device, sizes)
        yield _compared(data, Path(folder), device, sizes)


def options(windows: int, **changes: Any) -> TrainOptions:
    """Of a training so small that it takes seconds."""
    small = TrainOptions(
        ("alpha",), windows=windows, batch=16, drivers=3, width=16, embedding=8, validate_every=windows // 4
    )
    return replace(small, **changes)


def trained(data: Dataset, out: Path, device: str, windows: int, pause: float = 0.0) -> Checkpoint:
    """The training that is killed: after each report of its progress it rests for `pause` seconds."""
    return train(
        data, out, options(windows), PROTOCOL, device=device, name="same", progress=lambda *_: time.sleep(pause)
    )


def _killed(data: Dataset, folder: Path, device: str, sizes: Sizes) -> dict[str, Any]:
    torch.set_num_threads(1)  # as in the child: sums over other numbers of threads differ in their last bits
    words = [str(data.folder), str(folder / "killed"), device, str(sizes.trained)]
    child = subprocess.Popen(
        [sys.executable, "-c", _CHILD, *words],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.DEVNULL,
        cwd=Path(__file__).resolve().parents[3],
    )
    try:
        while child.poll() is None and not (folder / "killed" / STATE_FILE).exists():
            time.sleep(0.01)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    early = child.returncode == -signal.SIGKILL and not (folder / "killed" / RECORD_FILE).exists()
    for name in ("killed", "whole"):
        trained(data, folder / name, device, sizes.trained)
    equal = {
        file: (folder / "killed" / file).read_bytes() == (folder / "whole" / file).read_bytes()
        for file in (RECORD_FILE, WEIGHTS_FILE)
    }
    logs = [pd.read_csv(folder / name / LOG_FILE).drop(columns="seconds") for name in ("killed", "whole")]
    equal[LOG_FILE] = bool(logs[0].equals(logs[1]))
    return {
        "measured": "kill and resume",
        "killed_before_its_end": early,
        "same_bytes": equal,
        "state": "passed" if early and all(equal.values()) else "failed",
    }


def _compared(data: Dataset, folder: Path, device: str, sizes: Sizes) -> dict[str, Any]:
    """The same small training on both. Dropout is left out: each device draws it from a generator of its own."""
    # On a CPU there is no other device: the same run again, from landmarks that are moved by a rounding error.
    exact = options(160, dropout=0.0, validate_every=80)
    runs: dict[str, Checkpoint] = {}
    for name in ("cpu", device):
        out = folder / f"compared-{len(runs)}"
        runs[f"{name} {len(runs)}"] = train(data, out, exact, PROTOCOL, device=name, name="same")
    losses = [pd.read_csv(folder / f"compared-{n}" / LOG_FILE)["loss"].to_numpy() for n in range(2)]
    tested = data.videos.query("split == 'test'")["video"]
    windows = read_windows(data, PROTOCOL, videos=tested)
    embeddings = [embed_windows(checkpoint.network, windows) for checkpoint in runs.values()]
    loss = float(np.abs(losses[1] / losses[0] - 1).max())
    embedding = float(np.abs(embeddings[1] - embeddings[0]).max())
    return {
        "measured": "CPU and device" if on_card(device) else "CPU and CPU",
        "steps": exact.steps,
        "loss_difference": float(f"{loss:.3g}"),
        "embedding_difference": float(f"{embedding:.3g}"),
        "bounds": [LOSS_BOUND, EMBEDDING_BOUND],
        "state": "passed" if loss < LOSS_BOUND and embedding < EMBEDDING_BOUND else "failed",
    }
