"""Training the landmark graph network as AVAPrintDB's authors trained theirs (arXiv 2603.26934), by one named preset.

Legend: V videos, R triplets of a step, T frames of a window.

    an epoch        every video of the DEV people that has T frames is an anchor once, in random order
    a triplet       anchor; another video of its driver, on any face; a video of another driver, each driver equally
                    likely. From each of the three a window at a random start, drawn anew
    loss            mean over R of max(0, |a - p| - |a - n| + margin), Euclidean, of unit embeddings
    rate            a tenth from an epoch on; it ends after `patience` epochs without a lower training loss

By default no person is held out to select on: the published files hold an infinite validation loss, so their epoch was
chosen by the training loss. A checkpoint that is trained here declares that. Epochs are functions of the seed and their
number, so a run that was killed goes on from its last epoch to the same checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch

from benchmark.methods.avaprintdb.graph_network import GraphNetwork, GraphShape
from benchmark.methods.avaprintdb.published_graph import read_published
from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, RoleExposure, check_disjoint
from benchmark.methods.device import resolve_device
from benchmark.protocols import shipped
from benchmark.protocols.schema import Protocol
from benchmark.training.loop import reproducible
from benchmark.training.state import STATE_FILE, finished_checkpoint, restore_state, save_state
from benchmark.training.triplet_videos import TripletVideos, check_validation_people, triplet_loss
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, LandmarkFiles

Progress = Callable[[int, int, str], None]  # epochs done, epochs in all, a line of text
# Gradients of a step are added up in parts of so many triplets: 8 take 1.3 GB, and more are no quicker on a CPU.
_TRIPLETS_AT_ONCE, _TRIPLETS_AT_ONCE_ON_GPU = 8, 64


@dataclass(frozen=True)
class GraphRecipe:
    """Settings of a training; the defaults are those behind the published checkpoints.

    window: frames. batch: triplets a step. drop_epoch: the first epoch, counted from 0, at a tenth of the rate. epochs:
    at most so many. patience: epochs without a lower training loss. Raises NvfairError for a value out of range.
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

    def digest(self, *more: str) -> str:
        """The sha256 of the settings and of `more`."""
        return hashlib.sha256(json.dumps([asdict(self), *more], sort_keys=True).encode()).hexdigest()


# Name of a preset -> its settings. The defaults of the authors' own script (batch 128, margin 1, rate 1e-4, windows of
# 50) are no preset: no published checkpoint was made with them.
RECIPES: Mapping[str, GraphRecipe] = MappingProxyType({"avaprintdb-graph": GraphRecipe()})


def named_recipe(name: str) -> GraphRecipe:
    """The preset with this name; NvfairError that lists all presets where there is none."""
    if name not in RECIPES:
        raise NvfairError(f"recipe {name!r} is unknown", expected=f"one of {', '.join(RECIPES)}")
    return RECIPES[name]


def train_by_recipe(
    files: LandmarkFiles | str | Path,
    out: str | Path,
    collection: str,
    generator: str,
    recipe: GraphRecipe | str = "avaprintdb-graph",
    *,
    validation_people: Iterable[str] = (),
    edges_of: str | Path | None = None,
    name: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Checkpoint:
    """Trains on all DEV people of a collection and writes the checkpoint to `out`; goes on where it was interrupted.

    files: landmark files of the release, or their folder. recipe: a GraphRecipe, or its name in RECIPES.
    validation_people: `namespace:id` of DEV people who leave the training set, and on whose videos the epoch of the
    lowest loss is taken (default: nobody, as in the published files). edges_of: a published checkpoint whose edges the
    graph takes (default: `face_edges`). name: of the method in reports (default: the name of `out`).

    Raises NvfairError where there is nothing to train on, and where a person of validation is a TEST person.
    """
    files = files if isinstance(files, LandmarkFiles) else LandmarkFiles(files)
    recipe, out = named_recipe(recipe) if isinstance(recipe, str) else recipe, Path(out)
    held = frozenset(validation_people)
    check_validation_people(held)
    all_videos = TripletVideos.read(files, collection, generator, recipe.window)
    videos, validation = all_videos.without(held), all_videos.among(held) if held else None
    if validation is not None and (absent := sorted(held - (validation.people.people or frozenset()))):
        raise NvfairError(
            f"no video among the validation people alone has {', '.join(absent)}",
            where=files.root,
            expected="people who have a video of their own",
        )
    content = hashlib.sha256()
    for sample, points in zip(all_videos.names, all_videos.points, strict=True):
        content.update(sample.stem.encode() + b"\0" + points.numpy().tobytes())
    edges = "" if edges_of is None else sha256_of(Path(edges_of))
    digest = recipe.digest(content.hexdigest(), name or out.name, ",".join(sorted(held)), edges)
    if (checkpoint := finished_checkpoint(out, digest)) is not None:
        return checkpoint
    declaration = Declaration(
        training=videos.people,
        selection=RoleExposure() if validation is None else validation.people,
        held_out=TEST_PEOPLE[collection],
        data={"name": "AVAPrintDB landmarks"},
    )
    check_disjoint(declaration, where=files.root)
    with reproducible(resolved := resolve_device(device)):
        torch.manual_seed(recipe.seed)
        network = _new_network(recipe, edges_of).to(resolved)
        selection = _run(network, videos, validation, recipe, out, digest, progress)
    checkpoint = Checkpoint(
        name=name or out.name,
        network=network.to("cpu").eval(),
        declaration=declaration,
        protocol=_protocol(recipe.window),
        feature=network.describe_input(),
        selection=selection,
        options={
            **asdict(recipe),
            "run": digest,
            "videos": len(videos.names),
            "edges": f"of {Path(edges_of).name}, sha256 {edges}" if edges_of else "the simulator's neutral face",
            "short_videos": videos.short,
            "dropped_frames": videos.dropped_frames,
        },
    )
    checkpoint.save(out)
    (out / STATE_FILE).unlink(missing_ok=True)
    return checkpoint


def _new_network(recipe: GraphRecipe, edges_of: str | Path | None) -> GraphNetwork:
    edges = None if edges_of is None else read_published(edges_of)[0].edges
    count = 0 if edges is None else edges.shape[1]
    network = GraphNetwork(GraphShape(recipe.hidden, recipe.embedding, count, recipe.dropout))
    if edges is not None:
        network.edges.copy_(edges)
    return network


def _protocol(window: int) -> Protocol:
    """AVAPrintDB's protocol, with windows of another length where the recipe has them."""
    protocol = shipped.load("avaprintdb-seen")
    if window == protocol.time.window:
        return protocol
    time = protocol.time.model_copy(update={"window": window, "stride": max(1, window // 2)})
    return protocol.model_copy(update={"name": f"{protocol.name}-{window}", "time": time})


def _run(
    network: GraphNetwork,
    videos: TripletVideos,
    validation: TripletVideos | None,
    recipe: GraphRecipe,
    out: Path,
    digest: str,
    progress: Progress | None,
) -> dict[str, Any]:
    """Takes the epochs that are left; the network has the weights of the lowest monitored loss afterwards."""
    optimiser = torch.optim.Adam(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=False
    )
    state = restore_state(out / STATE_FILE, digest, network, optimiser)  # its steps are epochs here
    kind = "training" if validation is None else "validation"
    while state.step < recipe.epochs and state.stale < recipe.patience:
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(state.step)
        training_loss = _epoch(network, optimiser, videos, recipe, state.step)
        loss = training_loss if validation is None else _validation_loss(network, validation, recipe)
        if not math.isfinite(training_loss):
            raise NvfairError(
                f"the loss is {training_loss} in epoch {state.step}", remedy="train with a smaller learning rate"
            )
        state.step += 1
        seen = state.step * len(videos.names)
        state.rows.append([state.step, seen, f"{training_loss:.6f}", f"{recipe.rate(state.step - 1):.3e}", "", ""])
        state.keep_best(-loss, network)
        save_state(out, digest, network, optimiser, state)
        if progress:
            progress(state.step, recipe.epochs, f"{kind} loss {loss:.4f}")
    assert state.best_weights is not None
    network.load_state_dict(state.best_weights)
    return {
        "metric": "training loss on all DEV people, nobody held out"
        if validation is None
        else "triplet loss on validation people",
        "step": state.best_step,
        "steps_run": state.step,
        f"{kind}_loss": -state.best_value,
        "validation_auc": None,
    }


def _epoch(
    network: GraphNetwork, optimiser: torch.optim.Optimizer, videos: TripletVideos, recipe: GraphRecipe, epoch: int
) -> float:
    """Takes the steps of an epoch; the mean loss of its triplets."""
    torch.manual_seed(recipe.seed * 1_000_003 + epoch)
    triplets, starts = videos.draw(recipe.window, np.random.default_rng([recipe.seed, epoch]))
    network.train()
    total, count, part_size = 0.0, triplets.shape[1], _part_size(network)
    for first in range(0, count, recipe.batch):
        last = min(first + recipe.batch, count)
        optimiser.zero_grad(set_to_none=True)
        for part in range(first, last, part_size):
            rows = slice(part, min(part + part_size, last))
            loss = _summed_loss(network, videos, recipe, triplets[:, rows], starts[:, rows])
            (loss / (last - first)).backward()
            total += float(loss.detach())
        optimiser.step()
    return total / count


def _validation_loss(network: GraphNetwork, videos: TripletVideos, recipe: GraphRecipe) -> float:
    """The mean loss over one fixed draw of the validation people's triplets, with nothing dropped."""
    triplets, starts = videos.draw(recipe.window, np.random.default_rng([recipe.seed, recipe.epochs]))
    part_size = _part_size(network)
    network.eval()
    with torch.inference_mode():
        parts = [
            float(_summed_loss(network, videos, recipe, triplets[:, rows], starts[:, rows]))
            for part in range(0, triplets.shape[1], part_size)
            for rows in [slice(part, part + part_size)]
        ]
    return sum(parts) / triplets.shape[1]


def _part_size(network: GraphNetwork) -> int:
    return _TRIPLETS_AT_ONCE if network.query.device.type == "cpu" else _TRIPLETS_AT_ONCE_ON_GPU


def _summed_loss(
    network: GraphNetwork, videos: TripletVideos, recipe: GraphRecipe, triplets: np.ndarray, starts: np.ndarray
) -> torch.Tensor:
    """The loss summed over triplets (3, R), a scalar on the network's device."""
    windows = videos.windows(triplets.ravel(), starts.ravel(), recipe.window)
    anchor, positive, negative = network(windows.to(network.query.device))[0][:, :, 0].chunk(3)
    return triplet_loss(anchor, positive, negative, recipe.margin) * triplets.shape[1]
