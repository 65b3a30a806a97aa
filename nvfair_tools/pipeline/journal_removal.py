"""Removing a person's items from a build's journal, so that no page of its file keeps them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.unique_keys import load_unique_json

_AT_ONCE = 5_000


@dataclass(frozen=True)
class JournalItem:
    """A recorded item. is_linked: whether the journal says whose it is."""

    stage: str
    id: str
    detail: str
    facts: dict[str, Any]
    is_linked: bool

    @property
    def path(self) -> str:
        """Path of its file, relative to the data set; "" where it has none."""
        return str(self.facts.get("path", ""))


def linked_items(path: Path, identity: str) -> set[tuple[str, str]]:
    """(stage, id) of the items that the journal says are a person's."""
    with closing(_open(path)) as journal:
        return set(journal.execute("SELECT stage, id FROM people WHERE identity = ?", (identity,)))


def linked_people(path: Path) -> set[str]:
    """Everybody of whom the journal says what is theirs."""
    with closing(_open(path)) as journal:
        return {identity for (identity,) in journal.execute("SELECT DISTINCT identity FROM people")}


def iterate_items(path: Path) -> Iterator[JournalItem]:
    """All items of a journal."""
    with closing(_open(path)) as journal:
        linked = {id for (id,) in journal.execute("SELECT id FROM people")}
        cursor = journal.execute("SELECT stage, id, detail, facts FROM items")
        while rows := cursor.fetchmany(_AT_ONCE):
            for stage, id, detail, facts in rows:
                yield JournalItem(stage, id, detail, load_unique_json(facts.encode()), id in linked)


def remove_items(
    path: Path,
    identity: str,
    belongs: Callable[[JournalItem], bool],
    names_person: Callable[[str], bool],
    without_names: Callable[[str], str],
) -> None:
    """Removes items, the links of a person and the outputs of both; the file is then written anew without free pages.

    belongs: whether an item goes. names_person: whether a path does. without_names: a detail of an item that stays,
    without the names in it.
    """
    gone: list[tuple[str, str]] = []
    changed: list[tuple[str, str, str]] = []
    for item in iterate_items(path):
        if belongs(item):
            gone.append((item.stage, item.id))
        elif (detail := without_names(item.detail)) != item.detail:
            changed.append((detail, item.stage, item.id))
    with closing(_open(path)) as journal:
        paths = [(output,) for (output,) in journal.execute("SELECT path FROM outputs") if names_person(output)]
        journal.execute("BEGIN IMMEDIATE")
        journal.executemany("DELETE FROM items WHERE stage = ? AND id = ?", gone)
        journal.executemany("DELETE FROM outputs WHERE id = ?", [(id,) for _, id in gone])
        journal.executemany("DELETE FROM people WHERE id = ?", [(id,) for _, id in gone])
        journal.executemany("DELETE FROM outputs WHERE path = ?", paths)
        journal.execute("DELETE FROM people WHERE identity = ?", (identity,))
        journal.executemany("UPDATE items SET detail = ? WHERE stage = ? AND id = ?", changed)
        journal.execute("COMMIT")
        _empty_log(journal, path)
        journal.execute("VACUUM")
        _empty_log(journal, path)


def _open(path: Path) -> sqlite3.Connection:
    Journal(path).close()  # makes the tables that a journal of an earlier release lacks
    journal = sqlite3.connect(path, isolation_level=None, timeout=30)
    journal.execute("PRAGMA secure_delete=ON")
    return journal


def _empty_log(journal: sqlite3.Connection, path: Path) -> None:
    """Moves all pages of the write-ahead log to the file, and cuts the log to nothing."""
    (is_busy, _, _) = journal.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    if is_busy:
        raise NvfairError(
            "another program reads the build's journal, so that its log cannot be emptied",
            where=path,
            remedy="end that program (such as `nvfair status`), then run the same command again",
        )
