"""The journal of a build: how every item of every stage ended, kept in one SQLite file.

Only the main process writes, one transaction a result, in write-ahead mode: a killed process loses no recorded result,
a power cut at most the last few, whose items are then done again.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.items import ItemResult

_TABLES = """
CREATE TABLE IF NOT EXISTS items (
    stage TEXT NOT NULL, id TEXT NOT NULL, state TEXT NOT NULL, reason TEXT NOT NULL, detail TEXT NOT NULL,
    retryable INTEGER NOT NULL, facts TEXT NOT NULL, PRIMARY KEY (stage, id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS outputs (path TEXT PRIMARY KEY, id TEXT NOT NULL) WITHOUT ROWID;
"""


class Journal:
    """Results by stage and item id. Use as a context manager."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._connection = sqlite3.connect(path, isolation_level=None, timeout=30)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=NORMAL")
            self._connection.executescript(_TABLES)
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
        """Closes the file; needed before a copy of the folder is made."""
        self._connection.close()

    def record(self, stage: str, id: str, result: ItemResult) -> None:
        """Stores how an item ended, in place of an earlier result; an output (`path` in its facts) is then its own."""
        self._connection.execute("BEGIN")
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
        self._connection.execute("COMMIT")

    def disown(self, paths: Iterable[str]) -> None:
        """Says that these files are about to be written anew: until their items are recorded, they are nobody's.

        Files are named for people, not by their content, so another recipe's item may write the same path.
        """
        self._connection.execute("BEGIN")
        self._connection.executemany("DELETE FROM outputs WHERE path = ?", ((path,) for path in paths))
        self._connection.execute("COMMIT")

    def owners(self) -> dict[str, str]:
        """{path: id of the item whose output lies there}."""
        return dict(self._connection.execute("SELECT path, id FROM outputs"))

    def results(self, stage: str, ids: Iterable[str] | None = None) -> dict[str, ItemResult]:
        """Results of a stage by item id; of `ids` alone where given (those without a result are left out)."""
        rows = self._connection.execute(
            "SELECT id, state, reason, detail, retryable, facts FROM items WHERE stage = ?", (stage,)
        )
        wanted = None if ids is None else set(ids)
        return {
            id: ItemResult(state, reason, detail, bool(retryable), json.loads(facts))
            for id, state, reason, detail, retryable, facts in rows
            if wanted is None or id in wanted
        }

    def counts(self) -> pd.DataFrame:
        """Number of items by stage, state and reason (columns stage, state, reason, items)."""
        rows = self._connection.execute(
            "SELECT stage, state, reason, COUNT(*) FROM items GROUP BY 1, 2, 3 ORDER BY 1, 2, 3"
        ).fetchall()
        return pd.DataFrame(rows, columns=["stage", "state", "reason", "items"])
