"""Training: a fixed budget of windows, selection on validation people only, resumable at any moment.

Batches, dropout, frame orders and augmentation are functions of the seed and the batch's number, so that a run that was
killed goes on from its last saved state to the very same checkpoint. With equal software, threads, processes and
device, equal options give equal bytes. Within a step the host never waits for the device.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import nn

from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, RoleExposure, check_disjoint
from benchmark.methods.network import Network, network_class
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.augmentation import augment
from benchmark.training.batches import BatchSampler
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.fingerprint_loss import fingerprint_loss
from benchmark.training.log import TrainingLog
from benchmark.training.metric_losses import metric_loss
from benchmark.training.selection import ValidationSet
from benchmark.training.state import STATE_FILE, TrainingState, finished_checkpoint, restore_state, save_state
from benchmark.windows.device_frames import FramePlacement, FramePoints, to_device
from benchmark.windows.window_set import WindowSet, read_windows
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of

Progress = Callable[[int, int, str], None]  # steps done, steps in all, a line of text


def train(
    dataset: Dataset,
    out: Path,
    options: TrainOptions,
    protocol: Protocol,
    *,
    device: str = "cpu",
    name: str | None = None,
    frame_placement: FramePlacement = "auto",
    tensorboard: Path | None = None,
    progress: Progress | None = None,
) -> Checkpoint:
    """Trains on the protocol's training people and writes a checkpoint to `out`; goes on where it was interrupted.

    frame_placement: where the frames are kept (benchmark.windows.device_frames). tensorboard: folder for its logs.
    Started several times by `torchrun`, the processes share the work. Raises NvfairError where the splits share a
    person, a generator is not in the data, `out` holds another run, or the data cannot train anything.
    """
    out = Path(out)
    processes = TrainingProcesses(device)
    data = {"name": str(dataset.meta.get("name", "")), "sha256": sha256_of(dataset.folder / "dataset.json")}
    digest = options.digest(data["sha256"], protocol.digest, name or out.name)
    done = finished_checkpoint(out, digest)
    processes.wait()
    if done is not None:
        return done
    network = _network(options, protocol.time.window)
    mesh = network.mesh_points() if network.needs == "mesh" else False
    chosen = _videos(dataset, protocol.split.train, options.generators)["video"]
    windows = read_windows(dataset, protocol, videos=chosen, mesh=mesh)
    held = ValidationSet.read(dataset, protocol, options, mesh=mesh)
    declaration = _declaration(dataset, protocol, options, windows, held, data)
    with _reproducible(processes.device):
        training = Training(
            windows, held, options, out, processes, frame_placement=frame_placement, digest=digest, network=network
        )
        with TrainingLog(tensorboard if processes.main else None) as log:
            run = training.run(log, progress if processes.main else None)
    checkpoint = Checkpoint(
        name=name or out.name,
        network=network.to("cpu").eval(),
        declaration=declaration,
        protocol=protocol,
        feature=network.feature(),
        selection={
            "metric": held.metric,
            "step": run.best_step,
            "steps_run": run.step,
            "validation_auc": None if math.isnan(run.best_value) else run.best_value,
        },
        options=options.to_json() | {"run": digest},
    )
    if processes.main:
        checkpoint.save(out)
        (out / STATE_FILE).unlink(missing_ok=True)
    processes.wait()
    return checkpoint


class Training:
    """One run of one network over one set of windows."""

    def __init__(
        self,
        windows: WindowSet,
        held: ValidationSet,
        options: TrainOptions,
        out: Path,
        processes: TrainingProcesses | None = None,
        *,
        frame_placement: FramePlacement = "auto",
        digest: str = "",
        network: Network | None = None,
    ) -> None:
        """Goes on from the state in `out` where there is one. network: a new one, which is prepared here."""
        self.processes = processes or TrainingProcesses("cpu")
        self.network = network or _network(options, windows.length)
        self.windows, self.held, self.options = windows, held, options
        self.out, self.digest = out, digest
        self.frames = FramePoints(self.network.points(windows), self.processes.device, frame_placement)
        self.network.prepare(self.frames, windows, options.seed)
        self.network.to(self.frames.device)
        self.batches = BatchSampler(windows.videos, windows.video, options.batch, options.drivers, options.seed)
        self.batch_share = self.processes.share(options.accumulate)
        self.codes = _codes(windows.videos)
        self.optimiser = _optimiser(self.network, options)
        self.state = restore_state(out / STATE_FILE, digest, self.network, self.optimiser)
        self.model = self.processes.wrapped(self.network, compiled=options.compile)
        self.mirror_indices = self.network.mirror_indices() if options.augmentation.mirror else None

    def run(self, log: TrainingLog, progress: Progress | None) -> TrainingState:
        """All steps that are left; the network has the best weights afterwards."""
        options, run = self.options, self.state
        begun = time.monotonic() - run.seconds
        losses: list[torch.Tensor] = []
        told = ""
        while run.step < options.steps and not (options.patience and run.stale >= options.patience):
            rate = learning_rate(run.step, options)
            losses.append(self.step(rate))
            run.step += 1
            if progress and run.step % 5 == 0:
                progress(run.step, options.steps, told)
            if run.step % options.validation_steps == 0 or run.step == options.steps:
                loss = float(self.processes.mean(torch.stack(losses).mean()))
                if not math.isfinite(loss):
                    raise NvfairError(
                        f"the loss is {loss} at step {run.step}", remedy="train with a smaller learning rate"
                    )
                value = self.processes.broadcast_from_main(lambda: self.held.value(self.network, self.frames.device))
                run.seconds = time.monotonic() - begun
                windows = run.step * options.batch * options.accumulate
                run.rows.append([run.step, windows, f"{loss:.6f}", f"{rate:.3e}", f"{value:.6f}", f"{run.seconds:.1f}"])
                log.write(run.step, {"loss": loss, "learning_rate": rate, "validation_auc": value})
                run.keep_best(value, self.network)
                losses = []
                if self.processes.main:
                    save_state(self.out, self.digest, self.network, self.optimiser, run)
                told = f"loss {loss:.3f}, validation AUC {value:.3f}"
                if progress:
                    progress(run.step, options.steps, told)
        if run.best_weights is not None:
            self.network.load_state_dict(run.best_weights)
        return run

    def step(self, rate: float) -> torch.Tensor:
        """One optimiser step; the loss, still on the device."""
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        total = None
        for share in self.batch_share:
            last = share == self.batch_share[-1]
            with nullcontext() if last else self.processes.alone(self.model):
                loss = self.loss(self.state.step * self.options.accumulate + share) / len(self.batch_share)
                loss.backward()
            total = loss.detach() if total is None else total + loss.detach()
        self.optimiser.step()
        assert total is not None
        return total

    def loss(self, number: int) -> torch.Tensor:
        """The loss of batch `number`."""
        options, device = self.options, self.frames.device
        torch.manual_seed(options.seed * 1_000_003 + number)  # whatever is random depends on the batch alone
        batch = self.batches.batch(number)
        order = None
        if options.loss.shuffles and self.network.ordered:
            order = to_device(torch.rand(len(batch), self.windows.length).argsort(dim=1), device)
        points = augment(self.frames.take(self.windows.rows(batch)), self.mirror_indices, options.augmentation)
        with torch.autocast(device.type, torch.bfloat16, enabled=options.precision == "bfloat16"):
            embeddings, shuffled = self.model(points, order)
        labels = self.codes[:, self.windows.video[batch]]
        if options.loss.kind == "fingerprint":
            driver, target, clip = to_device(torch.from_numpy(labels), device)
            return fingerprint_loss(embeddings, shuffled, driver, target, clip, options.loss)
        rng = np.random.default_rng([options.seed, number, 2])
        return metric_loss(embeddings, labels[0], labels[1], labels[2], options.loss, rng)


def _network(options: TrainOptions, window: int) -> Network:
    """A new network with the weights that the seed gives."""
    state = torch.get_rng_state()
    try:
        torch.manual_seed(options.seed)
        return network_class(options.method, where="--method").from_options(options, window)
    finally:
        torch.set_rng_state(state)


def _optimiser(network: nn.Module, options: TrainOptions) -> torch.optim.Optimizer:
    kind = torch.optim.AdamW if options.optimiser == "adamw" else torch.optim.Adam
    return kind(network.parameters(), lr=options.learning_rate, weight_decay=options.weight_decay, foreach=False)


def _codes(videos: pd.DataFrame) -> np.ndarray:
    """Driver, target and clip of each video as numbers (3, N)."""
    return np.stack([pd.factorize(videos[column], sort=True)[0] for column in ("driver", "target", "clip")])


def learning_rate(step: int, options: TrainOptions) -> float:
    """The rate of a step: linear warm-up, then as `options.schedule` says."""
    warm = max(1, int(options.warm_up * options.steps))
    if step < warm:
        return options.learning_rate * (step + 1) / warm
    if options.schedule == "constant":
        return options.learning_rate
    if options.schedule == "drop":
        return options.learning_rate * (1.0 if step < options.steps * 2 / 3 else 0.1)
    done = (step - warm) / max(1, options.steps - warm)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * done)))


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


def _declaration(
    dataset: Dataset,
    protocol: Protocol,
    options: TrainOptions,
    windows: WindowSet,
    validation: ValidationSet,
    data: dict[str, str],
) -> Declaration:
    """What this training has seen; NvfairError where its splits share a person."""
    test = dataset.videos[dataset.videos["split"] == protocol.split.test]
    registered = dataset.identities[dataset.identities["split"] == protocol.split.test]["identity"]
    declaration = Declaration(
        training=_exposure(windows.videos, options.generators),
        selection=_exposure(validation.windows.videos, options.generators if validation.usable else ()),
        held_out=frozenset({*test["driver"], *test["target"], *registered}),
        data=data,
    )
    check_disjoint(declaration, where=dataset.folder)
    return declaration


def _exposure(videos: pd.DataFrame, generators: tuple[str, ...]) -> RoleExposure:
    return RoleExposure.from_videos(videos["driver"], videos["target"], generators)


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
