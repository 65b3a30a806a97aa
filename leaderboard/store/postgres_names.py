"""A person's name in a board's PostgreSQL: counted, taken out of every text, and searched for in every value.

What the server keeps beside its tables stays its keeper's to delete: the write-ahead log, replicas, logs of statements,
backups. The search says so.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, Engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.exc import DBAPIError

from benchmark.evaluation.revocation.rows import RowRemover
from leaderboard.store.database import open_engine
from leaderboard.store.tables import utc_now
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.search.folders import SearchReport
from nvfair_tools.governance.search.patterns import Patterns

NOT_COVERED = (
    "what a PostgreSQL server keeps beside its tables: write-ahead log, archive, replicas, logs of statements, backups"
)
_LOCK_SECONDS = 30
# Tables with their columns, in order; system catalogues are looked at through pg_stats, which holds samples of values.
_COLUMNS = """
SELECT n.nspname, c.relname, a.attname, t.typname
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid JOIN pg_type t ON t.oid = a.atttypid
WHERE c.relkind IN ('r', 'p', 'm') AND a.attnum > 0 AND NOT a.attisdropped
AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
ORDER BY 1, 2, a.attnum
"""
_STATISTICS = """
SELECT schemaname || '.' || tablename || '.' || attname, concat(most_common_vals::text, ' ', histogram_bounds::text)
FROM pg_stats WHERE schemaname NOT LIKE 'pg\\_%' AND schemaname <> 'information_schema'
"""
_OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
"""
_TEXT_TYPES = ("text", "varchar", "bpchar", "name", "json", "jsonb")


def count_texts(url: str, remover: RowRemover) -> int:
    """How many texts of the database name the person."""
    with _opened(url) as engine, engine.connect() as connection:
        return sum(1 for table in _tables(connection) for _ in _changes(connection, table, remover))


def take_name_out(url: str, remover: RowRemover, name: str, action: str) -> None:
    """Replaces the person's name in all texts by `name`, writes the tables anew, and takes new samples of them.

    The replacement is one transaction, in which rows that are frozen by triggers may change and the audit log says that
    one person has withdrawn (`action`). Raises NvfairError while another program is connected to the database: a row
    that it can still see would stay on disk.
    """
    with _opened(url) as engine:
        with engine.connect().execution_options(writes=True) as connection, connection.begin():
            _refuse_others(connection, url)
            connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_SECONDS}s'"))
            tables = _tables(connection)
            for table in tables:
                changes = list(_changes(connection, table, remover))
                if changes:
                    _change(connection, table, changes)
            _record(connection, name, action)
        with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            # Also where nothing was to be changed: an earlier run may have ended between the two.
            _refuse_others(connection, url)
            connection.execute(text(f"SET lock_timeout = '{_LOCK_SECONDS}s'"))
            for table in tables:
                connection.execute(text(f"VACUUM (FULL, ANALYZE) {_quoted(table)}"))


def search_database(url: str, patterns: Patterns, report: SearchReport) -> None:
    """Searches every value of every table, as text, and the server's samples of values; adds to `report`."""
    shown_url = make_url(url).render_as_string(hide_password=True)
    with _opened(url) as engine, engine.connect() as connection:
        for table, columns in _tables(connection).items():
            values = ", ".join(f'"{column}"::text' for column, _ in columns)
            for row in connection.execute(text(f"SELECT {values} FROM {_quoted(table)}")):
                for (column, _), value in zip(columns, row, strict=True):
                    if value is not None:
                        place = f"{'.'.join(table)}.{column}"
                        report.add(shown_url, place, patterns.search(value.encode(), is_text=True))
                        report.bytes += len(value)
            report.decoded["table"] += 1
        for place, values in connection.execute(text(_STATISTICS)):
            report.add(shown_url, f"samples of {place}", patterns.search(values.encode(), is_text=True))
    report.not_covered.append(NOT_COVERED)


@contextmanager
def _opened(url: str) -> Iterator[Engine]:
    engine = open_engine(url)
    try:
        yield engine
    except DBAPIError as error:
        raise NvfairError(
            f"PostgreSQL does not do it: {str(error.orig).splitlines()[0]}",
            where=make_url(url).render_as_string(hide_password=True),
            remedy="stop the board, connect as the owner of its tables, then run the same command again",
        ) from error
    finally:
        engine.dispose()


_Table = tuple[str, str]  # schema and name


def _tables(connection: Connection) -> dict[_Table, list[tuple[str, str]]]:
    """Table -> (column, type) of each of its columns."""
    tables: dict[_Table, list[tuple[str, str]]] = {}
    for schema, table, column, kind in connection.execute(text(_COLUMNS)):
        tables.setdefault((schema, table), []).append((column, kind))
    return tables


def _changes(connection: Connection, table: _Table, remover: RowRemover) -> Iterator[tuple[str, dict[str, str]]]:
    """(place of a row, {column: new text}) of each row that names the person."""
    columns = [column for column, kind in _tables(connection)[table] if kind in _TEXT_TYPES]
    if not columns:
        return
    values = ", ".join(f'"{column}"::text' for column in columns)
    for ctid, *row in connection.execute(text(f"SELECT ctid::text, {values} FROM {_quoted(table)}")):
        new = {
            column: without
            for column, value in zip(columns, row, strict=True)
            if value is not None and (without := remover.without_names(value)) != value
        }
        if new:
            yield ctid, new


def _change(connection: Connection, table: _Table, changes: list[tuple[str, dict[str, str]]]) -> None:
    kinds = dict(_tables(connection)[table])
    connection.execute(text(f"ALTER TABLE {_quoted(table)} DISABLE TRIGGER USER"))
    for ctid, new in changes:
        places = {f"v{number}": value for number, value in enumerate(new.values())}
        parts = ", ".join(f'"{column}" = CAST(:v{n} AS {kinds[column]})' for n, column in enumerate(new))
        statement = text(f"UPDATE {_quoted(table)} SET {parts} WHERE ctid = CAST(:ctid AS tid)")
        connection.execute(statement, {**places, "ctid": ctid})
    connection.execute(text(f"ALTER TABLE {_quoted(table)} ENABLE TRIGGER USER"))


def _record(connection: Connection, name: str, action: str) -> None:
    details = {"action": action, "details": json.dumps({"person": name})}
    known = text("SELECT 1 FROM audit WHERE action = :action AND details = :details")
    if connection.execute(known, details).first() is None:
        insert = text(
            "INSERT INTO audit (at, actor, action, subject, details) "
            "VALUES (:at, 'admin', :action, 'one revoked person', :details)"
        )
        connection.execute(insert, {**details, "at": utc_now()})


def _refuse_others(connection: Connection, url: str) -> None:
    if others := connection.execute(text(_OTHERS)).scalar_one():
        raise NvfairError(
            f"other open connections to the board's database, which may still see the rows: {others}",
            where=make_url(url).render_as_string(hide_password=True),
            remedy="stop the board (`nvfair board serve`), then run the same command again",
        )


def _quoted(table: _Table) -> str:
    return ".".join(f'"{part}"' for part in table)
