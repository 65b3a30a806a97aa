"""Scoring again: new jobs with a reason. The existing results stay unchanged."""

from __future__ import annotations

from sqlalchemy import Engine, select

from leaderboard.store.audit_log import record_action
from leaderboard.store.database import write_session
from leaderboard.store.tables import DONE, FIRST_SCORING, QUEUED, JobRow, utc_now
from nvfair_tools.errors import NvfairError


def queue_rescoring(
    engine: Engine, reason: str, *, submission: str = "", phase: str = "", dry_run: bool = False
) -> int:
    """Queues every scored submission again; returns the number of new jobs.

    submission, phase: only this submission, only those of this phase. A second call with the same reason queues no
    job twice. dry_run: only counts. Raises NvfairError where the reason has fewer than 3 or more than 200 characters,
    or where there is no such submission.
    """
    reason = reason.strip()
    if not 3 <= len(reason) <= 200 or reason == FIRST_SCORING:
        raise NvfairError(
            f"{reason!r} cannot be a reason", expected="3 to 200 characters that readers of the board will see"
        )
    with write_session(engine) as session:
        scored_jobs_query = select(JobRow).where(JobRow.reason == FIRST_SCORING, JobRow.state == DONE)
        if submission:
            scored_jobs_query = scored_jobs_query.where(JobRow.submission == submission)
        if phase:
            scored_jobs_query = scored_jobs_query.where(JobRow.phase == phase)
        scored_jobs = session.scalars(scored_jobs_query).all()
        if not scored_jobs:
            raise NvfairError("there is no scored submission that matches", remedy="look for its digest on the board")
        query = select(JobRow.submission, JobRow.phase).where(JobRow.reason == reason)
        queued_before = {(row[0], row[1]) for row in session.execute(query)}
        jobs_to_repeat = [job for job in scored_jobs if (job.submission, job.phase) not in queued_before]
        if dry_run:
            return len(jobs_to_repeat)
        for job in jobs_to_repeat:
            session.add(
                JobRow(
                    submission=job.submission,
                    account=job.account,
                    phase=job.phase,
                    entries=job.entries,
                    reason=reason,
                    state=QUEUED,
                    created=utc_now(),
                    available=utc_now(),
                    leases=0,
                    attempts=0,
                )
            )
        details: dict[str, object] = {"reason": reason, "jobs": len(jobs_to_repeat)}
        record_action(session, "admin", "rescore", submission or phase or "all", details=details)
        return len(jobs_to_repeat)
