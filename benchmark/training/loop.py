"""Training: a fixed budget of windows, selection on validation people only, resumable at any moment.

Batches, dropout, frame orders and augmentation are functions of the seed and the batch's number, so that a run that was
killed goes on from its last saved state to the very same checkpoint. With equal software, threads, processes and
device, equal options give equal bytes. Within a step the host never waits for the device.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.device import resolve_device
from benchmark.methods.network import Network
from benchmark.methods.re_rendering import ReRenderer
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.augmentation import augment
from benchmark.training.batches import BatchSampler
from benchmark.training.clip_batches import ClipSampler
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.fingerprint_loss import fingerprint_loss
from benchmark.training.keyword_options import options_from_keywords
from benchmark.training.log import TrainingLog
from benchmark.training.metric_losses import metric_loss
from benchmark.training.optimiser import learning_rate, make_optimiser
from benchmark.training.reproducible import reproducible
from benchmark.training.run_inputs import TrainingRun, new_network
from benchmark.training.selection import ValidationSet
from benchmark.training.state import STATE_FILE, TrainingState, finished_checkpoint, restore_state, save_state
from benchmark.windows.device_frames import FramePlacement, FramePoints, to_device
from benchmark.windows.stored_frames import StoredFrames
from benchmark.windows.window_set import WindowSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError

Progress = Callable[[int, int, str], None]  # steps done, steps in all, a line of text


def train(
    data: Dataset | str | Path,
    out: str | Path,
    options: TrainOptions | None = None,
    protocol: Protocol | str | Path = "nvfair-seen",
    *,
    generators: Sequence[str] | str = (),
    start: str | Path | None = None,
    device: str = "auto",
    name: str | None = None,
    frame_placement: FramePlacement = "auto",
    tensorboard: str | Path | None = None,
    progress: Progress | None = None,
    **option_values: Any,
) -> Checkpoint:
    """Trains on the protocol's training people and writes a checkpoint to `out`; goes on where it was interrupted.

        run = train("runs/clips", "runs/cnn", generators=["warp-dense"], windows=20_000)

    data: a data set, or its folder. options: a TrainOptions; or leave it out and name `generators` and any other of
    its fields as keywords (`options_from_keywords`). protocol: a protocol, its name, or the path of its file. start:
    the folder of a checkpoint, or its name, from whose weights training goes on; whom it has seen is declared too.
    device: "auto", "cpu", "cuda" or "cuda:N". name: of the method in reports (default: the name of the folder `out`).
    frame_placement: where the frames are kept (benchmark.windows.device_frames). tensorboard: folder for TensorBoard's
    logs. progress: called as training goes on, with the steps done, the steps in all and a line of text.

    Started several times by `torchrun`, the processes share the work. Returns the checkpoint, which is a method and can
    be evaluated at once. Raises NvfairError where the splits share a person, also with those of `start`, a generator is
    not in the data, `start` is another network, `out` holds another run, or the data cannot train anything.
    """
    if options is None:
        options = options_from_keywords(generators, **option_values)
    elif generators or option_values:
        raise NvfairError(
            f"both options and {', '.join(['generators'] * bool(generators) + list(option_values))} are given",
            expected="either a TrainOptions or keywords",
        )
    out = Path(out)
    processes = TrainingProcesses(resolve_device(device))
    run = TrainingRun.of(data, options, protocol, name=name or out.name, start=start)
    checkpoint = finished_checkpoint(out, run.digest)
    processes.wait()
    if checkpoint is not None:
        return checkpoint
    inputs = run.read()
    network, validation, earlier = inputs.network, inputs.validation, run.earlier
    with reproducible(processes.device):
        training = Training(
            inputs.windows,
            validation,
            options,
            out,
            processes,
            frame_placement=frame_placement,
            digest=run.digest,
            network=network,
            fit=earlier is None,
        )
        log_folder = Path(tensorboard) if tensorboard is not None and processes.is_main else None
        with TrainingLog(log_folder) as log:
            state = training.run(log, progress if processes.is_main else None)
    origin = {} if earlier is None else {"from": {"name": earlier.name, "digest": earlier.digest}}
    checkpoint = Checkpoint(
        name=run.name,
        network=network.to("cpu").eval(),
        declaration=inputs.declaration,
        protocol=run.protocol,
        feature=network.describe_input(),
        selection={
            "metric": validation.metric,
            "step": state.best_step,
            "steps_run": state.step,
            "validation_auc": None if math.isnan(state.best_value) else state.best_value,
        },
        options=options.to_json() | {"run": run.digest} | origin,
    )
    if processes.is_main:
        checkpoint.save(out)
        (out / STATE_FILE).unlink(missing_ok=True)
    processes.wait()
    return checkpoint


class Training:
    """One training run of one network over one set of windows."""

    def __init__(
        self,
        windows: WindowSet,
        validation: ValidationSet,
        options: TrainOptions,
        out: Path,
        processes: TrainingProcesses | None = None,
        *,
        frame_placement: FramePlacement = "auto",
        digest: str = "",
        network: Network | None = None,
        fit: bool = True,
    ) -> None:
        """Goes on from the state in the folder `out` where there is one.

        network: a network; None makes one. fit: whether to fit it to the training frames first. digest: of the options.
        """
        self.processes = processes or TrainingProcesses("cpu")
        self.network = network or new_network(options, windows.length)
        self.windows, self.validation, self.options = windows, validation, options
        self.out, self.digest = out, digest
        points = self.network.points_of(windows)
        self.frames = FramePoints(points, self.processes.device, frame_placement)
        if fit:
            self.network.fit_statistics(self.frames, windows, options.seed)
        self.network.to(self.frames.device)
        sampler = ClipSampler if options.positives == "clip" else BatchSampler
        self.batches = sampler(windows.videos, windows.video, options.batch, options.drivers, options.seed)
        self.batch_share = self.processes.batch_share(options.accumulate)
        self.optimiser = make_optimiser(self.network, options)
        self.state = restore_state(out / STATE_FILE, digest, self.network, self.optimiser)
        self.model = self.processes.wrap(self.network, compiled=options.compile)
        mirror_indices = self.network.mirror_indices() if options.augmentation.mirror else None
        self.mirror_indices = (
            None if mirror_indices is None else torch.tensor(mirror_indices, device=self.frames.device)
        )
        self.re_renderer = self._fit_re_renderer(points)

    def _fit_re_renderer(self, points: np.ndarray | StoredFrames) -> ReRenderer | None:
        """What makes the augmentation's re-renderings of windows of `points` (F, N, C); None where there are none."""
        options = self.options.augmentation.re_rendering
        if not options.changes_anything or points.dtype == np.uint8:  # `augment` refuses pictures
            return None
        tracked = self.network.tracked_points()
        return ReRenderer.fit(
            options,
            points,
            self.windows.rows(slice(None)),
            None if tracked is None else np.array(tracked),
            self.options.seed,
            self.frames.device,
        )

    def run(self, log: TrainingLog, progress: Progress | None) -> TrainingState:
        """Takes all steps that are left; the network has the best weights afterwards."""
        options, state = self.options, self.state
        started = time.monotonic() - state.seconds
        losses: list[torch.Tensor] = []
        message = ""
        while state.step < options.steps and not (options.patience and state.stale >= options.patience):
            rate = learning_rate(state.step, options)
            losses.append(self.step(rate))
            state.step += 1
            if progress and state.step % 5 == 0:
                progress(state.step, options.steps, message)
            if state.step % options.validation_steps == 0 or state.step == options.steps:
                message = self._validate(log, losses, rate, started)
                losses = []
                if progress:
                    progress(state.step, options.steps, message)
        if state.best_weights is not None:
            self.network.load_state_dict(state.best_weights)
        return state

    def _validate(self, log: TrainingLog, losses: list[torch.Tensor], rate: float, started: float) -> str:
        """Validates, logs and saves the state; a line of text about it.

        losses: of the steps since the last validation. started: when the run would have started without interruptions.
        """
        options, state = self.options, self.state
        loss = float(self.processes.mean(torch.stack(losses).mean()))
        if not math.isfinite(loss):
            raise NvfairError(f"the loss is {loss} at step {state.step}", remedy="train with a smaller learning rate")
        auc = self.processes.broadcast_from_main(lambda: self.validation.mean_auc(self.network, self.frames.device))
        state.seconds = time.monotonic() - started
        windows = state.step * options.batch * options.accumulate
        state.rows.append([state.step, windows, f"{loss:.6f}", f"{rate:.3e}", f"{auc:.6f}", f"{state.seconds:.1f}"])
        log.write(state.step, {"loss": loss, "learning_rate": rate, "validation_auc": auc})
        state.keep_best(auc, self.network, options.least_gain)
        if self.processes.is_main:
            save_state(self.out, self.digest, self.network, self.optimiser, state)
        return f"loss {loss:.3f}, validation AUC {auc:.3f}"

    def step(self, rate: float) -> torch.Tensor:
        """Takes one optimiser step at the learning rate `rate`; the mean loss of its batches, still on the device."""
        self.model.train()
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.optimiser.zero_grad(set_to_none=True)
        total = None
        for batch in self.batch_share:
            is_last = batch == self.batch_share[-1]
            with nullcontext() if is_last else self.processes.without_averaging(self.model):
                loss = self.loss(self.state.step * self.options.accumulate + batch) / len(self.batch_share)
                loss.backward()
            total = loss.detach() if total is None else total + loss.detach()
        if self.options.clip_gradients:
            torch.nn.utils.clip_grad_norm_(self.network.parameters(), self.options.clip_gradients, foreach=False)
        self.optimiser.step()
        assert total is not None
        return total

    def loss(self, number: int) -> torch.Tensor:
        """The loss of batch `number`, a scalar on the device."""
        options, device = self.options, self.frames.device
        torch.manual_seed(options.seed * 1_000_003 + number)  # whatever is random depends on the batch alone
        batch = self.batches.batch(number)
        order = None
        if options.loss.shuffles and self.network.uses_order:
            order = to_device(torch.rand(len(batch), self.windows.length).argsort(dim=1), device)
        points = self.frames.take(self.windows.rows(batch))
        points = augment(points, self.mirror_indices, options.augmentation, self.re_renderer)
        half_precision = options.precision == "bfloat16"
        with torch.autocast(device.type, torch.bfloat16) if half_precision else nullcontext():
            embeddings, shuffled = self.model(points, order)
        labels = self.batches.labels(self.windows.video[batch])
        if options.loss.kind == "fingerprint":
            driver, target, clip = to_device(torch.from_numpy(labels), device)
            return fingerprint_loss(embeddings, shuffled, driver, target, clip, options.loss)
        rng = np.random.default_rng([options.seed, number, 2])
        return metric_loss(embeddings, labels[0], labels[1], labels[2], options.loss, rng)
