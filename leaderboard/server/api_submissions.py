"""The API's answers about submissions, with only what the asking account may see."""

from __future__ import annotations

import json

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session

from leaderboard.api_models import JobAnswer, ResultAnswer, SubmissionAnswer, SubmissionsAnswer
from leaderboard.ranking.redaction import public_figures
from leaderboard.store.accounts import Account
from leaderboard.store.answers import is_sealed
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.method_names import refuse_taken_name
from leaderboard.store.tables import AnswerRow, DatasetRow, JobRow, ResultRow, SubmissionRow


def get_submission(engine: Engine, digest: str, account: Account | None) -> SubmissionAnswer | None:
    """A submission as `account` may see it: its owner all of it, others the results of a public one.

    None where there is nothing that the account may see, whether or not the submission exists.
    """
    with read_session(engine) as session:
        row = session.get(SubmissionRow, digest)
        if row is None:
            return None
        is_owner = account is not None and row.account == account.id
        answer = _submission_answer(session, row, with_jobs=is_owner)
        return answer if is_owner or (not row.private and answer.results) else None


def list_own_submissions(engine: Engine, account: Account, *, page: int, size: int) -> SubmissionsAnswer:
    """One page of the account's submissions, the newest first. page: from 1. size: submissions a page."""
    with read_session(engine) as session:
        is_own = SubmissionRow.account == account.id
        total = session.scalar(select(func.count()).select_from(SubmissionRow).where(is_own)) or 0
        query = select(SubmissionRow).where(is_own).order_by(SubmissionRow.created.desc(), SubmissionRow.digest)
        rows = session.scalars(query.offset((page - 1) * size).limit(size)).all()
        answers = [_submission_answer(session, row, with_jobs=True) for row in rows]
        return SubmissionsAnswer(total=total, submissions=answers)


def publish_submission(engine: Engine, digest: str, account: Account, *, address: str) -> bool:
    """Makes a draft public, for good; False where the account has no such submission.

    Raises NameTaken where the method's name looks like that of another account's public method.
    """
    with write_session(engine) as session:
        row = session.get(SubmissionRow, digest)
        if row is None or row.account != account.id:
            return False
        if row.private:
            refuse_taken_name(session, row.method, account.id)
            row.private = False
            record_action(session, account.actor, "submission published", digest, address=address)
        return True


def _submission_answer(session: Session, row: SubmissionRow, *, with_jobs: bool) -> SubmissionAnswer:
    jobs_query = select(JobRow).where(JobRow.submission == row.digest).order_by(JobRow.id)
    jobs = session.scalars(jobs_query) if with_jobs else ()
    results = session.execute(
        select(ResultRow, DatasetRow, AnswerRow)
        .outerjoin(DatasetRow, DatasetRow.digest == ResultRow.dataset_digest)
        .outerjoin(AnswerRow, AnswerRow.result == ResultRow.id)
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
        results=[_result_answer(result, dataset, answer) for result, dataset, answer in results],
    )


def _result_answer(result: ResultRow, dataset: DatasetRow | None, answer: AnswerRow | None) -> ResultAnswer:
    feedback = dataset.feedback if dataset else "full"
    sealed, level = is_sealed(dataset), answer.level if answer else None
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
        sealed=sealed,
        sealed_until=dataset.sealed_until if dataset and sealed else None,
        figures=public_figures(json.loads(result.figures), feedback, sealed=sealed, answer=level),
    )
