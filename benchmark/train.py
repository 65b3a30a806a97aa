"""Training: a fixed budget of windows, selection on validation people only, resumable at any moment.

Batches, dropout and frame orders are functions of the seed and the step, so that a run that was killed goes on from its
last saved state to the very same checkpoint. With equal software, threads and device, equal options give equal bytes.
"""

from __future__ import annotations

import csv
import io
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch

from benchmark.batches import Batches
from benchmark.checkpoint import RECORD, Checkpoint, People, Provenance, check_disjoint, load
from benchmark.inputs import DeviceFrames, feature_statistics
from benchmark.loss import fingerprint_loss
from benchmark.selection import Selection
from benchmark.temporal_cnn import NetworkShape, TemporalCnn
from benchmark.training_options import TrainOptions
from benchmark.windows import WindowSet, prepare
from nvfair_tools.atomic import made_folder, write_text, written_aside
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.writer import sha256_of
from nvfair_tools.errors import NvfairError
from nvfair_tools.protocol import Protocol

STATE, LOG = "state.pt", "log.csv"
_STATISTICS_FRAMES = 20_000
_COLUMNS = ("step", "windows", "loss", "learning_rate", "validation_auc", "seconds")

Progress = Callable[[int, int, str], None]  # steps done, steps in all, a line of text


@dataclass
class _Run:
    """What a saved state holds."""

    step: int
    rows: list[list[Any]]
    best_step: int
    best_value: float
    best_weights: dict[str, torch.Tensor] | None
    stale: int
    seconds: float


def train(
    dataset: Dataset,
    out: Path,
    options: TrainOptions,
    protocol: Protocol,
    *,
    device: str = "cpu",
    name: str | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Trains on the protocol's training people and writes a checkpoint to `out`; goes on where it was interrupted.

    Raises NvfairError where the splits share a person, a generator is not in the data, `out` holds another run, or
    the data cannot train anything.
    """
    out = Path(out)
    data = {"name": str(dataset.meta.get("name", "")), "sha256": sha256_of(dataset.folder / "dataset.json")}
    digest = options.digest(data["sha256"], protocol.digest, name or out.name)
    finished = _finished(out, digest)
    if finished is not None:
        return finished
    windows = prepare(dataset, _videos(dataset, protocol.split.train, options.generators)["video"], protocol)
    held = Selection.prepare(dataset, protocol, options)
    provenance = _provenance(dataset, protocol, options, windows, held, data)
    with _reproducible(device):
        network, run = _fit(windows, held, options, device, out, digest, progress)
    checkpoint = Checkpoint(
        name=name or out.name,
        network=network,
        provenance=provenance,
        protocol=protocol,
        feature={"input": options.input, "scale": options.scale, "pairs": "all unordered, (0,1), (0,2), ..."},
        selection={
            "metric": held.metric,
            "step": run.best_step,
            "steps_run": run.step,
            "validation_auc": None if math.isnan(run.best_value) else run.best_value,
        },
        options=options.to_json() | {"run": digest},
    )
    checkpoint.save(out)
    (out / STATE).unlink(missing_ok=True)
    return checkpoint


def _fit(
    windows: WindowSet,
    held: Selection,
    options: TrainOptions,
    device: str,
    out: Path,
    digest: str,
    progress: Progress | None,
) -> tuple[TemporalCnn, _Run]:
    batches = Batches(windows.videos, windows.video, options.batch, options.drivers, options.seed)
    frames = DeviceFrames(windows.landmarks, options.input, device, options.scale)
    shape = NetworkShape(
        frames.width, options.input, options.width, options.embedding, options.dilations, options.dropout
    ).checked(windows.length)
    torch.manual_seed(options.seed)
    network = TemporalCnn(shape)
    network.set_statistics(*_statistics(windows, frames, options))
    network.to(device)
    optimiser = torch.optim.AdamW(
        network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, foreach=False
    )
    run = _restore(out / STATE, digest, network, optimiser)
    labels = _Labels(windows.videos, device)
    begun = time.monotonic() - run.seconds
    losses: list[torch.Tensor] = []
    while run.step < options.steps and not (options.patience and run.stale >= options.patience):
        rate = learning_rate(run.step, options)
        losses.append(_step(network, optimiser, frames, windows, labels, batches.batch(run.step), rate, options, run))
        run.step += 1
        if progress and run.step % 5 == 0:
            progress(run.step, options.steps, f"loss {losses[-1].item():.3f}")
        if run.step % options.validation_steps == 0 or run.step == options.steps:
            loss = float(torch.stack(losses).mean())
            if not math.isfinite(loss):
                raise NvfairError(f"the loss is {loss} at step {run.step}", remedy="train with a smaller learning rate")
            value = held.value(network, device)
            run.seconds = time.monotonic() - begun
            run.rows.append(
                [run.step, run.step * options.batch, f"{loss:.6f}", f"{rate:.3e}", f"{value:.6f}", f"{run.seconds:.1f}"]
            )
            _keep_best(run, value, network)
            losses = []
            _save(out, digest, network, optimiser, run)
            if progress:
                progress(run.step, options.steps, f"loss {loss:.3f}, validation AUC {value:.3f}")
    if run.best_weights is not None:
        network.load_state_dict(run.best_weights)
    return network.eval(), run


def _step(
    network: TemporalCnn,
    optimiser: torch.optim.Optimizer,
    frames: DeviceFrames,
    windows: WindowSet,
    labels: _Labels,
    batch: np.ndarray,
    rate: float,
    options: TrainOptions,
    run: _Run,
) -> torch.Tensor:
    """One optimiser step; the loss, still on the device."""
    network.train()
    torch.manual_seed(options.seed * 1_000_003 + run.step)  # dropout and orders depend on the step alone
    for group in optimiser.param_groups:
        group["lr"] = rate
    steps = torch.arange(windows.length)
    rows = (torch.from_numpy(windows.start[batch])[:, None] + steps).reshape(-1).to(frames.device)
    order = None
    if options.loss.shuffle_weight > 0 and options.input != "still":  # a still window has no order
        order = torch.rand(len(batch), windows.length).argsort(dim=1).to(frames.device)
    video = torch.from_numpy(windows.video[batch])
    with torch.autocast(frames.device.type, torch.bfloat16, enabled=options.precision == "bfloat16"):
        embeddings, shuffled = network(frames.features(rows, reuse=True), windows.length, order)
    loss = fingerprint_loss(embeddings, shuffled, *labels.of(video), options.loss)
    optimiser.zero_grad(set_to_none=True)
    loss.backward()
    torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0, foreach=False)
    optimiser.step()
    return loss.detach()


def learning_rate(step: int, options: TrainOptions) -> float:
    """Linear warm-up, then half a cosine down to a hundredth."""
    warm = max(1, int(options.warm_up * options.steps))
    if step < warm:
        return options.learning_rate * (step + 1) / warm
    done = (step - warm) / max(1, options.steps - warm)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


class _Labels:
    """Driver, target and clip of each video as numbers on the device."""

    def __init__(self, videos: pd.DataFrame, device: str) -> None:
        codes = [pd.factorize(videos[column], sort=True)[0] for column in ("driver", "target", "clip")]
        self.codes = torch.from_numpy(np.stack(codes)).to(device)

    def of(self, video: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        driver, target, clip = self.codes[:, video.to(self.codes.device)]
        return driver, target, clip


def _videos(dataset: Dataset, split: str, generators: tuple[str, ...]) -> pd.DataFrame:
    """Reenactments of a split by the generators asked for; NvfairError naming what is not there."""
    videos = dataset.videos[dataset.videos["generator"].notna()]
    known = sorted(videos["generator"].unique())
    unknown = [name for name in generators if name not in known]
    if unknown or not generators:
        raise NvfairError(
            f"generator {', '.join(unknown)!r} is not in the data set" if unknown else "no generator is named",
            where=dataset.folder,
            expected=f"some of {', '.join(known)}",
        )
    chosen = videos[(videos["split"] == split) & videos["generator"].isin(generators)]
    if chosen.empty:
        raise NvfairError(
            f"split {split!r} has no video by {', '.join(generators)}",
            where=dataset.folder,
            expected=f"one of the splits {', '.join(sorted(videos['split'].unique()))}",
        )
    return chosen


def _provenance(
    dataset: Dataset,
    protocol: Protocol,
    options: TrainOptions,
    windows: WindowSet,
    held: Selection,
    data: dict[str, str],
) -> Provenance:
    test = dataset.videos[dataset.videos["split"] == protocol.split.test]
    registered = dataset.identities[dataset.identities["split"] == protocol.split.test]["identity"]
    made = Provenance(
        train=_people(windows.videos),
        validation=_people(held.windows.videos),
        held_out=tuple(sorted({*test["driver"], *test["target"], *registered})),
        train_generators=tuple(sorted(options.generators)),
        selection_generators=tuple(sorted(options.generators)) if held.usable else (),
        data=data,
    )
    check_disjoint(made, where=dataset.folder)
    return made


def _people(videos: pd.DataFrame) -> People:
    return People(tuple(sorted(videos["driver"].unique())), tuple(sorted(videos["target"].unique())))


def _statistics(windows: WindowSet, frames: DeviceFrames, options: TrainOptions) -> tuple[np.ndarray, np.ndarray]:
    """Feature statistics over a seeded sample of the training windows' frames."""
    rng = np.random.default_rng([options.seed, 1])
    window = rng.integers(len(windows), size=_STATISTICS_FRAMES)
    rows = windows.start[window] + rng.integers(windows.length, size=len(window))
    rows = np.sort(np.unique(rows))
    if options.input == "deltas":
        # The deviation of differences, around zero: twice the variance of a frame would hide how small they are.
        return _delta_statistics(frames, rows[: len(rows) // 2], windows)
    return feature_statistics(frames, torch.from_numpy(rows).to(frames.device))


def _delta_statistics(frames: DeviceFrames, rows: np.ndarray, windows: WindowSet) -> tuple[np.ndarray, np.ndarray]:
    rows = rows[np.isin(rows + 1, windows.offsets, invert=True)]  # the next frame is the same video's
    square = torch.zeros(frames.width, dtype=torch.float64)
    count = 0
    for part in torch.from_numpy(rows).split(2048):
        step = frames.features(part + 1) - frames.features(part)
        step = step[:, torch.isfinite(step).all(dim=0)]
        square += step.square().sum(dim=1).double().cpu()
        count += step.shape[1]
    return np.zeros(frames.width, np.float32), (square / max(count, 1)).sqrt().float().numpy()


def _keep_best(run: _Run, value: float, network: TemporalCnn) -> None:
    """Keeps the weights of the best validation, or the last ones where there is none."""
    if math.isnan(value) or math.isnan(run.best_value) or value > run.best_value:
        run.best_step, run.best_value, run.stale = run.step, value, 0
        run.best_weights = {key: tensor.detach().cpu().clone() for key, tensor in network.state_dict().items()}
    else:
        run.stale += 1


def _save(out: Path, digest: str, network: TemporalCnn, optimiser: torch.optim.Optimizer, run: _Run) -> None:
    state = {"digest": digest, "network": network.state_dict(), "optimiser": optimiser.state_dict(), **vars(run)}
    with written_aside(out / STATE) as aside:
        torch.save(state, aside)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows(run.rows)
    write_text(out / LOG, text.getvalue())


def _restore(path: Path, digest: str, network: TemporalCnn, optimiser: torch.optim.Optimizer) -> _Run:
    fresh = _Run(0, [], 0, float("nan"), None, 0, 0.0)
    if not path.exists():
        return fresh
    state = torch.load(path, map_location="cpu", weights_only=True)
    if state.pop("digest") != digest:
        raise NvfairError(
            "this folder holds an unfinished training with other options or other data",
            where=path,
            remedy="name another folder, or delete this one",
        )
    network.load_state_dict(state.pop("network"))
    optimiser.load_state_dict(state.pop("optimiser"))
    return _Run(**state)


def _finished(out: Path, digest: str) -> Checkpoint | None:
    """The checkpoint that is already there, where it is this very run's."""
    if not (out / RECORD).exists():
        if out.is_dir() and not (out / STATE).exists() and any(out.iterdir()):
            raise NvfairError(
                "this folder holds something else than a training",
                where=out,
                expected="an empty folder, or one with an unfinished training of the same options",
                remedy="name another folder",
            )
        made_folder(out)
        return None
    checkpoint = load(out)
    if checkpoint.options.get("run") != digest:
        raise NvfairError(
            "this folder holds a checkpoint of other options or other data",
            where=out,
            remedy="name another folder, or delete this one",
        )
    return checkpoint


@contextmanager
def _reproducible(device: str) -> Iterator[None]:
    """Deterministic algorithms on a GPU (those of the CPU are), and the caller's random state back afterwards."""
    on_gpu = device.startswith("cuda")
    if on_gpu:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # cuBLAS asks for it before it starts
    before, state = torch.are_deterministic_algorithms_enabled(), torch.get_rng_state()
    if on_gpu:
        torch.use_deterministic_algorithms(True)
    try:
        yield
    finally:
        if on_gpu:
            torch.use_deterministic_algorithms(before)
        torch.set_rng_state(state)
