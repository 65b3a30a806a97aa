"""Training the landmark graph network as AVAPrintDB's authors trained theirs (arXiv 2603.26934), by one named preset.

Legend: V videos, R triplets of a step, T frames of a window.

    an epoch        every video of the DEV people that has T frames is an anchor once, in random order
    a triplet       anchor; another video of its driver, on any face; a video of another driver, each driver equally
                    likely. From each of the three a window at a random start, drawn anew
    loss            mean over R of max(0, |a - p| - |a - n| + margin), Euclidean, of unit embeddings
    rate            a tenth from an epoch on; it ends after `patience` epochs without a lower training loss

No person is held out to select on: the published files hold an infinite validation loss, so their epoch was chosen by
the training loss. A checkpoint that is trained here declares that. Epochs are functions of the seed and their number,
so a run that was killed goes on from its last epoch to the same checkpoint.
"""

from __future__ import annotations

import hashlib
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from benchmark.methods.checkpoint import Checkpoint
from benchmark.methods.declaration import Declaration, RoleExposure, check_disjoint
from benchmark.methods.device import resolve_device
from benchmark.methods.graph_network import GraphNetwork, GraphShape
from benchmark.protocols import shipped
from benchmark.protocols.schema import Protocol
from benchmark.training.loop import reproducible
from benchmark.training.state import STATE_FILE, finished_checkpoint, restore_state, save_state
from nvfair_tools.errors import NvfairError
from nvfair_tools.landmarks.avaprintdb_files import TEST_PEOPLE, LandmarkFiles, SampleName

Progress = Callable[[int, int, str], None]  # epochs done, epochs in all, a line of text
_DISTANCE_EPSILON = 1e-6  # added to each coordinate of a difference, as PyTorch's triplet loss does
_TRIPLETS_AT_ONCE = 32  # gradients of a step are added up in parts: 96 windows take some gigabytes


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


@dataclass(frozen=True)
class TripletVideos:
    """The videos of a training. names: (V,). points: (V,) float32 (frames, 109, 3) each, on the CPU.

    short: videos left out, as they have fewer frames than a window. dropped_frames: frames that were not finite.
    """

    names: tuple[SampleName, ...]
    points: tuple[torch.Tensor, ...]
    short: int = 0
    dropped_frames: int = 0

    @classmethod
    def read(cls, files: LandmarkFiles, collection: str, generator: str, window: int) -> TripletVideos:
        """Reads the videos of a collection's DEV people by one generator.

        collection: "cremad" or "ravdess". generator: as in the files' names. Videos of TEST people are not read. Raises
        NvfairError where there is nothing to train on.
        """
        test = TEST_PEOPLE.get(collection)
        if test is None:
            raise NvfairError(f"collection {collection!r} is unknown", expected=f"one of {', '.join(TEST_PEOPLE)}")
        listed = [
            name
            for name in files.names.values()
            if name.collection == collection and name.generator == generator and not {name.driver, name.target} & test
        ]
        if not listed:
            generators = sorted({name.generator for name in files.names.values() if name.collection == collection})
            raise NvfairError(
                f"no landmark file of {collection}'s DEV people by {generator}",
                where=files.root,
                expected=f"one of the generators {', '.join(generators)}" if generators else "files of this collection",
            )
        names, points, dropped = [], [], 0
        for name in sorted(listed, key=lambda name: name.stem):
            sequence = files.read(name.stem)
            dropped += sequence.dropped
            if len(sequence.points) >= window:
                names.append(name)
                points.append(torch.from_numpy(sequence.points))
        return cls(tuple(names), tuple(points), len(listed) - len(names), dropped)

    @property
    def people(self) -> RoleExposure:
        """Drivers, targets and generators of all the videos."""
        generators = {name.generator for name in self.names}
        return RoleExposure.from_videos(
            (name.driver for name in self.names), (name.target for name in self.names), generators
        )


def check_validation_people(people: frozenset[str]) -> None:
    """Raises NvfairError where people to select on are TEST people of the published plans.

    The authors' list for RAVDESS (Actor_03, Actor_13, Actor_19, Actor_23) is such a list: Actor_19 is a TEST person.
    """
    shared = sorted(people & frozenset().union(*TEST_PEOPLE.values()))
    if shared:
        raise NvfairError(
            f"{', '.join(shared)} among the validation people: TEST in the published plans, so selecting on them would "
            "select on the test",
            expected="DEV people only",
            remedy="leave them out; the authors' own list for RAVDESS holds ravdess:19, and no published file used it",
        )


def draw_epoch(videos: TripletVideos, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers (V,) of the anchors, positives and negatives of an epoch; see the top of this file.

    A driver with one video is an anchor of nobody's and stays a negative of others. Raises NvfairError where there are
    not two drivers, or none with two videos.
    """
    drivers, driver = np.unique([name.driver for name in videos.names], return_inverse=True)
    of_driver = [np.flatnonzero(driver == number) for number in range(len(drivers))]
    anchors = rng.permutation(np.flatnonzero([len(of_driver[number]) > 1 for number in driver]))
    if len(drivers) < 2 or not len(anchors):
        raise NvfairError(
            f"{len(drivers)} drivers, of whom {sum(len(group) > 1 for group in of_driver)} have two videos",
            expected="two drivers or more, and two videos of one of them",
        )
    positives, negatives = np.empty_like(anchors), np.empty_like(anchors)
    for row, anchor in enumerate(anchors):
        group = of_driver[driver[anchor]]
        positives[row] = rng.choice(group[group != anchor])
        other = (driver[anchor] + 1 + rng.integers(len(drivers) - 1)) % len(drivers)
        negatives[row] = rng.choice(of_driver[other])
    return anchors, positives, negatives


def triplet_loss(anchor: torch.Tensor, positive: torch.Tensor, negative: torch.Tensor, margin: float) -> torch.Tensor:
    """The mean over R of max(0, |a - p| - |a - n| + margin), for embeddings (R, D)."""
    return functional.triplet_margin_loss(anchor, positive, negative, margin=margin, eps=_DISTANCE_EPSILON)


def train_by_recipe(
    files: LandmarkFiles | str | Path,
    out: str | Path,
    collection: str,
    generator: str,
    recipe: GraphRecipe | str = "avaprintdb-graph",
    *,
    name: str | None = None,
    device: str = "auto",
    progress: Progress | None = None,
) -> Checkpoint:
    """Trains on all DEV people of a collection and writes the checkpoint to `out`; goes on where it was interrupted.

    files: landmark files of the release, or their folder. recipe: a GraphRecipe, or its name in RECIPES. name: of the
    method in reports (default: the name of `out`). Raises NvfairError where there is nothing to train on.
    """
    files = files if isinstance(files, LandmarkFiles) else LandmarkFiles(files)
    recipe, out = named_recipe(recipe) if isinstance(recipe, str) else recipe, Path(out)
    videos = TripletVideos.read(files, collection, generator, recipe.window)
    content = hashlib.sha256()
    for sample, points in zip(videos.names, videos.points, strict=True):
        content.update(sample.stem.encode() + b"\0" + points.numpy().tobytes())
    digest = recipe.digest(content.hexdigest(), name or out.name)
    if (checkpoint := finished_checkpoint(out, digest)) is not None:
        return checkpoint
    declaration = Declaration(
        training=videos.people, held_out=TEST_PEOPLE[collection], data={"name": "AVAPrintDB landmarks"}
    )
    check_disjoint(declaration, where=files.root)
    with reproducible(resolved := resolve_device(device)):
        torch.manual_seed(recipe.seed)
        network = GraphNetwork(GraphShape(recipe.hidden, recipe.embedding, dropout=recipe.dropout)).to(resolved)
        selection = _run(network, videos, recipe, out, digest, progress)
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
            "short_videos": videos.short,
            "dropped_frames": videos.dropped_frames,
        },
    )
    checkpoint.save(out)
    (out / STATE_FILE).unlink(missing_ok=True)
    return checkpoint


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
    recipe: GraphRecipe,
    out: Path,
    digest: str,
    progress: Progress | None,
) -> dict[str, Any]:
    """Takes the epochs that are left; the network has the weights of the lowest training loss afterwards."""
    optimiser = torch.optim.Adam(
        network.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, foreach=False
    )
    state = restore_state(out / STATE_FILE, digest, network, optimiser)  # its steps are epochs here
    started = time.monotonic() - state.seconds
    while state.step < recipe.epochs and state.stale < recipe.patience:
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(state.step)
        loss = _epoch(network, optimiser, videos, recipe, state.step)
        if not math.isfinite(loss):
            raise NvfairError(f"the loss is {loss} in epoch {state.step}", remedy="train with a smaller learning rate")
        state.step += 1
        state.seconds = time.monotonic() - started
        seen = state.step * len(videos.names)
        state.rows.append([state.step, seen, f"{loss:.6f}", f"{recipe.rate(state.step - 1):.3e}", "", ""])
        state.keep_best(-loss, network)
        save_state(out, digest, network, optimiser, state)
        if progress:
            progress(state.step, recipe.epochs, f"training loss {loss:.4f}")
    assert state.best_weights is not None
    network.load_state_dict(state.best_weights)
    return {
        "metric": "training loss on all DEV people, nobody held out",
        "step": state.best_step,
        "steps_run": state.step,
        "training_loss": -state.best_value,
        "validation_auc": None,
    }


def _epoch(
    network: GraphNetwork, optimiser: torch.optim.Optimizer, videos: TripletVideos, recipe: GraphRecipe, epoch: int
) -> float:
    """Takes the steps of an epoch; the mean loss of its triplets."""
    rng = np.random.default_rng([recipe.seed, epoch])
    torch.manual_seed(recipe.seed * 1_000_003 + epoch)
    triplets = np.stack(draw_epoch(videos, rng))  # (3, V)
    lengths = np.array([len(points) for points in videos.points])
    starts = (rng.random(triplets.shape) * (lengths[triplets] - recipe.window + 1)).astype(np.int64)
    network.train()
    total = 0.0
    for first in range(0, triplets.shape[1], recipe.batch):
        step = slice(first, min(first + recipe.batch, triplets.shape[1]))
        optimiser.zero_grad(set_to_none=True)
        for part in range(step.start, step.stop, _TRIPLETS_AT_ONCE):
            rows = slice(part, min(part + _TRIPLETS_AT_ONCE, step.stop))
            numbers, begins = triplets[:, rows].ravel(), starts[:, rows].ravel()
            windows = torch.stack(
                [
                    videos.points[number][begin : begin + recipe.window]
                    for number, begin in zip(numbers, begins, strict=True)
                ]
            )
            anchor, positive, negative = network(windows.to(network.query.device))[0][:, :, 0].chunk(3)
            loss = triplet_loss(anchor, positive, negative, recipe.margin) * (rows.stop - rows.start)
            (loss / (step.stop - step.start)).backward()
            total += float(loss.detach())
        optimiser.step()
    return total / triplets.shape[1]
