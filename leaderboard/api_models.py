"""The models of the API's answers, from which its description in OpenAPI is made."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from leaderboard.store.quota import Quota


class Problem(BaseModel):
    """The answer to a request that is refused. problems: of a submission, every one that the check finds."""

    error: str
    problems: list[str] = []
    remedy: str = ""


class QuotaAnswer(BaseModel):
    """The entries that one person may submit in a phase, and those that are used."""

    total: int
    per_day: int
    used: int
    used_today: int
    left: int

    @classmethod
    def from_quota(cls, quota: Quota) -> QuotaAnswer:
        """Makes the answer that describes a stored quota."""
        return cls(
            total=quota.total,
            per_day=quota.per_day,
            used=quota.used,
            used_today=quota.used_today,
            left=quota.left,
        )


class PhaseAnswer(BaseModel):
    """A round of submissions, with its data set, its time and what one person may submit."""

    name: str
    dataset: str
    feedback: str
    opens: datetime | None
    closes: datetime | None
    open: bool
    total: int
    per_day: int


class AccountAnswer(BaseModel):
    """The account that the token belongs to, with its quota in each phase."""

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
    left_out: list[str] = []  # entries of the zip file that file managers add: no part of the submission


class JobAnswer(BaseModel):
    """The state of the job that scores a submission in one phase."""

    phase: str
    reason: str
    state: str
    created: datetime
    finished: datetime | None
    error: str


class ResultAnswer(BaseModel):
    """The figures of one entry. Where `feedback` is coarse they are rounded, and no single person's are given.

    sealed: whether they are on a hidden set whose phases have not closed; then there is at most one figure, the AUC
    rounded down, and only where it was a step above all that were answered before. sealed_until: when the set opens;
    None where no time is set.
    """

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
    sealed: bool = False
    sealed_until: datetime | None = None
    figures: dict[str, Any]


class SubmissionAnswer(BaseModel):
    """A submission with its jobs and results."""

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
    """One row of the table: an entry of a submission on one test generator."""

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
    """One page of the table's rows. total: rows on all pages."""

    total: int
    page: int
    size: int
    rows: list[RowAnswer]


class HealthAnswer(BaseModel):
    """Whether the server can do its work, and each problem where it cannot."""

    status: str
    problems: list[str] = []
