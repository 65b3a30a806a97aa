"""Opens the board's database: SQLite, set up to be shared by several processes, or PostgreSQL by its URL.

In SQLite a transaction that first reads and later writes fails at once when another process has written in between,
whatever its waiting time. So a session that will write says so at its start (BEGIN IMMEDIATE) and waits for its turn.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import Connection, make_url
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    IntegrityError,
    InterfaceError,
    ProgrammingError,
    SQLAlchemyError,
)
from sqlalchemy.orm import Session

from leaderboard.store.private_files import create_private
from nvfair_tools.errors import MissingExtra, NvfairError

BUSY_SECONDS = 30  # how long a writer waits for its turn
# SQLite's words -> what to do.
_REMEDIES = {
    "is locked": f"another program has held it for {BUSY_SECONDS} s: end that program, or wait for it",
    "readonly": "give the account that runs the board the right to write this file and its folder",
    "malformed": "the file is damaged: restore the newest backup with `nvfair board admin restore`",
    "not a database": "name the board's database in `store`, or restore a backup with `nvfair board admin restore`",
    "is full": "free disk space",
}


def open_engine(url: str) -> Engine:
    """The SQLAlchemy engine of `url`, after a first connection has succeeded.

    Raises NvfairError where `url` is not a URL or no database answers, and MissingExtra where PostgreSQL's driver is
    not installed.
    """
    try:
        parsed = make_url(url)
        if parsed.drivername in ("postgresql", "postgres"):
            parsed = parsed.set(drivername="postgresql+psycopg")
        options: dict[str, Any] = {"connect_args": {"timeout": BUSY_SECONDS}} if _is_sqlite(parsed.drivername) else {}
        engine = create_engine(parsed, pool_pre_ping=not options, pool_size=10, max_overflow=20, **options)
    except ModuleNotFoundError as error:
        raise MissingExtra(error.name or "psycopg", "board-postgres", str(error)) from error
    except (SQLAlchemyError, TypeError) as error:
        raise unusable_database_error(url, error) from error
    if engine.dialect.name == "sqlite":
        if engine.url.database:
            create_private(Path(engine.url.database))
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_sqlite)
    try:
        with engine.connect():
            pass
    except SQLAlchemyError as error:
        engine.dispose()
        raise unusable_database_error(url, error) from error
    return engine


def is_made_already(url: str) -> bool:
    """Whether the database of `url` is there without being made: False for a file of SQLite's that is not."""
    try:
        parsed = make_url(url)
    except SQLAlchemyError:
        return True  # opening it says what is wrong with it
    return not (_is_sqlite(parsed.drivername) and parsed.database and not Path(parsed.database).exists())


@contextmanager
def read_session(engine: Engine) -> Iterator[Session]:
    """A session that only reads. It sees one state of the database throughout."""
    with Session(engine) as session:
        yield session


@contextmanager
def write_session(engine: Engine) -> Iterator[Session]:
    """A session whose changes are committed together at the end, or rolled back where an exception is raised."""
    with engine.connect().execution_options(writes=True) as connection, Session(connection) as session, session.begin():
        yield session


def is_unusable_database(error: BaseException) -> bool:
    """Whether a database, rather than this program, is to blame: damaged, locked, read-only, full or gone."""
    own_mistakes = (IntegrityError, ProgrammingError, DataError)
    return isinstance(error, (DatabaseError, InterfaceError)) and not isinstance(error, own_mistakes)


def unusable_database_error(url: str, error: BaseException) -> NvfairError:
    """The error for a database that cannot be used. It shows the URL without its password."""
    message = str(error).splitlines()[0]
    return NvfairError(
        f"the board's database cannot be opened: {message}",
        where=_without_password(url),
        expected="an SQLAlchemy URL of a database that can be written, such as sqlite:///board.sqlite",
        remedy=next((remedy for words, remedy in _REMEDIES.items() if words in message), ""),
    )


@contextmanager
def database_errors(url: str) -> Iterator[None]:
    """Raises NvfairError in place of what a damaged, locked or read-only database makes SQLAlchemy raise."""
    try:
        yield
    except SQLAlchemyError as error:
        if is_unusable_database(error):
            raise unusable_database_error(url, error) from error
        raise


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "--store"


def _is_sqlite(driver: str) -> bool:
    return driver.split("+")[0] == "sqlite"


def _configure_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions begin where this module says, not where sqlite3 guesses
    cursor = connection.cursor()
    cursor.execute("PRAGMA journal_mode=WAL")  # readers and the writer do not wait for each other
    cursor.execute("PRAGMA synchronous=FULL")  # an answer "accepted" survives a power failure
    cursor.execute("PRAGMA foreign_keys=ON")
    cursor.close()


def _begin_sqlite(connection: Connection) -> None:
    writes = connection.get_execution_options().get("writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")
