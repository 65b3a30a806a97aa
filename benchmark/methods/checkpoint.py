"""Checkpoints: weights as safetensors, and beside them, in JSON, everything that must be known to trust a figure.

checkpoint.json names the network and its sizes, the people (in both roles) and generators that training and selection
touched, the data, the protocol, the feature and all options; it holds the hash of the weights and is written last.
Equal runs write equal bytes, so there are no dates in it. A network that was trained elsewhere comes with what its
maker declares of it instead (`declaration`), "unknown" where nothing is known.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from benchmark.methods.method import (
    Declaration,
    Needs,
    Touched,
    parse_declaration,
)
from benchmark.methods.network import Network, embed_windows, network_class
from benchmark.pretrained import checkpoint_folder
from benchmark.protocols.schema import Protocol, Time, parse_protocol
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, sha256_of, write_text

CHECKPOINT_VERSION = 2
RECORD_FILE, WEIGHTS_FILE = "checkpoint.json", "weights.safetensors"


@dataclass(frozen=True)
class People:
    """Identities (`namespace:id`) in either role, sorted."""

    drivers: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def all(self) -> frozenset[str]:
        """Everybody whose motion or face was touched."""
        return frozenset(self.drivers) | frozenset(self.targets)


@dataclass(frozen=True)
class Provenance:
    """Who and what a checkpoint has touched.

    train, validation: people. held_out: the data set's test people at training time. train_generators,
    selection_generators: names. data: {"name", "sha256" of dataset.json}.
    """

    train: People
    validation: People
    held_out: tuple[str, ...]
    train_generators: tuple[str, ...]
    selection_generators: tuple[str, ...]
    data: dict[str, str]

    @property
    def declaration(self) -> Declaration:
        """The same in the benchmark's terms; our training takes no thresholds and no cohort."""
        return Declaration(
            training=Touched(self.train.all, frozenset(self.train_generators)),
            selection=Touched(self.validation.all, frozenset(self.selection_generators)),
            held_out=frozenset(self.held_out),
            data=self.data,
        )


@dataclass(frozen=True)
class Checkpoint:
    """A trained network with its record; a method of the benchmark.

    provenance: a Provenance where we trained it, else what its maker declares. protocol: trained under; None where
    it was not ours. selection: how the step was chosen. options: of the training. device: where it embeds.
    """

    name: str
    network: Network
    provenance: Provenance | Declaration
    protocol: Protocol | None
    feature: dict[str, Any]
    selection: dict[str, Any]
    options: dict[str, Any]
    digest: str = ""
    device: str = "cpu"

    @property
    def declaration(self) -> Declaration:
        """What it was trained on."""
        return self.provenance if isinstance(self.provenance, Declaration) else self.provenance.declaration

    @property
    def needs(self) -> Needs:
        """What its network reads."""
        return self.network.needs

    @property
    def time(self) -> Time | None:
        """The windows it was trained on, the only ones it takes; None where that is not known."""
        return None if self.protocol is None else self.protocol.time

    def on(self, device: str) -> Checkpoint:
        """The same, embedding on another device."""
        return replace(self, device=device)

    def embed_all(self, windows: WindowSet) -> np.ndarray:
        """One embedding a window (W, D), on `device`; the network is back on the CPU afterwards."""
        try:
            return embed_windows(self.network.to(self.device), windows, device=self.device)
        finally:
            self.network.to("cpu")

    def embed(self, batch: WindowBatch) -> np.ndarray:
        """One embedding a window (B, D)."""
        return self.embed_all(WindowSet.from_batch(batch))

    def describe(self) -> dict[str, Any]:
        """What a report says of it, as plain values."""
        return {
            "digest": self.digest,
            "network": self.network.method,
            "input": self.feature["input"],
            "scale": self.feature["scale"],
            "selection": self.selection,
            "windows": self.options.get("windows"),
            "seed": self.options.get("seed"),
            "options": self.options,
            "parameters": sum(p.numel() for p in self.network.parameters()),
        }

    def save(self, folder: Path) -> None:
        """Writes weights, then the record, each whole or not at all."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD_FILE).unlink(missing_ok=True)
        tensors = {name: value.detach().cpu().contiguous() for name, value in self.network.state_dict().items()}
        with atomic_output(folder / WEIGHTS_FILE) as aside:
            save_file(tensors, aside)
        write_text(folder / RECORD_FILE, json.dumps(self._record(folder), indent=1, sort_keys=True) + "\n")

    def _record(self, folder: Path) -> dict[str, Any]:
        record = {
            "format_version": CHECKPOINT_VERSION,
            "method": self.network.method,
            "name": self.name,
            "network": self.network.shape_json(),
            "weights_sha256": sha256_of(folder / WEIGHTS_FILE),
            "protocol": None if self.protocol is None else self.protocol.model_dump(mode="json"),
            "feature": self.feature,
            "selection": self.selection,
            "options": self.options,
        }
        made = self.provenance
        if isinstance(made, Declaration):
            return record | {"declaration": made.to_json()}
        return record | {
            "people": {
                "train": {"drivers": list(made.train.drivers), "targets": list(made.train.targets)},
                "validation": {"drivers": list(made.validation.drivers), "targets": list(made.validation.targets)},
                "held_out": list(made.held_out),
            },
            "generators": {"train": list(made.train_generators), "selection": list(made.selection_generators)},
            "data": made.data,
        }


def load_checkpoint(folder: str | Path, device: str = "cpu") -> Checkpoint:
    """Reads a checkpoint, which then embeds on `device`; nothing in it is executed.

    folder: where it is, or `pretrained:NAME` for one that ships with the package.

    Raises NvfairError where it is absent, damaged, of another version, lacks provenance, or where the people of
    training, selection and test overlap in its own record.
    """
    folder = checkpoint_folder(folder)
    path = folder / RECORD_FILE
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise NvfairError(
            "no checkpoint.json here, so this is not a finished checkpoint",
            where=folder,
            remedy="name the folder that `nvfair train` wrote, or run the same training again to finish it",
        ) from error
    except json.JSONDecodeError as error:
        raise NvfairError(f"not valid JSON: {error}", where=path) from error
    version = record.get("format_version")
    if version not in (1, CHECKPOINT_VERSION):
        raise NvfairError(f"format version {version!r}", where=path, expected=f"version {CHECKPOINT_VERSION}")
    provenance = _provenance(record, path)
    weights = folder / WEIGHTS_FILE
    if not weights.is_file() or sha256_of(weights) != record["weights_sha256"]:
        raise NvfairError("the weights are not those that the record names", where=weights, remedy="copy it again")
    shape = dict(record["network"])
    if version == 1:  # of the temporal CNN, whose scale stood with the feature
        shape["scale"] = record["feature"]["scale"]
    network = network_class(record["method"], where=path).from_json(shape, where=path)
    _fill(network, weights)
    protocol = record["protocol"]
    return Checkpoint(
        name=record["name"],
        network=network.eval(),
        provenance=provenance,
        protocol=None if protocol is None else parse_protocol(protocol, where=path),
        feature=record["feature"],
        selection=record["selection"],
        options=record["options"],
        digest=sha256_of(path),
        device=device,
    )


def _fill(network: Network, weights: Path) -> None:
    try:
        network.load_state_dict(load_file(weights))
    except RuntimeError as error:
        raise NvfairError(
            f"the weights do not fit the network that the record describes: {error}", where=weights
        ) from error


def _provenance(record: dict[str, Any], path: Path) -> Provenance | Declaration:
    if "declaration" in record:
        return parse_declaration(record["declaration"], where=path)
    try:
        people, generators = record["people"], record["generators"]
        made = Provenance(
            train=_people(people["train"]),
            validation=_people(people["validation"]),
            held_out=tuple(people["held_out"]),
            train_generators=tuple(generators["train"]),
            selection_generators=tuple(generators["selection"]),
            data=dict(record["data"]),
        )
    except (KeyError, TypeError) as error:
        raise NvfairError(
            f"the record does not say who and what was trained on ({error})",
            where=path,
            expected="people and generators of training and selection",
            remedy="train it again: unknown provenance cannot be told apart from the test people",
        ) from error
    check_disjoint(made, where=path)
    return made


def _people(entry: dict[str, list[str]]) -> People:
    return People(tuple(entry["drivers"]), tuple(entry["targets"]))


def check_disjoint(made: Provenance, *, where: object) -> None:
    """NvfairError where training, validation and held-out people meet."""
    for first, second, people in (
        ("training", "validation", made.train.all & made.validation.all),
        ("training", "test", made.train.all & frozenset(made.held_out)),
        ("validation", "test", made.validation.all & frozenset(made.held_out)),
    ):
        if people:
            raise NvfairError(
                f"{len(people)} person(s) are in {first} and in {second}: {', '.join(sorted(people)[:5])}",
                where=where,
                expected="splits without a person in common, in either role",
                remedy="correct the split of these people and train again",
            )
