"""The board's tables as SQLAlchemy classes. `leaderboard/migrations` creates them; a test compares both."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Double, ForeignKey, Index, String, Text, UniqueConstraint
from sqlalchemy.engine import Dialect
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from leaderboard.settings import DEFAULT_COMPARED, DEFAULT_STEP

FIRST_SCORING = "first scoring"  # the reason of results other than those of scoring again
QUEUED, LEASED, DONE, FAILED = "queued", "leased", "done", "failed"  # states of a job


def utc_now() -> datetime:
    """The present time in UTC, with its time zone."""
    return datetime.now(UTC)


class UtcDateTime(TypeDecorator[datetime]):
    """A column type for times in UTC. SQLite stores no time zone: it is removed on writing and added on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> Any:
        if value is None or dialect.name != "sqlite":
            return value
        return value.astimezone(UTC).replace(tzinfo=None)

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class Base(DeclarativeBase):
    """Base class of the board's tables."""

    type_annotation_map = {datetime: UtcDateTime}  # noqa: RUF012 - SQLAlchemy's own way of saying it


class AccountRow(Base):
    """An account. Quotas belong to the account, whatever the number of its tokens."""

    __tablename__ = "accounts"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(80), unique=True)
    created: Mapped[datetime]


class TokenRow(Base):
    """A token of an account. Only the hash of its secret is stored."""

    __tablename__ = "tokens"

    id: Mapped[str] = mapped_column(String(16), primary_key=True)  # the public part of the token
    account: Mapped[int] = mapped_column(ForeignKey("accounts.id"))
    name: Mapped[str] = mapped_column(String(80))
    hash: Mapped[str] = mapped_column(String(64))
    created: Mapped[datetime]
    expires: Mapped[datetime | None]
    revoked: Mapped[datetime | None]


class QuotaRow(Base):
    """The quota of one account in one phase, where it differs from the phase's own setting."""

    __tablename__ = "quotas"

    account: Mapped[int] = mapped_column(ForeignKey("accounts.id"), primary_key=True)
    phase: Mapped[str] = mapped_column(String(80), primary_key=True)
    total: Mapped[int]
    per_day: Mapped[int]


class SubmissionRow(Base):
    """One submission as it was declared. Its content never changes; a private one may become public."""

    __tablename__ = "submissions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(80))
    declaration: Mapped[str] = mapped_column(Text)  # JSON of submission.yaml
    account: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"))  # none: added by the maintainer
    created: Mapped[datetime | None]
    private: Mapped[bool] = mapped_column(default=False, server_default="0")


class DatasetRow(Base):
    """A data set that was scored on, and how detailed its published results are."""

    __tablename__ = "datasets"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    name: Mapped[str] = mapped_column(String(80))
    feedback: Mapped[str] = mapped_column(String(10))  # full or coarse
    # Of a hidden set (coarse): until when nothing but the answers of `AnswerRow` is published; none: until one is set.
    sealed_until: Mapped[datetime | None]
    step: Mapped[float] = mapped_column(Double, default=DEFAULT_STEP, server_default=str(DEFAULT_STEP))
    compared: Mapped[int] = mapped_column(default=DEFAULT_COMPARED, server_default=str(DEFAULT_COMPARED))


class JobRow(Base):
    """A job: one submission to be scored in one phase for one reason. A stored row is a promise to score it."""

    __tablename__ = "jobs"
    __table_args__ = (UniqueConstraint("submission", "phase", "reason"), Index("jobs_waiting", "state", "available"))

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.digest"))
    account: Mapped[int | None] = mapped_column(ForeignKey("accounts.id"), index=True)
    phase: Mapped[str] = mapped_column(String(80))
    entries: Mapped[int] = mapped_column(default=1, server_default="1")  # of the submission: what the quota counts
    reason: Mapped[str] = mapped_column(String(200))
    state: Mapped[str] = mapped_column(String(10))
    created: Mapped[datetime]
    available: Mapped[datetime]  # it is not leased before
    leases: Mapped[int] = mapped_column(
        default=0
    )  # how often it was leased; a worker with an older number may change nothing
    attempts: Mapped[int] = mapped_column(default=0)  # how often the scoring itself failed
    worker: Mapped[str | None] = mapped_column(String(120))
    lease_until: Mapped[datetime | None]
    finished: Mapped[datetime | None]
    error: Mapped[str] = mapped_column(Text, default="", server_default="")


class ResultRow(Base):
    """One score of one entry. It never changes: scoring again adds a row with its reason."""

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("submission", "entry", "protocol_digest", "dataset_digest", "scorer", "reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.digest"))
    entry: Mapped[int]
    protocol: Mapped[str] = mapped_column(String(80))
    protocol_digest: Mapped[str] = mapped_column(String(64))
    dataset_digest: Mapped[str] = mapped_column(String(64))
    scorer: Mapped[str] = mapped_column(String(40))  # version of the scoring code
    reason: Mapped[str] = mapped_column(String(200), default=FIRST_SCORING)
    figures: Mapped[str] = mapped_column(Text)  # JSON
    created: Mapped[datetime | None] = mapped_column(default=utc_now)
    phase: Mapped[str | None] = mapped_column(String(80))


class AnswerRow(Base):
    """The answer to a result on a sealed hidden set that improved on the best of the whole board. It never changes."""

    __tablename__ = "answers"

    result: Mapped[int] = mapped_column(ForeignKey("results.id"), primary_key=True)
    value: Mapped[float] = mapped_column(
        Double
    )  # the exact mean AUC, which stays on the board: later results are compared with it
    level: Mapped[float] = mapped_column(Double)  # what is published: the value rounded down


class AuditRow(Base):
    """One line of the audit log: who did what, and when. Rows are added and never changed."""

    __tablename__ = "audit"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime]
    actor: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64), default="", server_default="")
    details: Mapped[str] = mapped_column(Text, default="{}", server_default="{}")  # JSON
