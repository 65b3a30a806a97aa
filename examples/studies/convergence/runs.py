"""Makes one run: trains, stops at the deadline, scores, and writes its curve and its result.

What is finished is not made again.

    FOLDER/worlds/WORLD      the simulated cohort
    FOLDER/runs/KEY          the training, which goes on where it was interrupted
    OUT/curves/KEY.csv       its validations so far
    OUT/results/KEY.json     how it ended, and its AUCs on test people
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import torch

from benchmark import protocols
from benchmark.methods.device import resolve_device
from benchmark.methods.network import Network, network_class
from benchmark.training.loop import train
from benchmark.training.state import LOG_FILE, STATE_FILE
from examples.studies.convergence.plan import OURS, SHORTCUTS, Run
from examples.studies.convergence.scoring import Cell, score_network, score_shortcuts
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, write_text

FLATTENED, CAPPED, STOPPED, FITTED = "flattened", "capped", "stopped", "fitted"


@dataclass(frozen=True)
class Result:
    """How a run ended. Field names are keys of its file.

    digest: of everything that determines the run. people: names the world's people and random numbers. state:
    FLATTENED (converged), CAPPED (reached its most steps while it still gained), STOPPED (the deadline came first; the
    same command goes on), FITTED (in closed form). steps, best_step: run, and selected. validation_auc: of the
    selected step, None where nothing was selected. train_generator: the seen one.
    """

    key: str
    digest: str
    people: str
    world: str
    reason: str
    method: str
    seed: int
    size: str
    train_generator: str
    state: str
    steps: int
    best_step: int
    validation_auc: float | None
    seconds: float
    device: str
    cells: tuple[Cell, ...]

    def write(self, out: Path) -> None:
        """Writes the result to `out`, whole or not at all."""
        content = asdict(self)
        write_text(make_folder(out / "results") / f"{self.key}.json", json.dumps(content, sort_keys=True) + "\n")

    @classmethod
    def read(cls, path: Path) -> Result:
        """The result that `write` wrote; NvfairError where the file is something else."""
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            return cls(**content | {"cells": tuple(Cell.from_json(cell) for cell in content["cells"])})
        except (OSError, ValueError, TypeError, KeyError) as error:
            raise NvfairError(
                f"not a result of this study: {error}", where=path, remedy="delete it; the run is then made again"
            ) from error


def read_results(out: Path) -> list[Result]:
    """All results in `out`, in the order of their names."""
    return [Result.read(path) for path in sorted((out / "results").glob("*.json"))]


class DeadlineReached(Exception):
    """The study's time is over; a training stops at its last validation."""


@dataclass(frozen=True)
class Workplace:
    """Where runs are made, and until when.

    folder, out: see the module. device: "auto", "cpu" or "cuda". stop_at: time (`time.time`) at which trainings stop;
    the rest of the study's time is for scoring. None: never.
    """

    folder: Path
    out: Path
    device: str = "auto"
    stop_at: float | None = None

    def cohort(self, run: Run) -> Path:
        """The folder of a run's simulated cohort."""
        return self.folder / "worlds" / (f"{run.world}-{run.settings.world_hash()[:8]}")

    @property
    def is_over(self) -> bool:
        """Whether trainings have to stop."""
        return self.stop_at is not None and time.time() >= self.stop_at

    def finished(self, run: Run) -> Result | None:
        """The result of a run that need not be made again; NvfairError where the file is that of another run."""
        path = self.out / "results" / f"{run.key}.json"
        if not path.exists():
            return None
        result = Result.read(path)
        if result.digest != run_digest(run):
            raise NvfairError(
                f"the result of {run.key} was made with other settings",
                where=path,
                remedy="name another folder with --out, or delete this file",
            )
        return None if result.state == STOPPED else result


def run_digest(run: Run) -> str:
    """The sha256 of the world and of all options of a run."""
    if run.method == SHORTCUTS:
        return run.settings.world_hash()
    return run.options.digest(run.settings.world_hash(), protocols.load("nvfair-seen").digest)


def make_run(run: Run, place: Workplace) -> list[Result]:
    """Makes a run and writes its results; none where the deadline came before its first validation."""
    if run.method == SHORTCUTS:
        results = _make_shortcuts(run, place)
    else:
        result = _make_training(run, place)
        results = [] if result is None else [result]
    for result in results:
        result.write(place.out)
    return results


def _make_shortcuts(run: Run, place: Workplace) -> list[Result]:
    begun = time.monotonic()
    results = []
    for name, cells in score_shortcuts(place.cohort(run)).items():
        row = _result(run, FITTED, cells, seconds=time.monotonic() - begun)
        results.append(replace(row, key=f"{run.key}-{name.replace(' ', '-').replace('/', '-')}", method=name))
    # The last file says that all of them are there.
    return [*results, _result(run, FITTED, [], seconds=time.monotonic() - begun)]


def _make_training(run: Run, place: Workplace) -> Result | None:
    device = resolve_device(place.device)
    training_folder = place.folder / "runs" / run.key
    curve = make_folder(place.out / "curves") / f"{run.key}.csv"
    begun = time.monotonic()

    def copy_curve() -> None:
        if (training_folder / LOG_FILE).exists():
            write_text(curve, (training_folder / LOG_FILE).read_text(encoding="utf-8"))

    try:
        checkpoint = train(
            Dataset.open(place.cohort(run)), training_folder, run.options, "nvfair-seen", name=run.key, device=device,
            progress=_progress(place, copy_curve),
        )  # fmt: skip
    except DeadlineReached:
        copy_curve()
        stopped = _stopped_network(run, training_folder / STATE_FILE)
        if stopped is None:
            return None
        network, content = stopped
        cells = score_network(network, place.cohort(run), device)
        return _result(
            run, STOPPED, cells, steps=content["step"], best_step=content["best_step"], auc=content["best_value"],
            seconds=time.monotonic() - begun, device=device,
        )  # fmt: skip
    copy_curve()
    cells = score_network(checkpoint.network, place.cohort(run), device)
    selection = checkpoint.selection
    return _result(
        run, _state(run, training_folder, selection["steps_run"]), cells, steps=selection["steps_run"],
        best_step=selection["step"], auc=selection["validation_auc"], seconds=time.monotonic() - begun, device=device,
    )  # fmt: skip


def _progress(place: Workplace, copy_curve: Callable[[], None]) -> Callable[[int, int, str], None]:
    """A progress callback of `train` that copies the curve after each validation and stops at the deadline."""
    last_message = ""

    def progress(step: int, steps: int, message: str) -> None:
        nonlocal last_message
        if message != last_message:
            last_message = message
            copy_curve()
        if place.is_over:
            raise DeadlineReached

    return progress


def _stopped_network(run: Run, state_file: Path) -> tuple[Network, dict[str, Any]] | None:
    """The best network of an unfinished training, and its saved state; None where nothing was validated yet."""
    if not state_file.exists():
        return None
    content = torch.load(state_file, map_location="cpu", weights_only=True)
    options = run.options
    network = network_class(options.method).from_options(options, protocols.load("nvfair-seen").time.window)
    network.load_state_dict(content["best_weights"])
    return network, content


def _state(run: Run, training_folder: Path, steps: int) -> str:
    """How a finished training ended, from the stale validations at the end of its curve."""
    if run.method == OURS and not run.reason:
        return FITTED
    lines = (training_folder / LOG_FILE).read_text(encoding="utf-8").splitlines()[1:]
    curve = [float(line.split(",")[4]) for line in lines]
    options = run.options
    return FLATTENED if stale_validations(curve, options.least_gain) >= options.patience else CAPPED


def stale_validations(curve: list[float], least_gain: float) -> int:
    """Validations after the last gain; a gain is one that exceeds the gain before it by more than `least_gain`."""
    last_gain, stale = float("-inf"), 0
    for value in curve:
        last_gain, stale = (value, 0) if value > last_gain + least_gain else (last_gain, stale + 1)
    return stale


def _result(
    run: Run, state: str, cells: list[Cell], *, steps: int = 0, best_step: int = 0, auc: float | None = None,
    seconds: float, device: str = "cpu",
) -> Result:  # fmt: skip
    return Result(
        key=run.key, digest=run_digest(run), people=run.settings.draw_hash(), world=run.world, reason=run.reason,
        method=run.method, seed=run.seed, size=run.size.name, train_generator=run.generator, state=state, steps=steps,
        best_step=best_step, validation_auc=auc, seconds=round(seconds, 1), device=_device_name(device),
        cells=tuple(cells),
    )  # fmt: skip


def _device_name(device: str) -> str:
    return torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
