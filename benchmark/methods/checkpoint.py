"""Checkpoints: weights as safetensors, and a record in JSON of everything that must be known to trust a figure.

checkpoint.json names the network and its sizes, the people and generators that training and selection have seen, the
data, the protocol, the feature and all options; it holds the hash of the weights and is written last. Equal runs write
equal bytes, so there are no dates in it. A record that tells drivers and targets apart, as that of our own training
does, has the keys `people`, `generators` and `data`; any other record has the key `declaration` instead, the form of
`Declaration.to_json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.torch import load_file, save_file

from benchmark.methods.declaration import Declaration, RoleExposure, check_disjoint, parse_declaration
from benchmark.methods.method import Needs
from benchmark.methods.network import Network, embed_windows, network_class
from benchmark.methods.quarantine import (
    CHECKPOINT_VERSION,
    RECORD_FILE,
    WEIGHTS_FILE,
    check_weights_file,
    read_record,
)
from benchmark.pretrained import checkpoint_folder
from benchmark.protocols.reading import parse_protocol
from benchmark.protocols.schema import Protocol, Time
from benchmark.windows.window_batch import WindowBatch
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, sha256_of, write_text


@dataclass(frozen=True)
class Checkpoint:
    """A trained network with its record; it is a method of the benchmark.

    declaration: the people and generators that it has touched. protocol: the protocol that it was trained under; None
    where it was trained elsewhere. feature: what the network sees of a frame. selection: how the step was chosen.
    options: of the training. digest: sha256 of the record. device: where it embeds.
    """

    name: str
    network: Network
    declaration: Declaration
    protocol: Protocol | None
    feature: dict[str, Any]
    selection: dict[str, Any]
    options: dict[str, Any]
    digest: str = ""
    device: str = "cpu"

    @property
    def needs(self) -> Needs:
        """What a batch must hold for its network."""
        return self.network.needs

    @property
    def time(self) -> Time | None:
        """The windows that it was trained on, the only ones it takes; None where they are not known."""
        return None if self.protocol is None else self.protocol.time

    def embed_all(self, windows: WindowSet) -> np.ndarray:
        """One embedding a window (W, D), on `device`; the network is back on the CPU afterwards."""
        try:
            return embed_windows(self.network.to(self.device), windows, device=self.device)
        finally:
            self.network.to("cpu")

    def embed(self, batch: WindowBatch) -> np.ndarray:
        """One embedding a window (B, D) of a batch."""
        return self.embed_all(WindowSet.from_batch(batch))

    def describe(self) -> dict[str, Any]:
        """What a report says of the checkpoint, as plain values."""
        return {
            "digest": self.digest,
            "network": self.network.method,
            "input": self.feature["input"],
            "scale": self.feature["scale"],
            "selection": self.selection,
            "windows": self.options.get("windows"),
            "seed": self.options.get("seed"),
            "options": self.options,
            "parameters": sum(parameter.numel() for parameter in self.network.parameters()),
        }

    def save(self, folder: Path) -> None:
        """Writes the weights, then the record, to `folder`, each whole or not at all."""
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
        training, selection = self.declaration.training, self.declaration.selection
        if training.drivers is None or selection.drivers is None:
            return record | {"declaration": self.declaration.to_json()}
        return record | {
            "people": {
                "train": _people_to_json(training),
                "validation": _people_to_json(selection),
                "held_out": sorted(self.declaration.held_out),
            },
            "generators": {
                "train": sorted(training.generators or ()),
                "selection": sorted(selection.generators or ()),
            },
            "data": dict(self.declaration.data),
        }


def load_checkpoint(folder: str | Path, device: str = "cpu") -> Checkpoint:
    """Reads a checkpoint, which then embeds on `device`; nothing in it is executed.

    folder: the folder of the checkpoint, or `pretrained:NAME` for one that ships with the package.
    Raises NvfairError where it is absent, damaged or of another version, where its record does not say what it was
    trained on, and where the people of training, selection and test overlap in its own record.
    """
    folder = checkpoint_folder(folder)
    path, record = folder / RECORD_FILE, read_record(folder)
    declaration = _parse_record_declaration(record, path)
    weights = check_weights_file(record, folder)
    shape = dict(record["network"])
    if record["format_version"] == 1:  # of the temporal CNN, whose scale stood with the feature
        shape["scale"] = record["feature"]["scale"]
    network = network_class(record["method"], where=path).from_json(shape, where=path)
    _load_weights(network, weights)
    protocol = record["protocol"]
    return Checkpoint(
        name=record["name"],
        network=network.eval(),
        declaration=declaration,
        protocol=None if protocol is None else parse_protocol(protocol, where=path),
        feature=record["feature"],
        selection=record["selection"],
        options=record["options"],
        digest=sha256_of(path),
        device=device,
    )


def _load_weights(network: Network, weights: Path) -> None:
    try:
        network.load_state_dict(load_file(weights))
    except RuntimeError as error:
        raise NvfairError(
            f"the weights do not fit the network that the record describes: {error}", where=weights
        ) from error


def _parse_record_declaration(record: dict[str, Any], path: Path) -> Declaration:
    """What the record says of people and generators, in either of its two forms."""
    if "declaration" in record:
        return parse_declaration(record["declaration"], where=path)
    try:
        people, generators = record["people"], record["generators"]
        declaration = Declaration(
            training=_parse_people(people["train"], generators["train"]),
            selection=_parse_people(people["validation"], generators["selection"]),
            held_out=frozenset(people["held_out"]),
            data=dict(record["data"]),
        )
    except (KeyError, TypeError) as error:
        raise NvfairError(
            f"the record does not say who and what was trained on ({error})",
            where=path,
            expected="people and generators of training and selection",
            remedy="train it again: unknown provenance cannot be told apart from the test people",
        ) from error
    check_disjoint(declaration, where=path)
    return declaration


def _parse_people(people: dict[str, list[str]], generators: list[str]) -> RoleExposure:
    return RoleExposure.from_videos(people["drivers"], people["targets"], generators)


def _people_to_json(exposure: RoleExposure) -> dict[str, list[str]]:
    return {"drivers": sorted(exposure.drivers or ()), "targets": sorted(exposure.targets or ())}
