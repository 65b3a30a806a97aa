"""Revocation: a person withdraws, and everything derived from the person is found, removed and proved to be gone.

A *holder* is anything that keeps derived data: a data set, a folder of checkpoints and embeddings, a leaderboard. It
says what it knows of a person (`trace`), what would be removed (`find`), and removes it (`remove`), in steps that may
be repeated after an interruption. This module knows no holder: the rooms that keep the data implement it, and the
command composes them.

A record of what is under way is written first and deleted last. It names the person, so it lies beside the curator's
key and in none of the folders.
"""

from __future__ import annotations

import json
import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

from nvfair_tools.errors import NvfairError, user_message
from nvfair_tools.files import atomic_output, check_writable
from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.identity import identity_aliases, parse_identity
from nvfair_tools.unique_keys import load_unique_json

_PENDING_VERSION = 1
SHORTEST_MARK = 8  # characters of an id by which a video or item can be recognised


@dataclass(frozen=True)
class Trace:
    """Everything by which a person's data can be recognised.

    identity: `namespace:id`. aliases: other spellings of the person's name. hashes: of the person's clips, of videos in
    which the person is target or driver, and of the items that made them: in hexadecimal, or ids of another form where
    a data set has such. others: known people whose names begin with the same letters, who are somebody else.
    """

    identity: str
    aliases: frozenset[str] = frozenset()
    hashes: frozenset[str] = frozenset()
    others: frozenset[str] = frozenset()

    @classmethod
    def of(cls, identity: str) -> Trace:
        """The trace of a person of whom the name alone is known. Raises NvfairError for no `namespace:id`."""
        return cls(parse_identity(identity), frozenset(identity_aliases(identity)))

    def joined(self, other: Trace) -> Trace:
        """What both know of the same person."""
        return replace(
            self,
            aliases=self.aliases | other.aliases,
            hashes=self.hashes | other.hashes,
            others=(self.others | other.others) - {self.identity},
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values, which `from_json` reads."""
        return {
            "identity": self.identity,
            "aliases": sorted(self.aliases),
            "hashes": sorted(self.hashes),
            "others": sorted(self.others),
        }

    @classmethod
    def from_json(cls, content: dict[str, Any]) -> Trace:
        """The trace that `to_json` wrote."""
        return cls(
            content["identity"],
            frozenset(content["aliases"]),
            frozenset(content["hashes"]),
            frozenset(content["others"]),
        )


@dataclass(frozen=True)
class Finding:
    """Some things of one kind that a holder has of a person.

    what: the kind, in the plural. count: how many there are. action: what becomes of them. as_target, as_driver: how
    many show the person's face, and how many the person's motion; None where that means nothing.
    """

    what: str
    count: int
    action: str
    as_target: int | None = None
    as_driver: int | None = None


class Holder(Protocol):
    """Something that keeps data derived from people."""

    @property
    def kind(self) -> str:
        """The kind of the holder, by which an interrupted revocation makes it again."""
        ...

    @property
    def place(self) -> Path:
        """The folder that it keeps, and answers for."""
        ...

    def trace(self, trace: Trace) -> Trace:
        """What the holder knows of a person, added to `trace`."""
        ...

    def find(self, trace: Trace) -> list[Finding]:
        """What the holder has of a person; nothing is changed. An empty list: nothing."""
        ...

    def obstacles(self, trace: Trace, key: CuratorKey) -> Iterable[str]:
        """What would stop `remove`, in sentences, as far as can be known before; nothing is changed."""
        ...

    def remove(self, trace: Trace, key: CuratorKey, date: str) -> None:
        """Removes all of it. Called again after an interruption, it ends in the same state.

        key: of the digests that stay. date: of the revocation, in ISO's form.
        """
        ...


@dataclass(frozen=True)
class Revocation:
    """A person and the holders from which the person is removed. options: of the command, for those that make the
    holders again after an interruption."""

    trace: Trace
    holders: tuple[Holder, ...]
    date: str
    options: dict[str, str] = field(default_factory=dict)

    @classmethod
    def prepare(
        cls, identity: str, holders: Sequence[Holder], date: str, options: dict[str, str] | None = None
    ) -> Revocation:
        """Asks every holder what it knows of a person: one may know a hash by which another finds what it has."""
        trace = Trace.of(identity)
        for holder in holders:
            trace = trace.joined(holder.trace(trace))
        return cls(trace, tuple(holders), date, options or {})

    def find(self) -> list[tuple[Holder, Finding]]:
        """What all holders have of the person, in their order."""
        return [(holder, finding) for holder in self.holders for finding in holder.find(self.trace)]

    def obstacles(self, key: CuratorKey) -> list[str]:
        """What would stop the removal anywhere, in sentences; nothing is changed."""
        return [f"{holder.place}: {text}" for holder in self.holders for text in holder.obstacles(self.trace, key)]

    def run(self, key: CuratorKey, before: Sequence[tuple[Holder, Finding]] = ()) -> None:
        """Removes the person everywhere. The record of it is written first and deleted when all holders are done.

        before: what `find` has given. Raises StoppedRemoval where a holder cannot be brought to its end: the next call
        goes on.
        """
        path = pending_path(key, self.trace.identity)
        content = {
            "format_version": _PENDING_VERSION,
            "trace": self.trace.to_json(),
            "holders": [[holder.kind, str(holder.place.resolve())] for holder in self.holders],
            "date": self.date,
            "options": self.options,
        }
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with atomic_output(path) as unfinished:
            os.close(os.open(unfinished, os.O_CREAT | os.O_WRONLY, 0o600))
            unfinished.write_text(json.dumps(content), encoding="utf-8")
        for number, holder in enumerate(self.holders):
            try:
                holder.remove(self.trace, key, self.date)
            except Exception as error:
                stopped = StoppedRemoval(self, number, error, before)
                if user_message(error) is None and not isinstance(error, (OSError, sqlite3.Error)):
                    error.add_note(str(stopped))  # a fault of ours, whose traceback is needed
                    raise
                raise stopped from error
        overwrite_and_delete(path)


class StoppedRemoval(NvfairError):
    """A removal that could not be brought to its end: says what was done, what remains, and that it goes on."""

    def __init__(
        self, revocation: Revocation, number: int, error: Exception, before: Sequence[tuple[Holder, Finding]]
    ) -> None:
        holder, cause = revocation.holders[number], user_message(error) or str(error) or type(error).__name__
        counts = {(owner.place, finding.what): finding.count for owner, finding in before}
        try:
            left = [
                f"{finding.what}: {finding.count:,} of {counts.get((holder.place, finding.what), finding.count):,}"
                for finding in holder.find(revocation.trace)
            ]
        except Exception:  # noqa: BLE001 - whatever keeps it from being read is what stopped the removal
            left = ["what it is cannot be read now"]
        lines = [f"all done: {owner.place}" for owner in revocation.holders[:number]]
        lines.append(f"remains in {holder.place}: " + ("; ".join(left) or "its tables and records, to be finished"))
        lines += [f"not begun: {owner.place}" for owner in revocation.holders[number + 1 :]]
        super().__init__(
            f"the removal of {revocation.trace.identity} has stopped: {cause}" + "".join(f"\n  - {x}" for x in lines),
            where=holder.place,
            remedy="mend that, then run the same command again: it goes on, and what is removed stays removed. Until "
            "then no reader opens a data set that was begun, and nothing is built in it",
        )


def unwritable(paths: Iterable[Path]) -> Iterator[str]:
    """Says of each folder in which nothing can be written, and of each file that cannot be changed, that it is so."""
    for path in sorted(set(paths)):
        if path.is_dir():
            try:
                check_writable(path)
            except NvfairError as error:
                yield f"{path}: {error.what}"
        elif path.is_file() and not os.access(path, os.W_OK, effective_ids=os.access in os.supports_effective_ids):
            yield f"{path}: your user may not change this file"


def folders_of(paths: Iterable[Path], place: Path) -> set[Path]:
    """The folders from some files up to the folder `place` that they lie in."""
    return {parent for path in paths for parent in path.parents if parent.is_relative_to(place)}


def pending_path(key: CuratorKey, identity: str) -> Path:
    """The file that records a revocation while it is under way; its name is a keyed digest."""
    return pending_folder(key) / f"{key.digest('pending', identity)}.json"


def pending_folder(key: CuratorKey) -> Path:
    """The folder of the revocations that are under way, beside the key's file."""
    return key.path.parent / "revocations"


def interrupted(
    key: CuratorKey, make_holder: Callable[[str, Path, dict[str, str]], Holder], *, cleans: bool = True
) -> list[Revocation]:
    """The revocations under this key that were begun and not completed.

    make_holder: from a kind, a folder and the command's options to a holder. cleans: whether records that were never
    written to their end are deleted. Raises NvfairError where a record cannot
    be read, or where a folder of it is gone.
    """
    revocations = []
    folder = pending_folder(key)
    for unfinished in folder.glob(".*.part*") if cleans else ():
        overwrite_and_delete(unfinished)  # a record that was being written: nothing had been removed yet
    for path in sorted(folder.glob("*.json")):
        try:
            content = load_unique_json(path.read_bytes())
            trace, options = Trace.from_json(content["trace"]), dict(content["options"])
            places = [(kind, Path(place)) for kind, place in content["holders"]]
            date = str(content["date"])
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NvfairError(
                f"the record of an interrupted revocation cannot be read: {error}",
                where=path,
                remedy="delete it, and run `nvfair revoke` for the person again",
            ) from error
        missing = [place for _, place in places if not place.exists()]
        if missing:
            raise NvfairError(
                f"an interrupted revocation concerns {missing[0]}, which is not there",
                where=path,
                remedy="put the folder back; or delete this record, if the folder is gone for good",
            )
        holders = tuple(make_holder(kind, place, options) for kind, place in places)
        revocations.append(Revocation(trace, holders, date, options))
    return revocations


def overwrite_and_delete(path: Path) -> None:
    """Deletes a file after its bytes were overwritten. Media that write elsewhere, and snapshots, may keep them.

    It first gets a name under which nobody reads it, so that an interruption leaves no half-overwritten record.
    """
    unread = path if ".part" in path.suffixes else path.with_name(f".{path.name}.part")
    if unread != path:
        path.replace(unread)
    with open(unread, "r+b") as file:
        file.write(bytes(os.fstat(file.fileno()).st_size))
        file.flush()
        os.fsync(file.fileno())
    unread.unlink()


def total(findings: Iterable[tuple[Holder, Finding]]) -> int:
    """How many things were found in all."""
    return sum(finding.count for _, finding in findings)
