"""Training the landmark graph network as AVAPrintDB's authors trained theirs (arXiv 2603.26934).

Legend: R triplets of a step, T frames of a window.

    an epoch        every video of the DEV people that has T frames is an anchor once, in random order
    a triplet       anchor; another video of its driver, on any face; a video of another driver, each driver equally
                    likely. From each of the three a window at a random start, drawn anew
    loss            mean over R of max(0, |a - p| - |a - n| + margin), Euclidean, of unit embeddings
    rate            a tenth from an epoch on; it ends after `patience` epochs without a lower training loss

By default no person is held out to select on: the published files hold an infinite validation loss, so their epoch was
chosen by the training loss. A checkpoint that is trained here declares that.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from benchmark.methods.avaprintdb.graph_network import GraphNetwork, GraphShape
from benchmark.methods.avaprintdb.published_graph import read_published
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.device import resolve_device
from benchmark.training.avaprintdb.dev_videos import DevVideos, check_validation_people
from benchmark.training.avaprintdb.epochs import (
    EpochRun,
    Progress,
    declare,
    run_digest,
    run_epochs,
    save_checkpoint,
    split_videos,
)
from benchmark.training.avaprintdb.triplets import draw_triplets, triplet_loss, windows_at
from benchmark.training.reproducible import reproducible
from benchmark.training.state import finished_checkpoint
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles

# Gradients of a step are added up in parts of so many triplets: 8 take 1.3 GB, and more are no quicker on a CPU.
_TRIPLETS_AT_ONCE, _TRIPLETS_AT_ONCE_ON_GPU = 8, 64


@dataclass(frozen=True)
class GraphRecipe:
    """Settings of a training; the defaults are those behind the published checkpoints.

    The defaults of the authors' own script (batch 128, margin 1, rate 1e-4, windows of 50) are others: no published
    checkpoint was made with them. window: frames. batch: triplets a step. drop_epoch: the first epoch, counted from 0,
    at a tenth of the rate. epochs: at most so many. patience: epochs without a lower monitored loss. Raises NvfairError
    for a value out of range.
    """

    window: int = 70
    batch: int = 512
    margin: float = 0.1
    learning_rate: float = 0.01
    weight_decay: float = 1e-5
    drop_epoch: int = 100
    epochs: int = 300
    patience: int = 20
    hidden: int = 64
    embedding: int = 256
    dropout: float = 0.3
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("window", "batch", "epochs", "patience", "hidden", "embedding"):
            if getattr(self, name) < 1:
                raise NvfairError(f"{name} is {getattr(self, name)}", expected="at least 1")
        for name in ("margin", "learning_rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise NvfairError(f"{name} is {getattr(self, name)}", expected="a number above 0")

    def rate(self, epoch: int) -> float:
        """The learning rate of an epoch, counted from 0."""
        return self.learning_rate * (0.1 if epoch >= self.drop_epoch else 1.0)

    def validates(self, epoch: int) -> bool:
        """Always True: the monitored loss is looked at after every epoch."""
        return True

    @property
    def label(self) -> str:
        """The recipe's name in checkpoints: that of the authors' recipe only where all settings but the seed are."""
        return "avaprintdb-graph" if replace(self, seed=0) == GraphRecipe() else "avaprintdb-graph, changed"


def train_graph(
    files: LandmarkFiles | str | Path,
    out: str | Path,
    collection: str,
    generator: str,
    recipe: GraphRecipe | None = None,
    *,
    validation_people: Iterable[str] = (),
    edges_of: str | Path | None = None,
    name: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Checkpoint:
    """Trains on all DEV people of a collection and writes the checkpoint to `out`; goes on where it was interrupted.

    files: landmark files of the release, or their folder. collection: "cremad" or "ravdess". generator: as in the
    files' names. recipe: default, the authors'. validation_people: `namespace:id` of DEV people who leave the training
    set, and on whose videos the epoch of the lowest loss is taken (default: nobody, as in the published files).
    edges_of: a published checkpoint whose edges the graph takes (default: `face_edges`). name: of the method in reports
    (default: the name of `out`).

    Raises NvfairError where there is nothing to train on, and where a person of validation is a TEST person.
    """
    recipe, out = recipe or GraphRecipe(), Path(out)
    run = read_graph_run(
        files,
        collection,
        generator,
        recipe,
        name=name or out.name,
        validation_people=validation_people,
        edges_of=edges_of,
        progress=progress,
    )
    videos, validation, digest = run.videos, run.validation, run.digest
    if (checkpoint := finished_checkpoint(out, digest)) is not None:
        return checkpoint
    with reproducible(resolved := resolve_device(device)):
        torch.manual_seed(recipe.seed)
        network = _new_network(recipe, edges_of).to(resolved)
        trainer = _GraphTrainer(recipe, videos, validation)
        anchors = len(videos.names)
        selection = run_epochs(network, trainer, recipe, out, digest, anchors, validation is not None, progress)
    edges = (
        f"of {Path(edges_of).name}, sha256 {sha256_of(Path(edges_of))}" if edges_of else "the simulator's neutral face"
    )
    options = {"recipe": recipe.label, "run": digest, "edges": edges}
    return save_checkpoint(network, name or out.name, run.declaration, recipe, videos, selection, options, out)


def read_graph_run(
    files: LandmarkFiles | str | Path,
    collection: str,
    generator: str,
    recipe: GraphRecipe,
    *,
    name: str,
    validation_people: Iterable[str] = (),
    edges_of: str | Path | None = None,
    progress: Progress | None = None,
) -> EpochRun:
    """Does what `train_graph` does before it writes: takes what it takes, and raises what it raises."""
    files = files if isinstance(files, LandmarkFiles) else LandmarkFiles(files)
    held = frozenset(validation_people)
    check_validation_people(held)  # before thousands of files are read
    report = None if progress is None else lambda text: progress(0, recipe.epochs, text)
    all_videos = DevVideos.read(files, collection, generator, recipe.window, report=report)
    videos, validation = split_videos(all_videos, held, files.root)
    edges = "" if edges_of is None else sha256_of(Path(edges_of))
    digest = run_digest(recipe, all_videos, name, ",".join(sorted(held)), edges)
    declaration = declare(videos, validation, collection, "AVAPrintDB landmarks", files.root)
    return EpochRun(videos, validation, declaration, digest)


def _new_network(recipe: GraphRecipe, edges_of: str | Path | None) -> GraphNetwork:
    edges = None if edges_of is None else read_published(edges_of)[0].edges
    count = 0 if edges is None else edges.shape[1]
    network = GraphNetwork(GraphShape(recipe.hidden, recipe.embedding, count, recipe.dropout))
    if edges is not None:
        network.edges.copy_(edges)
    return network


@dataclass(frozen=True)
class _GraphTrainer:
    """Steps over triplets of the training videos, and the loss of the validation videos."""

    recipe: GraphRecipe
    videos: DevVideos
    validation: DevVideos | None

    def train_epoch(self, network: GraphNetwork, optimiser: torch.optim.Optimizer, epoch: int) -> float:
        """Takes the steps of an epoch; the mean loss of its triplets."""
        recipe = self.recipe
        torch.manual_seed(recipe.seed * 1_000_003 + epoch)
        triplets, starts = draw_triplets(self.videos, recipe.window, np.random.default_rng([recipe.seed, epoch]))
        network.train()
        total, count, part_size = 0.0, triplets.shape[1], _part_size(network)
        for first in range(0, count, recipe.batch):
            last = min(first + recipe.batch, count)
            optimiser.zero_grad(set_to_none=True)
            for part in range(first, last, part_size):
                rows = slice(part, min(part + part_size, last))
                loss = self._summed_loss(network, self.videos, triplets[:, rows], starts[:, rows])
                (loss / (last - first)).backward()
                total += float(loss.detach())
            optimiser.step()
        return total / count

    def validation_loss(self, network: GraphNetwork) -> float:
        """The mean loss over one fixed draw of the validation people's triplets, with nothing dropped."""
        assert self.validation is not None
        rng = np.random.default_rng([self.recipe.seed, self.recipe.epochs])
        triplets, starts = draw_triplets(self.validation, self.recipe.window, rng)
        part_size = _part_size(network)
        network.eval()
        with torch.inference_mode():
            parts = [
                float(self._summed_loss(network, self.validation, triplets[:, rows], starts[:, rows]))
                for part in range(0, triplets.shape[1], part_size)
                for rows in [slice(part, part + part_size)]
            ]
        return sum(parts) / triplets.shape[1]

    def _summed_loss(
        self, network: GraphNetwork, videos: DevVideos, triplets: np.ndarray, starts: np.ndarray
    ) -> torch.Tensor:
        """The loss summed over triplets (3, R), a scalar on the network's device."""
        windows = windows_at(videos, triplets.ravel(), starts.ravel(), self.recipe.window)
        anchor, positive, negative = network(windows.to(network.query.device))[0][:, :, 0].chunk(3)
        return triplet_loss(anchor, positive, negative, self.recipe.margin) * triplets.shape[1]


def _part_size(network: GraphNetwork) -> int:
    return _TRIPLETS_AT_ONCE if network.query.device.type == "cpu" else _TRIPLETS_AT_ONCE_ON_GPU
