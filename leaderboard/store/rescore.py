"""Scoring again: new jobs with a reason; the results that are there stay as they are."""

from __future__ import annotations

from sqlalchemy import Engine, select

from leaderboard.store.audit_log import note
from leaderboard.store.database import writing
from leaderboard.store.tables import DONE, FIRST, QUEUED, JobRow, now
from nvfair_tools.errors import NvfairError


def rescore(engine: Engine, reason: str, *, submission: str = "", phase: str = "") -> int:
    """Queues every scored submission again (those of one phase, or one alone); returns how many.

    Asking twice with the same reason queues nothing twice. Raises NvfairError without a proper reason, or where
    nothing fits.
    """
    reason = reason.strip()
    if not 3 <= len(reason) <= 200 or reason == FIRST:
        raise NvfairError(f"{reason!r} is no reason", expected="3 to 200 characters that readers of the board will see")
    with writing(engine) as session:
        wanted = select(JobRow).where(JobRow.reason == FIRST, JobRow.state == DONE)
        wanted = wanted.where(JobRow.submission == submission) if submission else wanted
        wanted = wanted.where(JobRow.phase == phase) if phase else wanted
        first = session.scalars(wanted).all()
        if not first:
            raise NvfairError("there is no scored submission that fits", remedy="look at the board for its name")
        told = session.execute(select(JobRow.submission, JobRow.phase).where(JobRow.reason == reason))
        again = {(row[0], row[1]) for row in told}
        fresh = [job for job in first if (job.submission, job.phase) not in again]
        for job in fresh:
            session.add(
                JobRow(
                    submission=job.submission,
                    account=job.account,
                    phase=job.phase,
                    reason=reason,
                    state=QUEUED,
                    created=now(),
                    available=now(),
                    leases=0,
                    attempts=0,
                )
            )
        note(session, "admin", "rescore", submission or phase or "all", details={"reason": reason, "jobs": len(fresh)})
        return len(fresh)
