"""The board's tables. In a database they are made by `leaderboard/migrations`; a test compares both."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

from sqlalchemy import DateTime, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

FIRST = "first scoring"  # the reason of a result that nobody asked to have made again
QUEUED, LEASED, DONE, FAILED = "queued", "leased", "done", "failed"  # states of a job


def now() -> datetime:
    """This moment, with its zone."""
    return datetime.now(timezone.utc)


class Moment(TypeDecorator[datetime]):
    """A time in UTC. SQLite keeps no zones, so that one is taken off on the way in and put back on the way out."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        """The value as the database takes it."""
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(timezone.utc).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        """The value with its zone."""
        if value is None:
            return None
        return value.replace(tzinfo=timezone.utc) if value.tzinfo is None else value.astimezone(timezone.utc)


class Base(DeclarativeBase):
    """The board's tables."""

    type_annotation_map = {datetime: Moment}  # noqa: RUF012 - SQLAlchemy's own way of saying it


class AccountRow(Base):
    """A person. Quotas are the person's, however many tokens they hold."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    created: Mapped[datetime]


class TokenRow(Base):
    """A key to an account. The secret itself is never kept: only its hash."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)  # the public part of the token
    account: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(80))
    hash: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    expires: Mapped[datetime | None]
    revoked: Mapped[datetime | None]


class QuotaRow(Base):
    """What one person may submit in one phase, where that differs from the phase's own setting."""

    __tablename__ = "quotas"

    account: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    phase: Mapped[str] = mapped_column(String(80), primary_key=True)
    total: Mapped[int]
    per_day: Mapped[int]


class SubmissionRow(Base):
    """One submission as it was declared. Its content never changes; a private one may be published."""

    __tablename__ = "submissions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(80))
    declaration: Mapped[str] = mapped_column(Text)  # JSON of submission.yaml
    account: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))  # none: added by the maintainer
    created: Mapped[datetime | None]
    private: Mapped[bool] = mapped_column(default=False, server_default="0")


class DatasetRow(Base):
    """A data set that was scored on, and how much of its results may be told."""

    __tablename__ = "datasets"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    feedback: Mapped[str] = mapped_column(String(10))  # full or coarse


class JobRow(Base):
    """Work to do: one submission to be scored in one phase for one reason. The row is the promise that it will be."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("submission", "phase", "reason"), Index("jobs_waiting", "state", "available"))

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.digest"))
    account: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    phase: Mapped[str] = mapped_column(String(80))
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10))
    created: Mapped[datetime]
    available: Mapped[datetime]  # not to be taken before
    leases: Mapped[int] = mapped_column(default=0)  # how often it was taken; also the fence against late workers
    attempts: Mapped[int] = mapped_column(default=0)  # how often the scoring itself failed
    worker: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="", server_default="")


class ResultRow(Base):
    """One score of one entry; never changed: scoring again makes a new row with its reason."""

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("submission", "entry", "protocol_digest", "dataset_digest", "scorer", "reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.digest"))
    entry: Mapped[int]
    protocol: Mapped[str] = mapped_column(String(80))
    protocol_digest: Mapped[str] = mapped_column(String(64))
    dataset_digest: Mapped[str] = mapped_column(String(64))
    scorer: Mapped[str] = mapped_column(String(40))  # version of the scoring code
    reason: Mapped[str] = mapped_column(String(200), default=FIRST)
    figures: Mapped[str] = mapped_column(Text)  # JSON
    created: Mapped[datetime | None] = mapped_column(default=now)
    phase: Mapped[str | None] = mapped_column(String(80))


class AuditRow(Base):
    """Who did what, and when; rows are added and never changed."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    details: Mapped[str] = mapped_column(Text, default="{}", server_default="{}")  # JSON
