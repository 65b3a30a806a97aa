"""What the API answers: the models of its description in OpenAPI."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from leaderboard.store.quota import Quota


class Problem(BaseModel):
    """Why a request was refused."""

    error: str
    problems: list[str] = []
    remedy: str = ""


class QuotaAnswer(BaseModel):
    """What one person may submit in a phase, and what is used."""

    total: int
    per_day: int
    used: int
    used_today: int
    left: int

    @classmethod
    def from_quota(cls, quota: Quota) -> QuotaAnswer:
        """The answer for a quota."""
        return cls(
            total=quota.total,
            per_day=quota.per_day,
            used=quota.used,
            used_today=quota.used_today,
            left=quota.left,
        )


class PhaseAnswer(BaseModel):
    """A round of submissions."""

    name: str
    dataset: str
    feedback: str
    opens: datetime | None
    closes: datetime | None
    open: bool
    total: int
    per_day: int


class AccountAnswer(BaseModel):
    """Who the token belongs to."""

    name: str
    quotas: dict[str, QuotaAnswer]


class AcceptedAnswer(BaseModel):
    """A submission that was checked and queued."""

    digest: str
    method: str
    phase: str
    state: str
    new: bool
    private: bool
    quota: QuotaAnswer


class JobAnswer(BaseModel):
    """Where the scoring of a submission stands."""

    phase: str
    reason: str
    state: str
    created: datetime
    finished: datetime | None
    error: str


class ResultAnswer(BaseModel):
    """One entry's figures. Where `feedback` is coarse they are rounded, and nothing is told about single people."""

    entry: int
    protocol: str
    protocol_digest: str
    dataset: str
    dataset_digest: str
    scorer: str
    reason: str
    phase: str
    created: datetime | None
    feedback: str
    figures: dict[str, Any]


class SubmissionAnswer(BaseModel):
    """A submission with all that became of it."""

    digest: str
    method: str
    private: bool
    created: datetime | None
    jobs: list[JobAnswer]
    results: list[ResultAnswer]


class SubmissionsAnswer(BaseModel):
    """One page of an account's submissions, the newest first."""

    total: int
    submissions: list[SubmissionAnswer]


class RowAnswer(BaseModel):
    """One line of the table: a method on one test generator."""

    submission: str
    method: str
    method_digest: str
    authors: str
    protocol: str
    protocol_digest: str
    dataset: str
    dataset_digest: str
    scorer: str
    generator: str
    trained_on: str
    auc_mean: float | None
    auc_mean_low: float | None
    auc_mean_high: float | None
    auc_pooled: float | None
    trials: int
    overlap: str
    created: datetime | None


class TableAnswer(BaseModel):
    """One page of the table."""

    total: int
    page: int
    size: int
    rows: list[RowAnswer]


class HealthAnswer(BaseModel):
    """Whether the server is well, and what is not."""

    status: str
    problems: list[str] = []
