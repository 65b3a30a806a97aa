"""What a method has touched: the people and generators that its training, selection, thresholds and cohorts have seen.

Every method comes with a `Declaration`. Overlap with test people and the relation to a tested generator are decided
here and nowhere else, on `namespace:id` and on names of generators alone. What a declaration does not say is unknown,
never disjoint. Needs no torch.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.schema_problems.yaml_text import read_yaml_mapping

ROLES = ("training", "selection", "thresholds", "cohorts")
# What a generator is to a method: training used it; only another role used it; no role used it; not declared.
SEEN, SELECTED, UNSEEN, UNKNOWN = "seen", "selected", "unseen", "unknown"
_LISTED_PEOPLE = 5


@dataclass(frozen=True)
class RoleExposure:
    """The people and generators that one role of a method's making has seen. None: not known, which is never nobody.

    people: `namespace:id`, as drivers or as targets. generators: names. drivers, targets: the same people apart, where
    the record tells the two apart; None where it does not. Raises ValueError where these are not the people.
    """

    people: frozenset[str] | None = frozenset()
    generators: frozenset[str] | None = frozenset()
    drivers: frozenset[str] | None = None
    targets: frozenset[str] | None = None

    def __post_init__(self) -> None:
        if self.drivers is not None and self.targets is not None and self.drivers | self.targets != self.people:
            raise ValueError("the drivers and targets of a role are not its people")

    @classmethod
    def from_videos(cls, drivers: Iterable[str], targets: Iterable[str], generators: Iterable[str]) -> RoleExposure:
        """The exposure of a role that has seen videos with these drivers and targets."""
        drivers, targets = frozenset(drivers), frozenset(targets)
        return cls(drivers | targets, frozenset(generators), drivers, targets)

    def joined(self, other: RoleExposure) -> RoleExposure:
        """The exposure of a role that has seen what both have; what one of them does not say stays unknown."""
        people, generators = _union(self.people, other.people), _union(self.generators, other.generators)
        drivers, targets = (_union(getattr(self, of), getattr(other, of)) for of in ("drivers", "targets"))
        if drivers is None or targets is None:  # an exposure to nobody tells no roles apart, and need not
            told_apart = self if other.people == frozenset() else other if self.people == frozenset() else None
            drivers, targets = (told_apart.drivers, told_apart.targets) if told_apart else (None, None)
        return RoleExposure(people, generators, drivers, targets)

    @property
    def is_known(self) -> bool:
        """Whether both the people and the generators are known."""
        return self.people is not None and self.generators is not None

    def to_json(self) -> dict[str, Any]:
        """Sorted people and generators as plain values; "unknown" where they are not known."""
        return {
            "people": "unknown" if self.people is None else sorted(self.people),
            "generators": "unknown" if self.generators is None else sorted(self.generators),
        }


@dataclass(frozen=True)
class SharedPeople:
    """People who are in two groups that must have nobody in common."""

    first: str
    second: str
    people: tuple[str, ...]

    def __str__(self) -> str:
        listed = ", ".join(self.people[:_LISTED_PEOPLE])
        people_are = count_text(len(self.people), "person is", "people are")
        return f"{people_are} in {self.first} and in {self.second}: {listed}"


@dataclass(frozen=True)
class Declaration:
    """What a method was trained on, was selected on, took thresholds from, and normalises its scores against.

    held_out: people that its maker promised not to touch. data: what is known of the training data, such as its name
    and the sha256 of its dataset.json.
    """

    training: RoleExposure
    selection: RoleExposure = RoleExposure()
    thresholds: RoleExposure = RoleExposure()
    cohorts: RoleExposure = RoleExposure()
    held_out: frozenset[str] = frozenset()
    data: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def unknown(cls) -> Declaration:
        """The declaration of a method of which nothing is known."""
        blank = RoleExposure(None, None)
        return cls(blank, blank, blank, blank)

    @classmethod
    def untrained(cls) -> Declaration:
        """The declaration of a method that learned nothing from anybody."""
        return cls(RoleExposure())

    def roles(self) -> dict[str, RoleExposure]:
        """Role -> its exposure, in the order of ROLES."""
        return {role: getattr(self, role) for role in ROLES}

    @property
    def unknown_roles(self) -> tuple[str, ...]:
        """Roles whose people or generators are not known."""
        return tuple(role for role, exposure in self.roles().items() if not exposure.is_known)

    @property
    def people(self) -> frozenset[str] | None:
        """Everybody whom any role has seen; None where one of the roles does not say."""
        return None if any(exposure.people is None for exposure in self.roles().values()) else self.named_people

    @property
    def generators(self) -> frozenset[str] | None:
        """Every generator that any role has seen; None where one of the roles does not say."""
        exposures = self.roles().values()
        if any(exposure.generators is None for exposure in exposures):
            return None
        return frozenset().union(*(exposure.generators or () for exposure in exposures))

    @property
    def named_people(self) -> frozenset[str]:
        """Everybody whom any role names, also where another role does not say: silence hides no overlap."""
        return frozenset().union(*(exposure.people or () for exposure in self.roles().values()))

    def shared_people(self, people: Iterable[str]) -> dict[str, list[str]]:
        """Role -> the people, sorted, whom it names among `people`; only roles that name any."""
        tested = frozenset(people)
        shared = {role: sorted((exposure.people or frozenset()) & tested) for role, exposure in self.roles().items()}
        return {role: names for role, names in shared.items() if names}

    def roles_that_saw(self, generator: str) -> list[str]:
        """The roles that name `generator`, in their order."""
        return [role for role, exposure in self.roles().items() if generator in (exposure.generators or ())]

    def relation_to(self, generator: str) -> str:
        """What `generator` is to this method.

        "seen": training used it; "selected": only selection, thresholds or cohorts used it; "unseen": no role used it;
        "unknown": no role names it, and not every role says what it used.
        """
        roles = self.roles_that_saw(generator)
        if roles:
            return SEEN if "training" in roles else SELECTED
        return UNKNOWN if self.generators is None else UNSEEN

    def unnamed_in(self, other: Declaration) -> list[str]:
        """What this declaration names and `other`, which speaks of the same method, leaves out, in words.

        What `other` says is unknown is no omission: it is shown as unknown.
        """
        lines = []
        if other.people is not None and (people := sorted(self.named_people - other.people)):
            listed = ", ".join(people[:_LISTED_PEOPLE])
            lines.append(f"{count_text(len(people), 'person')} whom the declaration does not name, such as {listed}")
        trained, declared = self.training.generators or frozenset(), other.training.generators
        if declared is not None and (names := sorted(trained - declared)):
            lines.append(f"the generators {', '.join(names)} in training, which the declaration does not name there")
        seen = frozenset().union(*(exposure.generators or () for exposure in self.roles().values())) - trained
        if other.generators is not None and (names := sorted(seen - other.generators)):
            lines.append(f"the generators {', '.join(names)}, which the declaration does not name")
        return lines

    def contradictions(self) -> list[SharedPeople]:
        """People who are in training and in selection, or in any role and in the people that it held out ("test")."""
        roles = self.roles()
        groups = [("training", "selection", roles["selection"].people or frozenset())]
        groups += [(role, "test", self.held_out) for role in ROLES]
        shared = [
            SharedPeople(first, second, tuple(sorted((roles[first].people or frozenset()) & people)))
            for first, second, people in groups
        ]
        return [pair for pair in shared if pair.people]

    def to_json(self) -> dict[str, Any]:
        """All roles as plain values, with "unknown" where something is not known; `parse_declaration` reads it."""
        return {role: exposure.to_json() for role, exposure in self.roles().items()} | {
            "held_out": sorted(self.held_out),
            "data": dict(self.data),
        }

    def to_text(self) -> str:
        """The same as one line of JSON, such as files of embeddings carry."""
        return json.dumps(self.to_json(), sort_keys=True)


def _union(first: frozenset[str] | None, second: frozenset[str] | None) -> frozenset[str] | None:
    return None if first is None or second is None else first | second


def parse_declaration(content: Any, *, where: object = "declaration") -> Declaration:
    """A declaration from parsed JSON or YAML (the form of `Declaration.to_json`); a role left out is unknown.

    Raises NvfairError where it is not a mapping, and Problems that list every wrong key.
    """
    if not isinstance(content, dict):
        raise NvfairError("a declaration is a mapping", where=where, expected=f"keys {', '.join(ROLES)}")
    problems = [f"key {key!r} is unknown" for key in content if key not in (*ROLES, "held_out", "data")]
    exposures: dict[str, RoleExposure] = {}
    for role in ROLES:
        entry = content.get(role, {})
        if not isinstance(entry, dict):
            problems.append(f"{role}: {entry!r} is not a mapping with `people` and `generators`")
            continue
        problems += [f"{role}: key {key!r} is unknown" for key in entry if key not in ("people", "generators")]
        exposures[role] = RoleExposure(
            people=_parse_names(entry.get("people", "unknown"), f"{role}.people", problems),
            generators=_parse_names(entry.get("generators", "unknown"), f"{role}.generators", problems),
        )
    held_out = _parse_names(content.get("held_out", []), "held_out", problems) or frozenset()
    data = content.get("data", {})
    if not isinstance(data, dict) or not all(isinstance(text, str) for text in (*data, *data.values())):
        problems.append("data: expected a mapping of texts")
    if problems:
        raise Problems(where, problems, remedy='lists of names, or "unknown"; people as namespace:id')
    return Declaration(**exposures, held_out=held_out, data=data)


def _parse_names(value: Any, key: str, problems: list[str]) -> frozenset[str] | None:
    """The names of a list, None for "unknown"; mistakes are added to `problems`."""
    if value == "unknown":
        return None
    if not isinstance(value, (list, tuple)) or not all(isinstance(name, str) and name for name in value):
        problems.append(f'{key}: expected a list of names, or "unknown"; found {value!r}')
        return None
    without_namespace = [name for name in value if ":" not in name] if key.endswith(("people", "held_out")) else []
    if without_namespace:
        problems.append(f"{key}: {', '.join(without_namespace[:3])} is not namespace:id, such as cremad:1001")
    return frozenset(value)


def read_declaration(path: Path) -> Declaration:
    """The declaration in a YAML or JSON file; NvfairError where it cannot be read, Problems where it is wrong."""
    content = read_yaml_mapping(path, "declaration", example=f"its keys are {', '.join(ROLES)}; see docs/training.md")
    return parse_declaration(content, where=path)


def check_disjoint(declaration: Declaration, *, where: object) -> None:
    """Raises NvfairError where the people of training, validation (selection) and test (held out) overlap."""
    contradictions = declaration.contradictions()
    if contradictions:
        raise NvfairError(
            str(contradictions[0]).replace("selection", "validation"),
            where=where,
            expected="splits without a person in common, in either role",
            remedy="correct the split of these people and train again",
        )
