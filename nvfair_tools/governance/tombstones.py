"""Tombstones: what stays of a person who has withdrawn, so that no later build makes the person again.

`revoked.json` in a data set's folder holds digests under the curator's key and no personal data. Without the key it
says how many people have withdrawn, and nothing else. A manifest for those who have a copy has the same form, with
digests under a key of that recipient's.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import write_text
from nvfair_tools.governance.curator_key import CuratorKey, default_key_path, read_key
from nvfair_tools.unique_keys import load_unique_json

TOMBSTONES_FILE = "revoked.json"
_VERSION = 1


@dataclass(frozen=True)
class Tombstone:
    """A person who has withdrawn. names: keyed digests of the identity, first, and of its aliases. traces: keyed
    digests of the hashes of clips and of what was made from them. date: of the revocation, in ISO's form."""

    names: tuple[str, ...]
    traces: frozenset[str]
    date: str

    def to_json(self) -> dict[str, Any]:
        """Plain values, in one form."""
        return {"date": self.date, "names": list(self.names), "traces": sorted(self.traces)}


@dataclass(frozen=True)
class Tombstones:
    """All tombstones of a data set. key_name: of the key under which they were made."""

    key_name: str
    people: tuple[Tombstone, ...]

    @cached_property
    def traces(self) -> frozenset[str]:
        """The keyed digests of all people's hashes."""
        return frozenset().union(*(person.traces for person in self.people))

    def check_key(self, key: CuratorKey, *, where: Path) -> None:
        """Raises NvfairError where the tombstones were made under another key."""
        if self.people and key.name != self.key_name:
            raise NvfairError(
                f"the people who have withdrawn are recorded under the key {self.key_name}; this is {key.name}",
                where=where,
                remedy="name the right key with --key or the variable NVFAIR_REVOCATION_KEY",
            )

    def number_of(self, key: CuratorKey, identity: str, aliases: Iterable[str] = ()) -> int | None:
        """The number (from 1) of the revoked person with this identity or alias; None for anybody else."""
        digests = {key.digest("person", name) for name in (identity, *aliases)}
        return next((n for n, person in enumerate(self.people, 1) if digests & set(person.names)), None)

    def traces_of(self, key: CuratorKey, identity: str) -> frozenset[str]:
        """The keyed digests of one person's hashes; none of somebody who has not withdrawn."""
        number = self.number_of(key, identity)
        return frozenset() if number is None else self.people[number - 1].traces

    def holds(self, key: CuratorKey, digest: str) -> bool:
        """Whether this hash, of a file's content or of an item, is that of a revoked person."""
        return key.digest("trace", digest) in self.traces

    def with_person(
        self, key: CuratorKey, identity: str, aliases: Iterable[str], hashes: Iterable[str], date: str
    ) -> Tombstones:
        """These tombstones and that of one more person; a person who has one already gets the new hashes too."""
        names = tuple(dict.fromkeys(key.digest("person", name) for name in (identity, *sorted(aliases))))
        traces = frozenset(key.digest("trace", digest) for digest in hashes)
        number = self.number_of(key, identity)
        if number is None:
            return Tombstones(key.name, (*self.people, Tombstone(names, traces, date)))
        earlier = self.people[number - 1]
        joined = Tombstone(tuple(dict.fromkeys((*earlier.names, *names))), earlier.traces | traces, earlier.date)
        return Tombstones(key.name, (*self.people[: number - 1], joined, *self.people[number:]))

    def write(self, path: Path) -> None:
        """Writes them to a file, whole or not at all."""
        content = {
            "about": "people who have withdrawn: digests under the curator's key; they name nobody without it",
            "format_version": _VERSION,
            "key": self.key_name,
            "people": [person.to_json() for person in self.people],
        }
        write_text(path, json.dumps(content, indent=1) + "\n")


def read_tombstones(folder: Path) -> Tombstones:
    """The tombstones of a data set; none where nobody has withdrawn. Raises NvfairError where the file is damaged."""
    return read_manifest(folder / TOMBSTONES_FILE)


def read_manifest(path: Path) -> Tombstones:
    """The tombstones in a file; none where there is no such file. Raises NvfairError where it is damaged."""
    try:
        content = load_unique_json(path.read_bytes())
        if content["format_version"] != _VERSION:
            raise ValueError(f"format version {content['format_version']!r}")
        people = tuple(
            Tombstone(tuple(person["names"]), frozenset(person["traces"]), str(person["date"]))
            for person in content["people"]
        )
        return Tombstones(str(content["key"]), people)
    except FileNotFoundError:
        return Tombstones("", ())
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise NvfairError(
            f"the record of people who have withdrawn cannot be read: {error}",
            where=path,
            remedy="restore it from a copy: without it, a build would make these people again",
        ) from error


@dataclass(frozen=True)
class RevokedPeople:
    """The people who have withdrawn from a data set, with the key that recognises them."""

    tombstones: Tombstones
    key: CuratorKey

    def number_of(self, identity: str, aliases: Iterable[str] = ()) -> int | None:
        """The number (from 1) of the revoked person with this identity or alias; None for anybody else."""
        return self.tombstones.number_of(self.key, identity, aliases)

    def number_of_content(self, digest: str) -> int | None:
        """The number (from 1) of the revoked person of whom a file with this SHA-256 is; None for any other file."""
        keyed = self.key.digest("trace", digest)
        return next((n for n, person in enumerate(self.tombstones.people, 1) if keyed in person.traces), None)


def revoked_people(folder: Path) -> RevokedPeople | None:
    """The people who have withdrawn from the data set in `folder`; None where nobody has.

    Raises NvfairError where somebody has and the key that recognises them is not on this machine.
    """
    tombstones = read_tombstones(folder)
    if not tombstones.people:
        return None
    key = read_key(default_key_path())
    tombstones.check_key(key, where=folder / TOMBSTONES_FILE)
    return RevokedPeople(tombstones, key)
