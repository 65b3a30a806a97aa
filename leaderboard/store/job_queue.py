"""The queue of scoring jobs, in the database: it survives restarts and serves any number of workers.

A worker *leases* a job: no other worker takes the job until the lease ends. A running worker extends its lease. The
lease of a killed worker runs out, and the job is leased again. The column `leases` counts how often a job was leased,
and every change of a job requires the current number: a worker that returns late with an older number changes nothing.
Workers' clocks need to agree only roughly: a lease that ends too early costs work, but loses no result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select
from sqlalchemy.orm import Session

from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.results import add_results
from leaderboard.store.tables import DONE, FAILED, LEASED, QUEUED, JobRow, ResultRow, utc_now

_ERROR_LENGTH = 2000


@dataclass(frozen=True)
class Lease:
    """A job that one worker holds for a limited time. number: how often it was leased, this time included."""

    job: int
    number: int
    worker: str
    submission: str
    phase: str
    reason: str


def lease_next_job(engine: Engine, worker: str, seconds: float, *, max_leases: int) -> Lease | None:
    """Leases the job that has waited longest, for `seconds`; None when no job waits.

    max_leases: a job that was leased so often without an end has failed, because it may be what kills its workers.
    """
    with read_session(engine) as session:  # looking first does not make SQLite's writers wait
        if session.scalar(select(JobRow.id).where(_can_be_leased(utc_now())).limit(1)) is None:
            return None
    with write_session(engine) as session:
        moment = utc_now()
        query = select(JobRow).where(_can_be_leased(moment)).order_by(JobRow.available, JobRow.id).limit(1)
        job = session.scalar(query.with_for_update(skip_locked=True))  # SQLAlchemy leaves this out for SQLite
        if job is None:
            return None
        if job.leases >= max_leases:
            _close_job(session, job, FAILED, f"its workers vanished {job.leases} times")
            return None
        job.state, job.worker, job.leases = LEASED, worker, job.leases + 1
        job.lease_until = moment + timedelta(seconds=seconds)
        return Lease(job.id, job.leases, worker, job.submission, job.phase, job.reason)


def extend_lease(engine: Engine, lease: Lease, seconds: float) -> bool:
    """Lets a lease end `seconds` from now; False when the worker no longer holds the job."""
    with write_session(engine) as session:
        job = _leased_job(session, lease)
        if job is None:
            return False
        job.lease_until = utc_now() + timedelta(seconds=seconds)
        return True


def finish_job(engine: Engine, lease: Lease, results: list[ResultRow]) -> bool:
    """Stores a job's results and closes the job in one transaction; False when the worker no longer holds the job."""
    with write_session(engine) as session:
        job = _leased_job(session, lease)
        if job is None:
            return False
        new_results = add_results(session, results)
        _close_job(session, job, DONE, "", results=len(new_results))
        return True


def fail_job(engine: Engine, lease: Lease, error: str, *, retry_after: float | None) -> bool:
    """Records that the scoring failed; False when the worker no longer holds the job.

    retry_after: seconds until the job may be leased again. None: the job has failed for good.
    """
    with write_session(engine) as session:
        job = _leased_job(session, lease)
        if job is None:
            return False
        job.attempts += 1
        if retry_after is None:
            _close_job(session, job, FAILED, error)
        else:
            _requeue_job(job, utc_now() + timedelta(seconds=retry_after))
            job.error = error[:_ERROR_LENGTH]
        return True


def release_job(engine: Engine, lease: Lease) -> bool:
    """Puts a job back into the queue as if it had never been leased, for a worker that is being stopped."""
    with write_session(engine) as session:
        job = _leased_job(session, lease)
        if job is None:
            return False
        job.leases -= 1
        _requeue_job(job, job.available)
        return True


def count_failed_attempts(engine: Engine, lease: Lease) -> int:
    """How often the scoring of this job has failed."""
    with read_session(engine) as session:
        job = session.get(JobRow, lease.job)
        return job.attempts if job else 0


def count_jobs(engine: Engine) -> dict[str, int]:
    """The number of jobs in each state."""
    with read_session(engine) as session:
        rows = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
        counts = {row[0]: row[1] for row in rows}
    return {state: counts.get(state, 0) for state in (QUEUED, LEASED, DONE, FAILED)}


def oldest_unfinished_seconds(engine: Engine) -> float:
    """The age of the oldest unfinished job in seconds; 0 when there is none."""
    with read_session(engine) as session:
        oldest = session.scalar(select(func.min(JobRow.created)).where(JobRow.state.in_((QUEUED, LEASED))))
    return 0.0 if oldest is None else max(0.0, (utc_now() - oldest).total_seconds())


def _can_be_leased(moment: datetime) -> ColumnElement[bool]:
    is_waiting = and_(JobRow.state == QUEUED, JobRow.available <= moment)
    is_abandoned = and_(JobRow.state == LEASED, JobRow.lease_until < moment)
    return or_(is_waiting, is_abandoned)


def _leased_job(session: Session, lease: Lease) -> JobRow | None:
    """The row of a lease's job, locked; None when the worker no longer holds the job."""
    job = session.scalar(select(JobRow).where(JobRow.id == lease.job).with_for_update())
    if job is None or job.state != LEASED or (job.leases, job.worker) != (lease.number, lease.worker):
        return None
    return job


def _requeue_job(job: JobRow, available: datetime) -> None:
    job.state, job.worker, job.lease_until, job.available = QUEUED, None, None, available


def _close_job(session: Session, job: JobRow, state: str, error: str, **details: object) -> None:
    job.state, job.finished, job.error, job.lease_until = state, utc_now(), error[:_ERROR_LENGTH], None
    audit_details = {"phase": job.phase, "reason": job.reason, **details} | ({"error": error[:200]} if error else {})
    record_action(session, f"worker:{job.worker}", f"job {state}", job.submission, details=audit_details)
