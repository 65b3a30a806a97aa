"""The board as a holder of data derived from people: its database, the files of submissions, keys of blind copies.

Entries stay, and name `revoked:...` where they named the person. Rows of results and of the audit log are frozen by
triggers; they are lifted within the one transaction that takes the name out. The file of the database, or the tables of
PostgreSQL, are then written anew, so that none of their pages keeps what was there.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

from sqlalchemy.engine import make_url

from benchmark.evaluation.revocation.holder import BenchmarkHolder
from benchmark.evaluation.revocation.rows import RowRemover
from benchmark.methods.quarantine import pseudonym
from leaderboard.hidden.blind_key import KEY_FILE, read_key, write_key
from leaderboard.settings import SITE, Settings, read_settings
from leaderboard.store import postgres_names
from leaderboard.store.tables import utc_now
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.curator_key import CuratorKey
from nvfair_tools.governance.revocation import Finding, Trace, unwritable
from nvfair_tools.governance.search.folders import SearchReport
from nvfair_tools.governance.search.patterns import Patterns

_ACTION = "revoked"
_PATIENCE = 5.0  # seconds in which a program may end what it does with the database


@dataclass(frozen=True)
class BoardHolder:
    """A board in its folder, whose database is SQLite or PostgreSQL."""

    place: Path
    kind: str = "board"

    def trace(self, trace: Trace) -> Trace:
        """The trace with the names that blind copies give to the person's videos."""
        names = {
            name
            for path in _blind_keys(self._settings)
            for video, name in read_key(path).names.items()
            if video in trace.hashes
        }
        return replace(trace, hashes=trace.hashes | names)

    def find(self, trace: Trace) -> list[Finding]:
        """Texts of the database, entries of blind copies, and what the files of submissions hold."""
        remover = RowRemover(trace, "revoked:person")
        if _is_postgres(self._settings):
            texts = postgres_names.count_texts(self._settings.store, remover)
        else:
            with closing(_open(_database(self._settings))) as database:
                texts = sum(len(_changes(database, table, remover)) for table in _tables(database))
        videos = sum(video in trace.hashes for path in _blind_keys(self._settings) for video in read_key(path).names)
        findings = [
            Finding("rows of the board that name the person", texts, "named revoked:... there"),
            Finding("videos in the keys of blind copies", videos, "removed from the keys"),
        ]
        for folder in self._folders_of_files():
            findings += BenchmarkHolder(folder).find(trace)
        return [finding for finding in findings if finding.count]

    def obstacles(self, trace: Trace, key: CuratorKey) -> Iterator[str]:
        """A server that holds the database, files and folders that cannot be written."""
        settings = self._settings
        if settings.files.is_dir():
            yield from BenchmarkHolder(settings.files, "delete").obstacles(trace, key)
        keys = [path for path in _blind_keys(settings) if not trace.hashes.isdisjoint(read_key(path).names)]
        yield from unwritable(path.parent for path in keys)
        if _is_postgres(settings):
            return
        place = _database(settings)
        texts = list(unwritable((place, place.parent)))
        yield from texts
        if not texts:
            yield from _held(place)

    def remove(self, trace: Trace, key: CuratorKey, date: str) -> None:
        """Removes all of it. Raises NvfairError where the board's server holds the database."""
        settings, name = self._settings, pseudonym(key, trace.identity)
        for folder in self._folders_of_files():
            BenchmarkHolder(folder, "delete").remove(trace, key, date)
        for path in _blind_keys(settings):
            blind = read_key(path)
            names = {video: name for video, name in blind.names.items() if video not in trace.hashes}
            if len(names) < len(blind.names):
                write_key(path, replace(blind, names=names))
        if _is_postgres(settings):
            postgres_names.take_name_out(settings.store, RowRemover(trace, name), name, _ACTION)
            return
        with closing(_open(_database(settings))) as database:
            _take_name_out(database, RowRemover(trace, name), name)
            _write_anew(database, _database(settings))

    def search_database(self, patterns: Patterns, report: SearchReport) -> None:
        """Searches a database that is no file in the board's folder, and adds to the report of the search."""
        if _is_postgres(self._settings):
            postgres_names.search_database(self._settings.store, patterns, report)

    def _folders_of_files(self) -> list[Path]:
        """Where the files of submissions are, and the static copy that is written in the board's folder by default."""
        return [folder for folder in (self._settings.files, self.place / SITE) if folder.is_dir()]

    @property
    def _settings(self) -> Settings:
        return read_settings(self.place)


def _is_postgres(settings: Settings) -> bool:
    return make_url(settings.store).drivername.split("+")[0] in ("postgresql", "postgres")


def _database(settings: Settings) -> Path:
    url = make_url(settings.store)
    if url.drivername.split("+")[0] != "sqlite" or not url.database:
        raise NvfairError(
            "a person can be removed from a board in SQLite or PostgreSQL alone",
            where=url.render_as_string(hide_password=True),
            remedy="`nvfair board admin backup`, restore it into SQLite, remove the person there, restore that back",
        )
    return Path(url.database)


def _open(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None, timeout=30)
    database.execute("PRAGMA secure_delete=ON")
    return database


def _tables(database: sqlite3.Connection) -> list[str]:
    rows = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
    return [name for (name,) in rows]


def _changes(database: sqlite3.Connection, table: str, remover: RowRemover) -> list[tuple[str, str, int]]:
    """(column, new text, rowid) of every text of a table that names the person."""
    columns = [row[1] for row in database.execute(f'PRAGMA table_info("{table}")')]
    changes = []
    for row in database.execute(f'SELECT rowid, * FROM "{table}"'):
        for column, value in zip(columns, row[1:], strict=True):
            if isinstance(value, str) and (text := remover.without_names(value)) != value:
                changes.append((column, text, row[0]))
    return changes


def _take_name_out(database: sqlite3.Connection, remover: RowRemover, name: str) -> None:
    """Replaces the name in all texts, and says in the audit log that one person has withdrawn; in one transaction."""
    database.execute("BEGIN IMMEDIATE")
    try:
        changes = {table: _changes(database, table, remover) for table in _tables(database)}
        triggers = database.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'").fetchall()
        for trigger, _ in triggers:
            database.execute(f'DROP TRIGGER "{trigger}"')
        for table, rows in changes.items():
            for column, text, rowid in rows:
                database.execute(f'UPDATE "{table}" SET "{column}" = ? WHERE rowid = ?', (text, rowid))
        details = json.dumps({"person": name})
        entry = ("admin", _ACTION, "one revoked person", details)
        if not database.execute("SELECT 1 FROM audit WHERE action = ? AND details = ?", (_ACTION, details)).fetchone():
            at = utc_now().replace(tzinfo=None).isoformat(" ")
            database.execute(
                "INSERT INTO audit (at, actor, action, subject, details) VALUES (?, ?, ?, ?, ?)", (at, *entry)
            )
        for _, definition in triggers:
            database.execute(definition)
        database.execute("COMMIT")
    except BaseException:
        database.execute("ROLLBACK")
        raise


def _held(path: Path) -> Iterator[str]:
    """Says that another program holds the database, where one does. Nothing of what it holds is changed."""
    try:
        with closing(sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE)) as database:
            database.execute("BEGIN IMMEDIATE")
            database.execute("ROLLBACK")
            (is_busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.OperationalError as error:
        yield f"{path}: {error}; stop the board (`nvfair board serve`) first"
        return
    if is_busy:
        yield f"{path}: another program reads the board's database; stop the board (`nvfair board serve`) first"


def _write_anew(database: sqlite3.Connection, path: Path) -> None:
    for _ in range(2):
        (is_busy, _, _) = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if is_busy:
            raise NvfairError(
                "another program reads the board's database, so that its log cannot be emptied",
                where=path,
                remedy="stop the board (`nvfair board serve`), then run the same command again",
            )
        database.execute("VACUUM")
    database.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _blind_keys(settings: Settings) -> list[Path]:
    paths = [dataset.folder / KEY_FILE for dataset in settings.datasets.values()]
    return [path for path in paths if path.is_file()]
