"""What became of submissions, for those who may know."""

from __future__ import annotations

import json

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from leaderboard.api_models import JobAnswer, ResultAnswer, SubmissionAnswer, SubmissionsAnswer
from leaderboard.ranking.redaction import coarse_figures
from leaderboard.store.accounts import Account
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.tables import DatasetRow, JobRow, ResultRow, SubmissionRow


def one(engine: Engine, digest: str, account: Account | None) -> SubmissionAnswer | None:
    """A submission as `account` may see it (its owner: all; others: the results of a public one); None where there is
    nothing that they may see, whether or not it exists."""
    with read_session(engine) as session:
        row = session.get(SubmissionRow, digest)
        if row is None:
            return None
        own = account is not None and row.account == account.id
        answer = _answer(session, row, own)
        return answer if own or (not row.private and answer.results) else None


def mine(engine: Engine, account: Account, *, page: int, size: int) -> SubmissionsAnswer:
    """The account's submissions, the newest first."""
    with read_session(engine) as session:
        own = SubmissionRow.account == account.id
        total = session.scalar(select(func.count()).select_from(SubmissionRow).where(own)) or 0
        query = select(SubmissionRow).where(own).order_by(SubmissionRow.created.desc(), SubmissionRow.digest)
        rows = session.scalars(query.offset((page - 1) * size).limit(size)).all()
        return SubmissionsAnswer(total=total, submissions=[_answer(session, row, True) for row in rows])


def publish(engine: Engine, digest: str, account: Account, *, address: str) -> bool:
    """Makes a draft public, for good; False where the account has no such submission."""
    with write_session(engine) as session:
        row = session.get(SubmissionRow, digest)
        if row is None or row.account != account.id:
            return False
        if row.private:
            row.private = False
            record_action(session, account.actor, "submission published", digest, address=address)
        return True


def _answer(session: Session, row: SubmissionRow, own: bool) -> SubmissionAnswer:
    jobs = session.scalars(select(JobRow).where(JobRow.submission == row.digest).order_by(JobRow.id)) if own else ()
    results = session.execute(
        select(ResultRow, DatasetRow)
        .outerjoin(DatasetRow, DatasetRow.digest == ResultRow.dataset_digest)
        .where(ResultRow.submission == row.digest)
        .order_by(ResultRow.id)
    )
    return SubmissionAnswer(
        digest=row.digest,
        method=row.method,
        private=row.private,
        created=row.created,
        jobs=[
            JobAnswer(
                phase=job.phase,
                reason=job.reason,
                state=job.state,
                created=job.created,
                finished=job.finished,
                error=job.error,
            )
            for job in jobs
        ],
        results=[_result(result, dataset) for result, dataset in results],
    )


def _result(result: ResultRow, dataset: DatasetRow | None) -> ResultAnswer:
    feedback = dataset.feedback if dataset else "full"
    figures = json.loads(result.figures)
    return ResultAnswer(
        entry=result.entry,
        protocol=result.protocol,
        protocol_digest=result.protocol_digest,
        dataset=dataset.name if dataset else "",
        dataset_digest=result.dataset_digest,
        scorer=result.scorer,
        reason=result.reason,
        phase=result.phase or "",
        created=result.created,
        feedback=feedback,
        figures=figures if feedback == "full" else coarse_figures(figures),
    )
