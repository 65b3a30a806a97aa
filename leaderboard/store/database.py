"""Opening the board's database: SQLite as it must be set to be shared by processes, or PostgreSQL by its URL.

In SQLite a transaction that reads first and writes later may find that another has written in between, and fails at
once however long it was told to wait. So whoever means to write says so from the start (BEGIN IMMEDIATE) and waits for
its turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from nvfair_tools.errors import MissingExtra, NvfairError

BUSY_SECONDS = 30  # how long a writer waits for its turn


def open_engine(url: str) -> Engine:
    """The engine of `url`, tried out. Raises NvfairError where it is no URL or no database answers, and MissingExtra
    where PostgreSQL's driver is absent."""
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}} if _is_sqlite(parsed.drivername) else {}
        engine = create_engine(parsed, pool_pre_ping=not options, pool_size=10, max_overflow=20, **options)
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "psycopg", "board-postgres", str(error)) from error
    except (SQLAlchemyError, TypeError) as error:
        raise unusable(url, error) from error
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _settings)
        event.listen(engine, "begin", _begin)
    try:
        with engine.connect():
            pass
    except SQLAlchemyError as error:
        engine.dispose()
        raise unusable(url, error) from error
    return engine


@contextmanager
def reading(engine: Engine) -> Iterator[Session]:
    """A session that only reads, one moment's state."""
    with Session(engine) as session:
        yield session


@contextmanager
def writing(engine: Engine) -> Iterator[Session]:
    """A session whose changes are kept together at the end, or not at all when something is raised."""
    with engine.connect().execution_options(writes=True) as connection, Session(connection) as session, session.begin():
        yield session


def unusable(url: str, error: Exception) -> NvfairError:
    """What a user is told of a database that does not open; no password is shown."""
    return NvfairError(
        f"the board's database cannot be opened: {str(error).splitlines()[0]}",
        where=_without_password(url),
        expected="an SQLAlchemy URL of a database that can be written, such as sqlite:///board.sqlite",
    )


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "--store"


def _is_sqlite(driver: str) -> bool:
    return driver.split("+")[0] == "sqlite"


def _settings(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where we say, not where sqlite3 guesses
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not wait for each other
    cursor.execute("PRAGMA synchronous=FULL")  # what was answered "accepted" outlives a power cut
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
