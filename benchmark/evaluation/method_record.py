"""What the results say of an evaluated method: its record, and who and what it was trained on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from benchmark.methods.loss_presets import loss_label

_DECLARED = ("people", "generators", "unknown", "data")


@dataclass(frozen=True)
class Selection:
    """How the training step of a network was chosen. None: not known, or not measured."""

    metric: str | None = None
    step: int | None = None
    validation_auc: float | None = None


@dataclass(frozen=True)
class MethodRecord:
    """A method's record and its declaration, in numbers.

    details: what the method's maker recorded; its keys depend on the kind of method. people: role -> number of people,
    None where they are not known. generators: role -> names, None where they are not known. unknown_roles: roles of
    which people or generators are not known. data: what is known of the training data.

    The properties read `details`; each is None where the record does not have the value or does not know it.
    """

    details: Mapping[str, Any]
    people: Mapping[str, int | None] = field(default_factory=dict)
    generators: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    unknown_roles: tuple[str, ...] = ()
    data: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> str:
        """The kind of candidate: "method" (run here), "embeddings" or "scores" (a file)."""
        return str(self.details["kind"])

    @property
    def input_kind(self) -> str:
        """The kind of features it reads, or the kind of candidate where that is not known.

        Headlines are means over methods of one input kind.
        """
        kind = str(self.details.get("input") or self.kind)
        return f"{kind}, normalised scores" if "normalisation" in self.details else kind

    @property
    def input(self) -> str | None:
        """The features that a network reads."""
        return self.details.get("input")

    @property
    def file(self) -> str | None:
        """Name of the file of embeddings or scores."""
        return self.details.get("file")

    @property
    def parameters(self) -> int | None:
        """The number of a network's parameters."""
        return self.details.get("parameters")

    @property
    def training_windows(self) -> int | None:
        """The training budget, in windows."""
        return self.details.get("windows")

    @property
    def seed(self) -> int | None:
        """The seed that the training drew from."""
        return self.details.get("seed")

    @property
    def options(self) -> Mapping[str, Any]:
        """The options of the training; empty where they are not known."""
        return self.details.get("options") or {}

    @property
    def loss(self) -> str | None:
        """The loss of the training by name ("re-implementation" for that setting); None where it is not known."""
        values = self.options.get("loss")
        return loss_label(values) if isinstance(values, Mapping) else None

    @property
    def digest(self) -> str | None:
        """The sha256 of a checkpoint's record."""
        return self.details.get("digest")

    @property
    def is_network(self) -> bool:
        """Whether it is a network that is run here, whose record names parameters and features."""
        return self.kind == "method" and "parameters" in self.details

    @property
    def selection(self) -> Selection | None:
        """How the training step was chosen; None where nothing is recorded."""
        content = self.details.get("selection")
        if not content:
            return None
        return Selection(content.get("metric"), content.get("step"), content.get("validation_auc"))

    def to_json(self) -> dict[str, Any]:
        """Plain values: the keys of `details` beside people, generators, unknown and data."""
        return {
            **self.details,
            "people": dict(self.people),
            "generators": {role: None if names is None else list(names) for role, names in self.generators.items()},
            "unknown": list(self.unknown_roles),
            "data": dict(self.data),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> MethodRecord:
        """The record that `to_json` wrote."""
        return cls(
            details={key: value for key, value in content.items() if key not in _DECLARED},
            people=dict(content["people"]),
            generators={role: None if names is None else tuple(names) for role, names in content["generators"].items()},
            unknown_roles=tuple(content["unknown"]),
            data=dict(content["data"]),
        )
