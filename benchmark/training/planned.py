"""A training run before its first step: everything is read and checked, and nothing is written."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from benchmark.methods.device import resolve_device
from benchmark.methods.train_options import TrainOptions
from benchmark.protocols.schema import Protocol
from benchmark.training.distributed import TrainingProcesses
from benchmark.training.loop import Training
from benchmark.training.run_inputs import TrainingRun
from benchmark.training.state import finished_checkpoint
from benchmark.windows.device_frames import FramePlacement
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import check_writable


@dataclass(frozen=True)
class PlannedTraining:
    """What `train` would do. windows, videos, people: that train. validation_videos: that select, 0 where none can.
    steps: of the whole budget. first_step: where it goes on, after an interruption. weight_bytes: of the checkpoint's
    weights. finished: an earlier run has done all of it."""

    windows: int = 0
    videos: int = 0
    people: int = 0
    validation_videos: int = 0
    steps: int = 0
    first_step: int = 0
    weight_bytes: int = 0
    finished: bool = False


def plan_training(
    data: Dataset | str | Path,
    out: str | Path,
    options: TrainOptions,
    protocol: Protocol | str | Path = "nvfair-seen",
    *,
    start: str | Path | None = None,
    device: str = "auto",
    frame_placement: FramePlacement = "auto",
) -> PlannedTraining:
    """Does what `train` does before its first step: takes what it takes, and raises what it raises."""
    out = Path(out)
    processes = TrainingProcesses(resolve_device(device))
    run = TrainingRun.of(data, options, protocol, name=out.name, start=start)
    if finished_checkpoint(out, run.digest, makes_folder=False) is not None:
        return PlannedTraining(finished=True)
    check_writable(out)
    inputs = run.read()
    training = Training(
        inputs.windows,
        inputs.validation,
        options,
        out,
        processes,
        frame_placement=frame_placement,
        digest=run.digest,
        network=inputs.network,
        fit=start is None,
    )
    videos, validation = inputs.windows.videos, inputs.validation
    return PlannedTraining(
        windows=len(inputs.windows),
        videos=len(videos),
        people=len(set(videos["driver"])),
        validation_videos=len(validation.windows.videos) if validation.usable else 0,
        steps=options.steps,
        first_step=training.state.step,
        weight_bytes=sum(value.numel() * value.element_size() for value in inputs.network.state_dict().values()),
    )
