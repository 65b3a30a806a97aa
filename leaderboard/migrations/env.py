"""Alembic's entry point: runs the migration steps in the transaction that `leaderboard.store.schema` has begun."""

from alembic import context

from leaderboard.store.tables import Base

# Alembic's own default commits SQLite's DDL step by step, from times when sqlite3 could not roll it back.
context.configure(
    connection=context.config.attributes["connection"], target_metadata=Base.metadata, transactional_ddl=True
)
context.run_migrations()
