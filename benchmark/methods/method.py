"""What the benchmark asks of a method: embeddings of windows, and a declaration of what it was trained on.

    class Mine:
        name = "mine"
        declaration = Declaration.unknown()
        needs: Needs = "landmarks"
        time = None
        def embed(self, batch: WindowBatch) -> np.ndarray: ...

A method is found by entry point (group `nvfair.methods`), by dotted path (`package.module:attribute`), as a checkpoint
folder, or is not run at all: a file of embeddings does as well (`benchmark.methods.embedding_files`). Needs no torch.

Legend: B windows a batch, T frames a window, L landmarks (126), D embedding size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from benchmark.protocols.schema import Time
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.errors import NvfairError, Problems

# What a batch must hold: the 126 landmarks; also MediaPipe's mesh, where the data set kept it; or the pictures.
Needs = Literal["landmarks", "mesh", "frames"]

ROLES = ("training", "selection", "thresholds", "cohorts")


@dataclass(frozen=True)
class Touched:
    """Who and what one role of a method's making has seen. None: not known, which is never the same as nobody.

    people: `namespace:id`, as drivers or as targets. generators: names.
    """

    people: frozenset[str] | None = frozenset()
    generators: frozenset[str] | None = frozenset()


@dataclass(frozen=True)
class Declaration:
    """What a method was trained on, was chosen on, took thresholds from, and normalises its scores against.

    held_out: people that its maker promised not to touch. data: what is known of the training data, such as its name
    and the sha256 of its dataset.json.
    """

    training: Touched
    selection: Touched = Touched()
    thresholds: Touched = Touched()
    cohorts: Touched = Touched()
    held_out: frozenset[str] = frozenset()
    data: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def unknown(cls) -> Declaration:
        """Nothing is known."""
        blank = Touched(None, None)
        return cls(blank, blank, blank, blank)

    @classmethod
    def untrained(cls) -> Declaration:
        """Nothing was learned from anybody."""
        return cls(Touched())

    def roles(self) -> dict[str, Touched]:
        """Role -> what it touched, in the order of ROLES."""
        return {role: getattr(self, role) for role in ROLES}

    @property
    def unknown_roles(self) -> tuple[str, ...]:
        """Roles of which people or generators are not known."""
        return tuple(role for role, t in self.roles().items() if t.people is None or t.generators is None)

    def to_json(self) -> dict[str, Any]:
        """Plain values; "unknown" where nothing is known."""
        return {
            role: {
                "people": "unknown" if touched.people is None else sorted(touched.people),
                "generators": "unknown" if touched.generators is None else sorted(touched.generators),
            }
            for role, touched in self.roles().items()
        } | {"held_out": sorted(self.held_out), "data": dict(self.data)}


def parse_declaration(content: Any, *, where: object = "declaration") -> Declaration:
    """A declaration from parsed JSON or YAML (the form of `Declaration.to_json`); a role left out is unknown.

    Raises Problems that list every wrong key.
    """
    if not isinstance(content, dict):
        raise NvfairError("a declaration is a mapping", where=where, expected=f"keys {', '.join(ROLES)}")
    problems = [f"key {key!r} is unknown" for key in content if key not in (*ROLES, "held_out", "data")]
    found: dict[str, Touched] = {}
    for role in ROLES:
        entry = content.get(role, {})
        if not isinstance(entry, dict):
            problems.append(f"{role}: {entry!r} is not a mapping with `people` and `generators`")
            continue
        problems += [f"{role}: key {key!r} is unknown" for key in entry if key not in ("people", "generators")]
        values = {key: _names(entry.get(key, "unknown"), f"{role}.{key}", problems) for key in ("people", "generators")}
        found[role] = Touched(**values)
    held_out = _names(content.get("held_out", []), "held_out", problems) or frozenset()
    data = content.get("data", {})
    if not isinstance(data, dict) or not all(isinstance(x, str) for x in (*data, *data.values())):
        problems.append("data: expected a mapping of texts")
    if problems:
        raise Problems(where, problems, remedy='lists of names, or "unknown"; people as namespace:id')
    return Declaration(**found, held_out=held_out, data=data)


def _names(value: Any, key: str, problems: list[str]) -> frozenset[str] | None:
    if value == "unknown":
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(one, str) and one for one in value):
        problems.append(f'{key}: expected a list of names, or "unknown"; found {value!r}')
        return None
    wrong = [one for one in value if ":" not in one] if key.endswith(("people", "held_out")) else []
    if wrong:
        problems.append(f"{key}: {', '.join(wrong[:3])} is not namespace:id, such as cremad:1001")
    return frozenset(value)


@runtime_checkable
class Method(Protocol):
    """Anything that embeds windows.

    time: the only windows it takes, None for any. The benchmark L2-normalises embeddings before it compares them. A
    method that is quicker when it sees all windows at once may also have `embed_all(windows: WindowSet) -> (W, D)`;
    then that is called instead.
    """

    @property
    def name(self) -> str:
        """Shown in reports, and unique among those evaluated together."""
        ...

    @property
    def declaration(self) -> Declaration:
        """What it was trained on."""
        ...

    @property
    def needs(self) -> Needs:
        """What a batch must hold."""
        ...

    @property
    def time(self) -> Time | None:
        """Windows it takes."""
        ...

    def embed(self, batch: WindowBatch) -> np.ndarray:
        """One embedding a window (B, D); NaN is refused, whatever its reason."""
        ...
