"""Training by epochs on the release's files: the loop that both recipes share, and the checkpoint that it ends with.

Epochs are functions of the seed and their number, so a run that was killed goes on from its last epoch to the same
checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Protocol

import torch

from benchmark.methods.avaprintdb.list_protocols import list_protocol_of
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, RoleExposure, check_disjoint
from benchmark.methods.network import Network
from benchmark.training.avaprintdb.dev_videos import DevVideos
from benchmark.training.state import STATE_FILE, restore_state, save_state
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE

Progress = Callable[[int, int, str], None]  # epochs done, epochs in all, a line of text


class Recipe(Protocol):
    """Settings that the loop needs of any recipe, a frozen dataclass."""

    @property
    def window(self) -> int:
        """The number of frames of a window."""
        ...

    @property
    def epochs(self) -> int:
        """At most so many epochs are trained."""
        ...

    @property
    def learning_rate(self) -> float:
        """The rate of the first epoch."""
        ...

    @property
    def weight_decay(self) -> float:
        """Of Adam, as a part of the gradient."""
        ...

    @property
    def patience(self) -> int:
        """It ends after so many epochs in a row in which the monitored loss was looked at and was not lower."""
        ...

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        ...

    def validates(self, epoch: int) -> bool:
        """Whether the monitored loss is looked at after an epoch, counted from 0."""
        ...


class EpochTrainer(Protocol):
    """What a recipe does with its videos."""

    def train_epoch(self, network: Any, optimiser: torch.optim.Optimizer, epoch: int) -> float:
        """Takes the steps of an epoch, counted from 0; the mean loss of its anchors."""
        ...

    def validation_loss(self, network: Any) -> float:
        """The loss on validation people, with nothing dropped; called only where there are such people."""
        ...


def split_videos(videos: DevVideos, held: frozenset[str], root: Path) -> tuple[DevVideos, DevVideos | None]:
    """The training and the validation videos; None where nobody is held out.

    held: validation people. A validation video has its driver and its target among them; a training video has neither.
    root: the folder, for errors. Raises NvfairError for a person without a video among them alone.
    """
    if not held:
        return videos, None
    validation = videos.among(held)
    if absent := sorted(held - (validation.people.people or frozenset())):
        raise NvfairError(
            f"no video among the validation people alone has {', '.join(absent)}",
            where=root,
            expected="people who have a video of their own",
            remedy="name other people by --validation-people, or hold nobody out: --validation-people none",
        )
    return videos.without(held), validation


def run_digest(recipe: Any, videos: DevVideos, *more: str) -> str:
    """The sha256 of a recipe's settings, of all its videos and of `more`."""
    content = hashlib.sha256()
    for sample, points in zip(videos.names, videos.points, strict=True):
        content.update(sample.stem.encode() + b"\0" + points.numpy().tobytes())
    values = [asdict(recipe), content.hexdigest(), *more]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def declare(
    training: DevVideos, validation: DevVideos | None, collection: str, data_name: str, root: Path
) -> Declaration:
    """What a training has seen; NvfairError where it contradicts itself."""
    declaration = Declaration(
        training=training.people,
        selection=RoleExposure() if validation is None else validation.people,
        held_out=TEST_PEOPLE[collection],
        data={"name": data_name},
    )
    check_disjoint(declaration, where=root)
    return declaration


@dataclass(frozen=True)
class EpochRun:
    """A training by epochs that has read its videos. validation: None where nobody is held out. digest: tells it from
    every other run."""

    videos: DevVideos
    validation: DevVideos | None
    declaration: Declaration
    digest: str


def run_epochs(
    network: Network,
    trainer: EpochTrainer,
    recipe: Recipe,
    out: Path,
    digest: str,
    anchors: int,
    held_out: bool,
    progress: Progress | None,
) -> dict[str, Any]:
    """Takes the epochs that are left; the network has the weights of the lowest monitored loss afterwards.

    anchors: videos of an epoch, for the log. held_out: whether there are validation people, whose loss is monitored;
    else the training loss is. Returns the record of the selection. Raises NvfairError where a loss is not finite.
    """
    optimiser = torch.optim.Adam(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=False
    )
    state = restore_state(out / STATE_FILE, digest, network, optimiser)  # its steps are epochs here
    kind = "validation" if held_out else "training"
    while state.step < recipe.epochs and state.stale < recipe.patience:
        epoch = state.step
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(epoch)
        training_loss = trainer.train_epoch(network, optimiser, epoch)
        if not math.isfinite(training_loss):
            raise NvfairError(
                f"the loss is {training_loss} in epoch {epoch}", remedy="train with a smaller learning rate"
            )
        state.step += 1
        text = f"training loss {training_loss:.4f}"
        if recipe.validates(epoch):
            loss = trainer.validation_loss(network) if held_out else training_loss
            state.keep_best(-loss, network)
            text = f"{kind} loss {loss:.4f}"
        state.rows.append(
            [state.step, state.step * anchors, f"{training_loss:.6f}", f"{recipe.rate(epoch):.3e}", "", ""]
        )
        save_state(out, digest, network, optimiser, state)
        if progress:
            progress(state.step, recipe.epochs, text)
    assert state.best_weights is not None
    network.load_state_dict(state.best_weights)
    return {
        "metric": "loss on validation people" if held_out else "training loss on all DEV people, nobody held out",
        "step": state.best_step,
        "steps_run": state.step,
        f"{kind}_loss": -state.best_value,
        "validation_auc": None,
    }


def save_checkpoint(
    network: Network,
    name: str,
    declaration: Declaration,
    recipe: Recipe,
    videos: DevVideos,
    selection: dict[str, Any],
    options: dict[str, Any],
    out: Path,
) -> Checkpoint:
    """Writes the checkpoint of a finished training to `out` and removes its state. options: beside the recipe's."""
    checkpoint = Checkpoint(
        name=name,
        network=network.to("cpu").eval(),
        declaration=declaration,
        protocol=list_protocol_of(network.method, recipe.window),
        feature=network.describe_input(),
        selection=selection,
        options={
            **asdict(recipe),  # type: ignore[call-overload]
            **options,
            "videos": len(videos.names),
            "short_videos": videos.short,
            "dropped_frames": videos.dropped_frames,
        },
    )
    checkpoint.save(out)
    (out / STATE_FILE).unlink(missing_ok=True)
    return checkpoint
