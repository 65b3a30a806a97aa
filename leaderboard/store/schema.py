"""Which tables a database has: made anew where it is empty, brought forward on request, refused where it is newer."""

from __future__ import annotations

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text

from nvfair_tools.errors import NvfairError

FIRST_REVISION = "0001"  # the tables of the releases before there were migrations
_LOCK = 0x6E766661  # any number, the same for everybody who would change the tables of one PostgreSQL database


def head() -> str:
    """The newest revision that this program knows."""
    revision = ScriptDirectory.from_config(_config()).get_current_head()
    assert revision is not None
    return revision


def revision(engine: Engine) -> str | None:
    """The revision of the tables in the database; None where there are none."""
    with engine.connect() as connection:
        return _revision(connection)


def prepare(engine: Engine) -> None:
    """Makes the tables where there are none; otherwise raises NvfairError unless they are of this program's revision.

    An older database is not changed by merely being opened: a backup comes first.
    """
    found = revision(engine)
    if found == head():
        return
    if found is None:
        upgrade(engine)
        return
    _refuse_newer(found)
    raise NvfairError(
        f"the database has tables of revision {found}, older than this program's ({head()})",
        remedy="`nvfair board admin backup FILE`, then `nvfair board admin upgrade`",
    )


def upgrade(engine: Engine) -> tuple[str | None, str]:
    """Brings the tables to this program's revision in one transaction; returns (from, to)."""
    with engine.connect().execution_options(writes=True) as connection, connection.begin():
        if connection.dialect.name == "postgresql":  # server and worker may both find the database empty
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _LOCK})
        found = _revision(connection)
        if found is not None:
            _refuse_newer(found)
        config = _config()
        config.attributes["connection"] = connection
        if found == FIRST_REVISION and not inspect(connection).has_table("alembic_version"):
            command.stamp(config, FIRST_REVISION)
        command.upgrade(config, "head")
        return found, head()


def _refuse_newer(found: str) -> None:
    known = {script.revision for script in ScriptDirectory.from_config(_config()).walk_revisions()}
    if found not in known:
        raise NvfairError(
            f"the database has tables of revision {found}, which this program does not know (its newest is {head()})",
            remedy="install the newer nvfair-tools that made them, or name another database",
        )


def _revision(connection: Connection) -> str | None:
    tables = inspect(connection).get_table_names()
    if "alembic_version" in tables:
        return MigrationContext.configure(connection).get_current_revision()
    return FIRST_REVISION if {"submissions", "results"} <= set(tables) else None


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "leaderboard:migrations")
    return config
