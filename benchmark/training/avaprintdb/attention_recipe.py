"""Training the attention network on frame features as AVAPrintDB's authors trained theirs (arXiv 2603.26934).

Legend: A anchors of a step, K videos of each group, T frames of a window, C feature size.

    windows         one of T frames of each video, at a random start that is kept for the whole training
    an epoch        every training video is an anchor once, in random order, with K videos from each of four groups
                    (`companions`), drawn anew
    loss            `hardest_pair_loss` of unit embeddings
    rate            the same to the end
    selection       the lowest loss on validation people (positives and negatives on the anchor's face), after the first
                    epoch and every fifth

By default the authors' own validation people are held out, who are DEV people all. Three things are not stated and
ours: a training video has no validation person as driver or as target; a group without a video is replaced by its
partner; the validation draw is the same each time.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmark.methods.avaprintdb.attention_network import AttentionNetwork, AttentionShape
from benchmark.methods.avaprintdb.published_attention import FeatureFiles
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.device import resolve_device
from benchmark.training.avaprintdb.companions import CompanionGroups, Companions
from benchmark.training.avaprintdb.dev_videos import ATTENTION_VALIDATION_PEOPLE, DevVideos, check_validation_people
from benchmark.training.avaprintdb.epochs import (
    EpochRun,
    Progress,
    declare,
    run_digest,
    run_epochs,
    save_checkpoint,
    split_videos,
)
from benchmark.training.avaprintdb.hardest_pair_loss import MARGIN, anchor_distances, hardest_pair_loss
from benchmark.training.reproducible import reproducible
from benchmark.training.state import finished_checkpoint
from nvfair_tools.errors import NvfairError

# Gradients of a step are added up in parts of so many anchors, each with 24 more windows.
_ANCHORS_AT_ONCE, _ANCHORS_AT_ONCE_ON_GPU = 4, 32


@dataclass(frozen=True)
class AttentionRecipe:
    """Settings of a training; the defaults are those of the published networks.

    window: frames. batch: anchors a step. companions: videos of each of the four groups, K. validate_every: epochs from
    one look at the validation people to the next, after that of the first epoch. Raises NvfairError for a value out of
    range.
    """

    window: int = 60
    batch: int = 32
    companions: int = 6
    margin: float = MARGIN
    learning_rate: float = 1e-4
    weight_decay: float = 5e-5
    epochs: int = 100
    validate_every: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("window", "batch", "companions", "epochs", "validate_every"):
            if getattr(self, name) < 1:
                raise NvfairError(f"{name} is {getattr(self, name)}", expected="at least 1")
        for name in ("margin", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise NvfairError(f"{name} is {getattr(self, name)}", expected="a number above 0")

    @property
    def patience(self) -> int:
        """No limit: it always trains all its epochs."""
        return self.epochs

    def rate(self, epoch: int) -> float:
        """The learning rate, the same in every epoch."""
        return self.learning_rate

    def validates(self, epoch: int) -> bool:
        """Whether the monitored loss is looked at after an epoch, counted from 0: the first and every fifth."""
        return epoch == 0 or (epoch + 1) % self.validate_every == 0

    @property
    def label(self) -> str:
        """The recipe's name in checkpoints: that of the authors' recipe only where all settings but the seed are."""
        is_theirs = replace(self, seed=0) == AttentionRecipe()
        return "avaprintdb-attention" if is_theirs else "avaprintdb-attention, changed"


def train_attention(
    files: FeatureFiles,
    out: str | Path,
    collection: str,
    generator: str,
    recipe: AttentionRecipe | None = None,
    *,
    validation_people: Iterable[str] | None = None,
    name: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Checkpoint:
    """Trains on DEV people of a collection and writes the checkpoint to `out`; goes on where it was interrupted.

    files: frame features of the release. collection: "cremad" or "ravdess". generator: as in the files' names. recipe:
    default, the authors'. validation_people: `namespace:id` of DEV people who leave the training set, and on whose
    videos the epoch is chosen (None: the authors' list; empty: nobody, and the training loss chooses). name: of the
    method in reports (default: the name of `out`).

    Raises NvfairError where there is nothing to train on or to select on, and where a person of validation is a TEST
    person.
    """
    recipe, out = recipe or AttentionRecipe(), Path(out)
    run = read_attention_run(
        files,
        collection,
        generator,
        recipe,
        name=name or out.name,
        validation_people=validation_people,
        progress=progress,
    )
    videos, validation, digest = run.videos, run.validation, run.digest
    if (checkpoint := finished_checkpoint(out, digest)) is not None:
        return checkpoint
    with reproducible(resolved := resolve_device(device)):
        torch.manual_seed(recipe.seed)
        network = AttentionNetwork(AttentionShape(files.size)).to(resolved)
        trainer = _AttentionTrainer(recipe, videos, validation, resolved)
        anchors = len(videos.names)
        selection = run_epochs(network, trainer, recipe, out, digest, anchors, validation is not None, progress)
    options = {
        "recipe": recipe.label,
        "run": digest,
        "videos_with_an_empty_group": trainer.groups.with_empty_group,
    }
    return save_checkpoint(network, name or out.name, run.declaration, recipe, videos, selection, options, out)


def read_attention_run(
    files: FeatureFiles,
    collection: str,
    generator: str,
    recipe: AttentionRecipe,
    *,
    name: str,
    validation_people: Iterable[str] | None = None,
    progress: Progress | None = None,
) -> EpochRun:
    """Does what `train_attention` does before it writes: takes what it takes, and raises what it raises."""
    people = ATTENTION_VALIDATION_PEOPLE.get(collection, ()) if validation_people is None else validation_people
    held = frozenset(people)
    check_validation_people(held)  # before thousands of files are read
    report = None if progress is None else lambda text: progress(0, recipe.epochs, text)
    all_videos = DevVideos.read(files, collection, generator, recipe.window, window_seed=recipe.seed, report=report)
    videos, validation = split_videos(all_videos, held, files.root)
    if not videos.names:
        raise NvfairError(
            f"no video of {recipe.window} frames is left to train on: {all_videos.short} are shorter, and in the other "
            f"{len(all_videos.names)} a validation person takes part",
            where=files.root,
        )
    digest = run_digest(recipe, all_videos, name, ",".join(sorted(held)))
    declaration = declare(videos, validation, collection, "AVAPrintDB frame features", files.root)
    return EpochRun(videos, validation, declaration, digest)


class _AttentionTrainer:
    """Steps over anchors and their companions, and the loss of the validation videos."""

    def __init__(self, recipe: AttentionRecipe, videos: DevVideos, validation: DevVideos | None, device: str) -> None:
        self.recipe = recipe
        self.groups = CompanionGroups(videos)
        self._windows = torch.stack(videos.points).to(device)  # (V, T, C)
        self._part_size = _ANCHORS_AT_ONCE if device == "cpu" else _ANCHORS_AT_ONCE_ON_GPU
        if validation is not None:
            self._validation_windows = torch.stack(validation.points).to(device)
            rng = np.random.default_rng([recipe.seed, recipe.epochs])
            self._validation = CompanionGroups(validation).draw_same_face(rng, recipe.companions)

    def train_epoch(self, network: AttentionNetwork, optimiser: torch.optim.Optimizer, epoch: int) -> float:
        """Takes the steps of an epoch; the mean loss of its anchors."""
        recipe = self.recipe
        torch.manual_seed(recipe.seed * 1_000_003 + epoch)
        drawn = self.groups.draw(np.random.default_rng([recipe.seed, epoch]), recipe.companions)
        network.train()
        losses, count = [], len(drawn.anchors)
        for first in range(0, count, recipe.batch):
            last = min(first + recipe.batch, count)
            optimiser.zero_grad(set_to_none=True)
            for part in range(first, last, self._part_size):
                loss = self._summed_loss(network, self._windows, drawn, part, min(part + self._part_size, last))
                (loss / (last - first)).backward()
                losses.append(loss.detach())
            optimiser.step()
        return float(torch.stack(losses).double().sum()) / count

    def validation_loss(self, network: AttentionNetwork) -> float:
        """The mean loss over one fixed draw of the validation people, with nothing dropped."""
        drawn = self._validation
        network.eval()
        with torch.inference_mode():
            losses = [
                self._summed_loss(network, self._validation_windows, drawn, part, part + self._part_size)
                for part in range(0, len(drawn.anchors), self._part_size)
            ]
        return float(torch.stack(losses).double().sum()) / len(drawn.anchors)

    def _summed_loss(
        self, network: AttentionNetwork, windows: torch.Tensor, drawn: Companions, first: int, last: int
    ) -> torch.Tensor:
        """The loss summed over the anchors `first` to `last`: each of its two means is one over anchors."""
        rows = drawn.rows(first, last)  # (A, 1 + P + N)
        numbers = torch.from_numpy(rows).to(windows.device)
        embeddings = network(windows[numbers.flatten()])[0][:, :, 0].unflatten(0, rows.shape)
        positives = drawn.positives.shape[1]
        loss = hardest_pair_loss(
            anchor_distances(embeddings[:, 0], embeddings[:, 1 : 1 + positives]),
            anchor_distances(embeddings[:, 0], embeddings[:, 1 + positives :]),
            self.recipe.margin,
        )
        return loss * len(rows)
