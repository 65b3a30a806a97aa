"""Submissions and their results in the database. A result never changes; scoring again adds another one."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Engine, func, select, text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from leaderboard.store import schema
from leaderboard.store.answers import add_answers, is_sealed
from leaderboard.store.database import open_engine, read_session, unusable_database_error, write_session
from leaderboard.store.tables import FIRST_SCORING, AnswerRow, DatasetRow, ResultRow, SubmissionRow, utc_now
from leaderboard.submission.scoring import EntryScore
from leaderboard.submission.submission import Submission

_RESULTS_LOCK = 0x6E766662


@dataclass(frozen=True)
class StoredResult:
    """The result of one entry, with the declaration of its submission.

    The figures are complete. Where `feedback` is "coarse" or `sealed` is true, only what the redaction of
    `leaderboard.ranking` leaves of them may be published. answer: of a sealed result the AUC that is published; None
    where it was not answered.
    """

    submission: Submission
    digest: str
    protocol: str
    protocol_digest: str
    dataset_digest: str
    scorer: str
    entry: int
    figures: dict[str, Any]
    created: datetime | None = None  # None: scored by a release that stored no times
    method_digest: str = ""  # the same for all submissions of one method by one account
    phase: str = ""  # empty: added by the maintainer
    reason: str = FIRST_SCORING
    private: bool = False  # a draft, which only its owner may see
    feedback: str = "full"  # or "coarse"
    dataset: str = ""  # the data set's name on this board
    id: int = 0  # grows in the order in which results were stored
    sealed: bool = False  # on a hidden set whose phases have not all closed (`leaderboard.store.answers`)
    answer: float | None = None


class Store:
    """The board's database, opened. `url`: an SQLAlchemy database URL, such as "sqlite:///board.sqlite".

    An empty database gets its tables. Raises NvfairError where `url` is not such a URL, the database cannot be opened,
    the file is not a database, or its tables are of another revision.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = open_engine(url)
        try:
            schema.prepare_tables(self.engine)
        except SQLAlchemyError as error:
            self.engine.dispose()
            raise unusable_database_error(url, error) from error
        except BaseException:
            self.engine.dispose()
            raise

    def add(self, digest: str, submission: Submission, scores: Iterable[EntryScore]) -> bool:
        """Stores a submission with its scores in one transaction; False when the same results are stored already."""
        with write_session(self.engine) as session:
            add_submission(session, digest, submission)
            return bool(add_results(session, [result_row(score) for score in scores]))

    def results(self, *, after: int = 0) -> Iterator[StoredResult]:
        """Results with their declarations, in the order in which they were stored. after: only larger ids."""
        query = (
            select(ResultRow, SubmissionRow, DatasetRow, AnswerRow)
            .join(SubmissionRow, ResultRow.submission == SubmissionRow.digest)
            .outerjoin(DatasetRow, ResultRow.dataset_digest == DatasetRow.digest)
            .outerjoin(AnswerRow, AnswerRow.result == ResultRow.id)
            .where(ResultRow.id > after)
            .order_by(ResultRow.id)
        )
        moment = utc_now()
        with read_session(self.engine) as session:
            for result, row, dataset, answer in session.execute(query):
                submission = Submission.model_validate_json(row.declaration)
                yield StoredResult(
                    submission=submission,
                    digest=row.digest,
                    protocol=result.protocol,
                    protocol_digest=result.protocol_digest,
                    dataset_digest=result.dataset_digest,
                    scorer=result.scorer,
                    entry=result.entry,
                    figures=json.loads(result.figures),
                    created=result.created,
                    method_digest=method_digest(row.account, submission.method),
                    phase=result.phase or "",
                    reason=result.reason,
                    private=row.private,
                    feedback=dataset.feedback if dataset else "full",
                    dataset=dataset.name if dataset else "",
                    id=result.id,
                    sealed=is_sealed(dataset, moment),
                    answer=answer.level if answer else None,
                )

    def public_results(self) -> list[StoredResult]:
        """All results but those of drafts, in the order in which they were stored."""
        return [result for result in self.results() if not result.private]

    def results_version(self) -> tuple[int, int, str]:
        """A value that changes whenever `results()` would return something else.

        It holds the newest result's id, the number of drafts, and of each data set the feedback and whether it is
        sealed.
        """
        with read_session(self.engine) as session:
            newest_id, draft_count = session.execute(
                select(
                    select(func.coalesce(func.max(ResultRow.id), 0)).scalar_subquery(),
                    select(func.count()).where(SubmissionRow.private).scalar_subquery(),
                )
            ).one()
            datasets = session.scalars(select(DatasetRow).order_by(DatasetRow.digest)).all()
            moment = utc_now()
            published = " ".join(f"{row.digest} {row.feedback} {is_sealed(row, moment)}" for row in datasets)
            return newest_id, draft_count, published

    def close(self) -> None:
        """Closes all connections to the database."""
        self.engine.dispose()


def add_submission(
    session: Session, digest: str, submission: Submission, *, account: int | None = None, private: bool = False
) -> None:
    """Stores a submission's declaration, unless it is stored already. account: None for the maintainer."""
    if session.get(SubmissionRow, digest) is None:
        declaration = submission.model_dump_json()
        session.add(
            SubmissionRow(
                digest=digest,
                method=submission.method,
                declaration=declaration,
                account=account,
                created=utc_now(),
                private=private,
            )
        )
        session.flush()  # results and jobs refer to it


def result_row(score: EntryScore, *, reason: str = FIRST_SCORING, phase: str | None = None) -> ResultRow:
    """The database row of a score. reason: why it was scored. phase: None where the maintainer added it by hand."""
    return ResultRow(
        submission=score.submission,
        entry=score.entry,
        protocol=score.protocol,
        protocol_digest=score.protocol_digest,
        dataset_digest=score.dataset_digest,
        scorer=score.scorer,
        reason=reason,
        figures=json.dumps(score.figures, sort_keys=True, allow_nan=False),
        created=utc_now(),
        phase=phase,
    )


def add_results(session: Session, results: list[ResultRow]) -> list[ResultRow]:
    """Adds the results that are not stored yet, with the answers to them, and returns them.

    The table's constraint forbids adding one twice.
    """
    if session.get_bind().dialect.name == "postgresql":
        # One transaction at a time: ids then become visible in their order, and no reader of "what is new" misses one.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _RESULTS_LOCK})
    new_results = [row for row in results if not _is_stored(session, row)]
    session.add_all(new_results)
    session.flush()
    add_answers(session, new_results)
    return new_results


def method_digest(account: int | None, method: str) -> str:
    """Identifies a method of an account in all its submissions (64 hexadecimal digits)."""
    return hashlib.sha256(f"{account}\n{method}".encode()).hexdigest()


def _is_stored(session: Session, row: ResultRow) -> bool:
    query = select(ResultRow.id).where(
        ResultRow.submission == row.submission,
        ResultRow.entry == row.entry,
        ResultRow.protocol_digest == row.protocol_digest,
        ResultRow.dataset_digest == row.dataset_digest,
        ResultRow.scorer == row.scorer,
        ResultRow.reason == row.reason,
    )
    return session.execute(query).first() is not None
