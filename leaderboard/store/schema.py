"""The revision of the database's tables: created in an empty database, upgraded on request, refused where newer."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from leaderboard.store.database import is_made_already, open_engine
from leaderboard.store.tables import Base
from nvfair_tools.errors import NvfairError

FIRST_REVISION = "0001"  # the tables of the releases before there were migrations
_UPGRADE_LOCK = 0x6E766661  # any number, the same for all programs that change the tables of one PostgreSQL database


def newest_revision() -> str:
    """The newest revision that this program knows."""
    revision = ScriptDirectory.from_config(_alembic_config()).get_current_head()
    assert revision is not None
    return revision


def database_revision(engine: Engine) -> str | None:
    """The revision of the tables in the database; None where the board's tables do not exist."""
    with engine.connect() as connection:
        return _revision_of(connection)


def prepare_tables(engine: Engine) -> None:
    """Creates the tables in an empty database. Raises NvfairError where tables of another revision exist.

    Opening an older database does not change it: its maintainer makes a backup first.
    """
    revision = database_revision(engine)
    if revision == newest_revision():
        _refuse_missing_tables(engine)
        return
    if revision is None:
        upgrade_tables(engine)
        return
    _refuse_newer(revision)
    raise NvfairError(
        f"the database has tables of revision {revision}, older than this program's ({newest_revision()})",
        remedy="`nvfair board admin backup FILE`, then `nvfair board admin upgrade`",
    )


def upgrade_tables(engine: Engine) -> tuple[str | None, str]:
    """Brings the tables to this program's revision in one transaction; returns (old revision, new revision)."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":  # server and worker may both find the database empty
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _UPGRADE_LOCK})
        old_revision = _revision_of(connection)
        if old_revision is not None:
            _refuse_newer(old_revision)
        config = _alembic_config()
        config.attributes["connection"] = connection
        if old_revision == FIRST_REVISION and not inspect(connection).has_table("alembic_version"):
            command.stamp(config, FIRST_REVISION)
        command.upgrade(config, "head")
        return old_revision, newest_revision()


def upgrade_database(url: str) -> tuple[str | None, str]:
    """Opens the database of `url` and upgrades its tables; returns (old revision, new revision)."""
    engine = open_engine(url)
    try:
        return upgrade_tables(engine)
    finally:
        engine.dispose()


def planned_upgrade(url: str) -> tuple[str | None, str]:
    """The (old revision, new revision) that `upgrade_database` would return. Raises what it raises."""
    if not is_made_already(url):
        return None, newest_revision()
    engine = open_engine(url)
    try:
        revision = database_revision(engine)
        if revision is not None:
            _refuse_newer(revision)
        return revision, newest_revision()
    finally:
        engine.dispose()


def check_writable(engine: Engine) -> None:
    """Raises SQLAlchemy's error where the database cannot be written, or is locked for long. Nothing is changed."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin() as transaction:
        connection.execute(text("UPDATE alembic_version SET version_num = version_num"))
        transaction.rollback()


def _refuse_missing_tables(engine: Engine) -> None:
    missing_tables = sorted(
        {table.name for table in Base.metadata.sorted_tables} - set(inspect(engine).get_table_names())
    )
    if missing_tables:
        raise NvfairError(
            f"the database lacks the tables {', '.join(missing_tables)}",
            remedy="it is damaged: restore the newest backup with `nvfair board admin restore`",
        )


def _refuse_newer(revision: str) -> None:
    known_revisions = {script.revision for script in ScriptDirectory.from_config(_alembic_config()).walk_revisions()}
    if revision not in known_revisions:
        raise NvfairError(
            f"the database has tables of revision {revision}, which this program does not know "
            f"(its newest is {newest_revision()})",
            remedy="install the newer nvfair-tools that made them, or name another database",
        )


def _revision_of(connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return MigrationContext.configure(connection).get_current_revision()
    return FIRST_REVISION if {"submissions", "results"} <= set(tables) else None


def _alembic_config() -> Config:
    config = Config()
    config.set_main_option("script_location", "leaderboard:migrations")
    return config
