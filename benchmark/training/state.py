"""What an interrupted training run leaves in its folder, and how it goes on from there."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from benchmark.methods.checkpoint import RECORD_FILE, Checkpoint, load_checkpoint
from benchmark.methods.network import Network
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, write_bytes, write_text

STATE_FILE, LOG_FILE = "state.pt", "log.csv"
LOG_COLUMNS = ("step", "windows", "loss", "learning_rate", "validation_auc", "seconds")


@dataclass
class TrainingState:
    """How far a training run is; saved beside the weights and the optimiser. Field names are keys of the saved file.

    step: optimiser steps done. rows: one of LOG_COLUMNS for each validation. best_step, best_value, best_weights: of
    the best validation. last_gain: value of the last validation that exceeded the gain before it by more than the least
    gain. stale: validations since then. seconds: time spent.
    """

    step: int = 0
    rows: list[list[Any]] = field(default_factory=list)
    best_step: int = 0
    best_value: float = float("nan")
    best_weights: dict[str, torch.Tensor] | None = None
    last_gain: float = float("nan")
    stale: int = 0
    seconds: float = 0.0

    def keep_best(self, value: float, network: Network, least_gain: float = 0.0) -> None:
        """Keeps the weights where `value` is the best validation so far, or where there is no validation (NaN).

        least_gain: validations count as stale until one exceeds the last gain by more than this.
        """
        if math.isnan(value) or math.isnan(self.best_value) or value > self.best_value:
            self.best_step, self.best_value = self.step, value
            self.best_weights = {key: tensor.detach().cpu().clone() for key, tensor in network.state_dict().items()}
        if math.isnan(value) or math.isnan(self.last_gain) or value > self.last_gain + least_gain:
            self.last_gain, self.stale = value, 0
        else:
            self.stale += 1


def save_state(
    out: Path, digest: str, network: Network, optimiser: torch.optim.Optimizer, state: TrainingState
) -> None:
    """Writes the state and the log to the folder `out`, each whole or not at all. digest: of the run's options."""
    content = {"digest": digest, "network": network.state_dict(), "optimiser": optimiser.state_dict(), **vars(state)}
    whole = io.BytesIO()  # on a full disk, torch's own writer raises an error that does not say so
    torch.save(content, whole)
    write_bytes(out / STATE_FILE, whole.getvalue())
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(LOG_COLUMNS)
    writer.writerows(state.rows)
    write_text(out / LOG_FILE, text.getvalue())


def restore_state(path: Path, digest: str, network: Network, optimiser: torch.optim.Optimizer) -> TrainingState:
    """The state saved at `path`, with its weights and optimiser put in place; a new one where there is no file.

    Raises NvfairError where the state belongs to another run.
    """
    if not path.exists():
        return TrainingState()
    content = torch.load(path, map_location="cpu", weights_only=True)
    if content.pop("digest") != digest:
        raise NvfairError(
            "this folder holds an unfinished training with other options or other data",
            where=path,
            remedy="name another folder, or delete this one",
        )
    network.load_state_dict(content.pop("network"))
    optimiser.load_state_dict(content.pop("optimiser"))
    return TrainingState(**content)


def finished_checkpoint(out: Path, digest: str, *, makes_folder: bool = True) -> Checkpoint | None:
    """The checkpoint in the folder `out` where this very run has finished; else None, with the folder made.

    makes_folder: a dry run makes none. Raises NvfairError where the folder holds anything else.
    """
    if not (out / RECORD_FILE).exists():
        if out.is_dir() and not (out / STATE_FILE).exists() and any(out.iterdir()):
            raise NvfairError(
                "this folder holds something else than a training",
                where=out,
                expected="an empty folder, or one with an unfinished training of the same options",
                remedy="name another folder",
            )
        if makes_folder:
            make_folder(out)
        return None
    checkpoint = load_checkpoint(out)
    if checkpoint.options.get("run") != digest:
        raise NvfairError(
            "this folder holds a checkpoint of other options or other data",
            where=out,
            remedy="name another folder, or delete this one",
        )
    return checkpoint
