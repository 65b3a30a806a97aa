"""The queue of jobs, in the database: durable, and shared by any number of workers.

A worker *leases* a job: nobody else takes it until the lease ends. A worker that lives extends its lease; one that was
killed does not, and the job is taken again. `leases` counts how often that was, and fences: who comes back late with an
older number may change nothing. Workers' clocks need to agree only roughly: a lease that is ended too early costs work,
never a result.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Engine, and_, func, or_, select
from sqlalchemy.orm import Session

from leaderboard.store.audit_log import note
from leaderboard.store.database import reading, writing
from leaderboard.store.results import add_results
from leaderboard.store.tables import DONE, FAILED, LEASED, QUEUED, JobRow, ResultRow, now

_ERROR_LENGTH = 2000


@dataclass(frozen=True)
class Lease:
    """A job that is ours for now."""

    job: int
    number: int  # of the lease
    worker: str
    submission: str
    phase: str
    reason: str


def take(engine: Engine, worker: str, seconds: float, *, most: int) -> Lease | None:
    """Leases the job that has waited longest; None when nothing waits.

    most: a job whose workers vanished so often is given up, because it may be what kills them.
    """
    with reading(engine) as session:  # looking does not make SQLite's writers wait
        if session.scalar(select(JobRow.id).where(_ready(now())).limit(1)) is None:
            return None
    with writing(engine) as session:
        moment = now()
        query = select(JobRow).where(_ready(moment)).order_by(JobRow.available, JobRow.id).limit(1)
        row = session.scalar(query.with_for_update(skip_locked=True))  # a word that SQLite is never sent
        if row is None:
            return None
        if row.leases >= most:
            _close(session, row, FAILED, f"its workers vanished {row.leases} times")
            return None
        row.state, row.worker, row.leases = LEASED, worker, row.leases + 1
        row.lease_until = moment + timedelta(seconds=seconds)
        return Lease(row.id, row.leases, worker, row.submission, row.phase, row.reason)


def extend(engine: Engine, lease: Lease, seconds: float) -> bool:
    """Keeps a lease for longer; False when it is no longer ours."""
    with writing(engine) as session:
        row = _ours(session, lease)
        if row is None:
            return False
        row.lease_until = now() + timedelta(seconds=seconds)
        return True


def finish(engine: Engine, lease: Lease, results: list[ResultRow]) -> bool:
    """Stores a job's results and closes it, both or neither; False when the lease is no longer ours."""
    with writing(engine) as session:
        row = _ours(session, lease)
        if row is None:
            return False
        fresh = add_results(session, results)
        _close(session, row, DONE, "", results=len(fresh))
        return True


def fail(engine: Engine, lease: Lease, error: str, *, again_after: float | None) -> bool:
    """Records a failure; the job waits for `again_after` seconds to be tried again, or is given up (None)."""
    with writing(engine) as session:
        row = _ours(session, lease)
        if row is None:
            return False
        row.attempts += 1
        if again_after is None:
            _close(session, row, FAILED, error)
        else:
            _back(row, now() + timedelta(seconds=again_after))
            row.error = error[:_ERROR_LENGTH]
        return True


def give_back(engine: Engine, lease: Lease) -> bool:
    """Puts a job back as it was: the worker is being stopped."""
    with writing(engine) as session:
        row = _ours(session, lease)
        if row is None:
            return False
        row.leases -= 1
        _back(row, row.available)
        return True


def attempts(engine: Engine, lease: Lease) -> int:
    """How often the scoring of this job has failed."""
    with reading(engine) as session:
        row = session.get(JobRow, lease.job)
        return row.attempts if row else 0


def depth(engine: Engine) -> dict[str, int]:
    """Jobs in each state."""
    with reading(engine) as session:
        rows = session.execute(select(JobRow.state, func.count()).group_by(JobRow.state))
        counts = {row[0]: row[1] for row in rows}
    return {state: counts.get(state, 0) for state in (QUEUED, LEASED, DONE, FAILED)}


def oldest_wait(engine: Engine) -> float:
    """Seconds for which the oldest unfinished job has been waiting; 0 when there is none."""
    with reading(engine) as session:
        oldest = session.scalar(select(func.min(JobRow.created)).where(JobRow.state.in_((QUEUED, LEASED))))
    return 0.0 if oldest is None else max(0.0, (now() - oldest).total_seconds())


def _ready(moment: datetime) -> ColumnElement[bool]:
    waiting = and_(JobRow.state == QUEUED, JobRow.available <= moment)
    left = and_(JobRow.state == LEASED, JobRow.lease_until < moment)
    return or_(waiting, left)


def _ours(session: Session, lease: Lease) -> JobRow | None:
    row = session.scalar(select(JobRow).where(JobRow.id == lease.job).with_for_update())
    if row is None or row.state != LEASED or (row.leases, row.worker) != (lease.number, lease.worker):
        return None
    return row


def _back(row: JobRow, available: datetime) -> None:
    row.state, row.worker, row.lease_until, row.available = QUEUED, None, None, available


def _close(session: Session, row: JobRow, state: str, error: str, **details: object) -> None:
    row.state, row.finished, row.error, row.lease_until = state, now(), error[:_ERROR_LENGTH], None
    told = {"phase": row.phase, "reason": row.reason, **details} | ({"error": error[:200]} if error else {})
    note(session, f"worker:{row.worker}", f"job {state}", row.submission, details=told)
