"""Submissions and their results, as the first release made them."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Creates the tables of submissions and results."""
    op.create_table(
        "submissions",
        sa.Column("digest", sa.String(64), primary_key=True),
        sa.Column("method", sa.String(80), nullable=False),
        sa.Column("declaration", sa.Text(), nullable=False),
    )
    op.create_table(
        "results",
        sa.Column("id", sa.Integer(), primary_key=True),
        sa.Column("submission", sa.String(64), sa.ForeignKey("submissions.digest"), nullable=False),
        sa.Column("entry", sa.Integer(), nullable=False),
        sa.Column("protocol", sa.String(80), nullable=False),
        sa.Column("protocol_digest", sa.String(64), nullable=False),
        sa.Column("dataset_digest", sa.String(64), nullable=False),
        sa.Column("scorer", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(200), nullable=False),
        sa.Column("figures", sa.Text(), nullable=False),
        sa.UniqueConstraint("submission", "entry", "protocol_digest", "dataset_digest", "scorer", "reason"),
    )
