"""Accounts, tokens, quotas, the queue and the audit log; results and audit rows can no longer be changed."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

MOMENT = sa.DateTime(timezone=True)
FROZEN = ("results", "audit")


def upgrade() -> None:
    """Makes the tables of the service."""
    op.create_table(
        "accounts",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False, unique=True),
        sa.Column("created", MOMENT, nullable=False),
    )
    op.create_table(
        "tokens",
        sa.Column("id", sa.String(16), primary_key=True),
        sa.Column("account", sa.Integer(), sa.ForeignKey("accounts.id"), nullable=False),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("hash", sa.String(64), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("expires", MOMENT),
        sa.Column("revoked", MOMENT),
    )
    op.create_table(
        "quotas",
        sa.Column("account", sa.Integer(), sa.ForeignKey("accounts.id"), primary_key=True),
        sa.Column("phase", sa.String(80), primary_key=True),
        sa.Column("total", sa.Integer(), nullable=False),
        sa.Column("per_day", sa.Integer(), nullable=False),
    )
    op.create_table(
        "datasets",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("name", sa.String(80), nullable=False),
        sa.Column("feedback", sa.String(10), nullable=False),
    )
    # In plain SQL: Alembic would copy SQLite's table and drop the old one, to which results refer.
    op.execute("ALTER TABLE submissions ADD COLUMN account INTEGER REFERENCES accounts (id)")
    op.add_column("submissions", sa.Column("created", MOMENT))
    op.add_column("submissions", sa.Column("private", sa.Boolean(), nullable=False, server_default=sa.false()))
    op.add_column("results", sa.Column("created", MOMENT))
    op.add_column("results", sa.Column("phase", sa.String(80)))
    op.create_table(
        "jobs",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("submission", sa.String(64), sa.ForeignKey("submissions.digest"), nullable=False),
        sa.Column("account", sa.Integer(), sa.ForeignKey("accounts.id"), index=True),
        sa.Column("phase", sa.String(80), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("created", MOMENT, nullable=False),
        sa.Column("available", MOMENT, nullable=False),
        sa.Column("leases", sa.Integer(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("worker", sa.String(120)),
        sa.Column("lease_until", MOMENT),
        sa.Column("finished", MOMENT),
        sa.Column("error", sa.Text(), nullable=False, server_default=""),
        sa.UniqueConstraint("submission", "phase", "reason"),
    )
    op.create_index("jobs_waiting", "jobs", ["state", "available"])
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("actor", sa.String(120), nullable=False),
        sa.Column("action", sa.String(40), nullable=False),
        sa.Column("subject", sa.String(200), nullable=False),
        sa.Column("address", sa.String(64), nullable=False, server_default=""),
        sa.Column("details", sa.Text(), nullable=False, server_default="{}"),
    )
    _freeze()


def _freeze() -> None:
    """Rows of these tables are added and never changed, whoever holds the database's password by mistake."""
    if op.get_bind().dialect.name == "sqlite":
        for table in FROZEN:
            for verb in ("UPDATE", "DELETE"):
                op.execute(
                    f"CREATE TRIGGER {table}_no_{verb.lower()} BEFORE {verb} ON {table} "
                    f"BEGIN SELECT RAISE(ABORT, 'rows of {table} are never changed'); END"
                )
        return
    op.execute(
        "CREATE FUNCTION never_changed() RETURNS trigger LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE EXCEPTION 'rows of % are never changed', TG_TABLE_NAME; END $$"
    )
    for table in FROZEN:
        op.execute(
            f"CREATE TRIGGER {table}_never_changed BEFORE UPDATE OR DELETE ON {table} "
            "FOR EACH ROW EXECUTE FUNCTION never_changed()"
        )
