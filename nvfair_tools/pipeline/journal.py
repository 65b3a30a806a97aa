"""The journal of a build: one SQLite file with the result of every item of every stage.

Only the main process writes, one transaction a result, in write-ahead mode: a killed process loses no recorded result,
a power cut loses at most the last few, whose items are then done again.
"""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pandas as pd

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import ItemResult

_LOOKUP = 900  # ids in one query; older SQLites allow 999 values
_TABLES = """
CREATE TABLE IF NOT EXISTS items (
    stage TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    retryable INTEGER NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (stage, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outputs (path TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS progress (
    stage TEXT NOT NULL, part TEXT NOT NULL, planned INTEGER NOT NULL, finished INTEGER NOT NULL,
    done INTEGER NOT NULL, failed INTEGER NOT NULL, begun REAL, latest REAL, PRIMARY KEY (stage, part)
);
CREATE TABLE IF NOT EXISTS people (
    identity TEXT NOT NULL, stage TEXT NOT NULL, id TEXT NOT NULL, PRIMARY KEY (identity, stage, id)
) WITHOUT ROWID;
"""


class Journal:
    """The results of a build by stage and item id. Use it as a context manager.

    read_only: for others that look at a build while it runs. Raises NvfairError where the file cannot be opened or is
    damaged.
    """

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self._path = path
        try:
            if read_only:
                self._connection = _open_to_read(path)
                return
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = _open_to_write(path)
        except sqlite3.DatabaseError as error:
            raise NvfairError(
                f"the build's journal cannot be opened: {error}",
                where=path,
                remedy="give the folder's owner write access; or, if the file is damaged, delete it: all is done again",
            ) from error

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the file, which must be done before the folder is copied."""
        self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Writes what the block does, all of it or nothing. Raises NvfairError where the disk does not take it."""
        try:
            self._connection.execute("BEGIN")
            yield
            self._connection.execute("COMMIT")
        except BaseException as error:
            if self._connection.in_transaction:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
            if isinstance(error, sqlite3.OperationalError):
                raise NvfairError(
                    f"the build's journal cannot be written: {error}",
                    where=self._path,
                    remedy="free some space, or make the folder writable; then run the same command again: what was "
                    "finished is kept",
                ) from error
            raise

    def record(self, stage: str, id: str, result: ItemResult, *, part: str = "") -> None:
        """Stores an item's result, replacing an earlier one; the output at the fact `path` then belongs to the item.

        part: of the stage, see `plan_stage`.
        """
        with self._transaction():
            if "path" in result.facts:
                self._connection.execute("INSERT OR REPLACE INTO outputs VALUES (?, ?)", (result.facts["path"], id))
            self._connection.execute(
                "INSERT OR REPLACE INTO items VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    stage,
                    id,
                    result.state,
                    result.reason,
                    result.detail,
                    int(result.retryable),
                    json.dumps(dict(result.facts), sort_keys=True),
                ),
            )
            self._connection.execute(
                "UPDATE progress SET done = done + 1, failed = failed + ?, latest = ? WHERE stage = ? AND part = ?",
                (int(result.state == "failed"), time.time(), stage, part),
            )

    def forget_progress(self) -> None:
        """Forgets how far an earlier run was."""
        with self._transaction():
            self._connection.execute("DELETE FROM progress")

    def plan_stage(self, stage: str, planned: int, finished: int, *, part: str = "") -> None:
        """Records that a stage, or a part of it such as one generator, has `planned` items, of which earlier runs have
        finished some."""
        with self._transaction():
            self._connection.execute(
                "INSERT OR REPLACE INTO progress VALUES (?, ?, ?, ?, 0, 0, NULL, NULL)",
                (stage, part, planned, finished),
            )

    def begin_stage(self, stage: str, *, part: str = "") -> None:
        """Records that a planned stage or part begins now."""
        with self._transaction():
            self._connection.execute(
                "UPDATE progress SET begun = ? WHERE stage = ? AND part = ?", (time.time(), stage, part)
            )

    def progress(self) -> pd.DataFrame:
        """How far the present or last run is: columns stage, part, planned, finished (by earlier runs), done (by this
        one, failed items included), failed, begun and latest (seconds since 1970, null before it begins)."""
        columns = ["stage", "part", "planned", "finished", "done", "failed", "begun", "latest"]
        return pd.DataFrame(self._rows(f"SELECT {', '.join(columns)} FROM progress"), columns=columns)

    def link_people(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Records whose items are whose: (identity, stage, item id). A person who withdraws is found by it."""
        with self._transaction():
            self._connection.executemany("INSERT OR IGNORE INTO people VALUES (?, ?, ?)", rows)

    def output_owners(self, paths: Iterable[str]) -> dict[str, str]:
        """Returns {path: id of the item that wrote the file there} for those of some files that an item owns."""
        rows = self._rows_with("SELECT path, id FROM outputs WHERE path", paths)
        return dict(rows)

    def release_outputs(self, owners: Iterable[tuple[str, str]]) -> None:
        """Records that items are about to write files: no other item owns these from now on.

        Files are named for people, not by their content, so an item of another recipe may write the same path.
        owners: (path, id of the item that writes it).
        """
        with self._transaction():
            self._connection.executemany("DELETE FROM outputs WHERE path = ? AND id != ?", owners)

    def resize_outputs(self, sizes: Mapping[str, int]) -> None:
        """Records that files have another size now, with what their items made in them. sizes: {path: bytes}."""
        with self._transaction():
            for path, size in sizes.items():
                rows = self._connection.execute(
                    "SELECT stage, items.id, facts FROM outputs JOIN items ON items.id = outputs.id WHERE path = ?",
                    (path,),
                ).fetchall()
                changed = [
                    (json.dumps(json.loads(facts) | {"bytes": size}, sort_keys=True), stage, id)
                    for stage, id, facts in rows
                    if json.loads(facts).get("path") == path
                ]
                self._connection.executemany("UPDATE items SET facts = ? WHERE stage = ? AND id = ?", changed)

    def iterate_owners(self, size: int) -> Iterator[list[str]]:
        """Yields the ids of all items that own a file, `size` at a time."""
        cursor = self._connection.execute("SELECT id FROM outputs")
        while rows := cursor.fetchmany(size):
            yield [id for (id,) in rows]

    def results(self, stage: str, ids: Iterable[str] | None = None) -> dict[str, ItemResult]:
        """Returns a stage's results by item id. ids: the items to look for (default: all); those without a result are
        left out."""
        columns = "SELECT id, state, reason, detail, retryable, facts FROM items WHERE stage = ?"
        if ids is None:
            rows = self._connection.execute(columns, (stage,)).fetchall()
        else:
            rows = self._rows_with(f"{columns} AND id", ids, stage)
        return {
            id: ItemResult(state, reason, detail, bool(retryable), json.loads(facts))
            for id, state, reason, detail, retryable, facts in rows
        }

    def iterate_results(self, stage: str, size: int) -> Iterator[list[tuple[str, str, str, str, int, str]]]:
        """Yields a stage's rows (id, state, reason, detail, retryable, facts as JSON) by id, `size` at a time."""
        cursor = self._connection.execute(
            "SELECT id, state, reason, detail, retryable, facts FROM items WHERE stage = ? ORDER BY id", (stage,)
        )
        while rows := cursor.fetchmany(size):
            yield rows

    def counts(self) -> pd.DataFrame:
        """Counts items by stage, state and reason (columns stage, state, reason, items)."""
        rows = self._rows("SELECT stage, state, reason, COUNT(*) FROM items GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
        return pd.DataFrame(rows, columns=["stage", "state", "reason", "items"])

    def _rows_with(self, query: str, values: Iterable[str], *parameters: str) -> list[tuple]:
        """The rows of a query that ends with a column, where that column has one of some values."""
        rows: list[tuple] = []
        different = list(dict.fromkeys(values))
        for start in range(0, len(different), _LOOKUP):
            some = different[start : start + _LOOKUP]
            query_some = f"{query} IN ({','.join('?' * len(some))})"
            rows += self._connection.execute(query_some, (*parameters, *some)).fetchall()
        return rows

    def _rows(self, query: str) -> list[tuple]:
        """The rows of a table, none where it is not there: in a journal that is just being made, or of a version that
        did not keep it."""
        try:
            return self._connection.execute(query).fetchall()
        except sqlite3.OperationalError as error:
            if "no such table" not in str(error):
                raise
            return []


def _open_to_write(path: Path) -> sqlite3.Connection:
    """A connection to the file, which is made where it is absent, with its tables."""
    connection = sqlite3.connect(path, isolation_level=None, timeout=30)
    try:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        connection.execute("PRAGMA secure_delete=ON")  # what is deleted, or replaced, is overwritten
        connection.executescript(_TABLES)
    except sqlite3.DatabaseError:
        connection.close()
        raise
    return connection


def _open_to_read(path: Path) -> sqlite3.Connection:
    """A connection that changes nothing; on a medium that cannot be written, one that expects no other to write."""
    for options in ("mode=ro", "mode=ro&immutable=1"):
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?{options}", uri=True, timeout=30)
        try:
            connection.execute("SELECT COUNT(*) FROM sqlite_master")
        except sqlite3.OperationalError:
            connection.close()
            continue
        except sqlite3.DatabaseError:
            connection.close()
            raise
        return connection
    raise sqlite3.OperationalError("it is not there, or cannot be read")
