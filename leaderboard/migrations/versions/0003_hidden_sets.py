"""Quotas count entries; hidden sets are sealed until their phases close, and answer improvements alone."""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Adds the entries of jobs, the seal of data sets, and the table of answers."""
    op.add_column("jobs", sa.Column("entries", sa.Integer(), nullable=False, server_default="1"))
    op.add_column("datasets", sa.Column("sealed_until", sa.DateTime(timezone=True)))
    op.add_column("datasets", sa.Column("step", sa.Double(), nullable=False, server_default="0.05"))
    op.add_column("datasets", sa.Column("compared", sa.Integer(), nullable=False, server_default="1000"))
    op.create_table(
        "answers",
        sa.Column("result", sa.Integer(), sa.ForeignKey("results.id"), primary_key=True),
        sa.Column("value", sa.Double(), nullable=False),
        sa.Column("level", sa.Double(), nullable=False),
    )
    _count_entries()
    _freeze_answers()


def _count_entries() -> None:
    """Fills in how many entries the submission of each job has."""
    connection = op.get_bind()
    jobs = sa.table("jobs", sa.column("submission", sa.String), sa.column("entries", sa.Integer))
    declarations = connection.execute(sa.text("SELECT digest, declaration FROM submissions")).all()
    for digest, declaration in declarations:
        entries = len(json.loads(declaration).get("entries", ())) or 1
        connection.execute(sa.update(jobs).where(jobs.c.submission == digest).values(entries=entries))


def _freeze_answers() -> None:
    """An answer is published once and never changed, like a result."""
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER answers_no_{verb.lower()} BEFORE {verb} ON answers "
                "BEGIN SELECT RAISE(ABORT, 'rows of answers are never changed'); END"
            )
        return
    op.execute(
        "CREATE TRIGGER answers_never_changed BEFORE UPDATE OR DELETE ON answers "
        "FOR EACH ROW EXECUTE FUNCTION never_changed()"
    )
