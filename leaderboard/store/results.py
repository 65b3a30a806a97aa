"""What the board remembers: submissions and immutable results, in SQLite or PostgreSQL."""

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
from leaderboard.store.database import open_engine, reading, unusable, writing
from leaderboard.store.tables import FIRST, DatasetRow, ResultRow, SubmissionRow, now
from leaderboard.submission.scoring import EntryScore
from leaderboard.submission.submission import Submission

_RESULTS_LOCK = 0x6E766662


@dataclass(frozen=True)
class StoredResult:
    """A result with the declaration it belongs to.

    The figures are whole: where `feedback` is "coarse", `ranking.redaction.redacted` makes what may leave it.
    """

    submission: Submission
    digest: str
    protocol: str
    protocol_digest: str
    dataset_digest: str
    scorer: str
    entry: int
    figures: dict[str, Any]
    created: datetime | None = None  # none: scored before times were kept
    method_digest: str = ""  # the same for every submission of one method by one account: its history
    phase: str = ""  # empty: added by the maintainer
    reason: str = FIRST
    private: bool = False  # a draft: its owner's alone
    feedback: str = "full"  # or "coarse"
    dataset: str = ""  # the data set's name on this board
    id: int = 0  # grows in the order in which results were made


class Store:
    """The board's memory. `url`: an SQLAlchemy database URL, such as "sqlite:///board.sqlite".

    An empty database gets its tables. Raises NvfairError where it is no such URL, the database cannot be opened or is
    none, or its tables are of another revision.
    """

    def __init__(self, url: str) -> None:
        self.engine: Engine = open_engine(url)
        try:
            schema.prepare(self.engine)
        except SQLAlchemyError as error:
            self.engine.dispose()
            raise unusable(url, error) from error
        except BaseException:
            self.engine.dispose()
            raise

    def add(self, digest: str, submission: Submission, scores: Iterable[EntryScore]) -> bool:
        """Stores a submission with its scores, all or nothing; False when the same results are here already."""
        with writing(self.engine) as session:
            remember(session, digest, submission)
            return bool(add_results(session, [result_row(score) for score in scores]))

    def results(self, *, after: int = 0) -> Iterator[StoredResult]:
        """Results with their declarations, in the order in which they were made: those whose `id` is above `after`."""
        query = (
            select(ResultRow, SubmissionRow, DatasetRow)
            .join(SubmissionRow, ResultRow.submission == SubmissionRow.digest)
            .outerjoin(DatasetRow, ResultRow.dataset_digest == DatasetRow.digest)
            .where(ResultRow.id > after)
            .order_by(ResultRow.id)
        )
        with reading(self.engine) as session:
            for result, row, dataset in session.execute(query):
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
                )

    def state(self) -> tuple[int, int, str]:
        """A value that changes whenever what `results()` gives would."""
        with reading(self.engine) as session:
            newest, private = session.execute(
                select(
                    select(func.coalesce(func.max(ResultRow.id), 0)).scalar_subquery(),
                    select(func.count()).where(SubmissionRow.private).scalar_subquery(),
                )
            ).one()
            told = session.execute(select(DatasetRow.digest, DatasetRow.feedback).order_by(DatasetRow.digest))
            return newest, private, " ".join(f"{digest} {feedback}" for digest, feedback in told)

    def close(self) -> None:
        """Releases the database."""
        self.engine.dispose()


def remember(
    session: Session, digest: str, submission: Submission, *, account: int | None = None, private: bool = False
) -> None:
    """Keeps a submission's declaration, where it is not kept yet."""
    if session.get(SubmissionRow, digest) is None:
        declaration = submission.model_dump_json()
        session.add(
            SubmissionRow(
                digest=digest,
                method=submission.method,
                declaration=declaration,
                account=account,
                created=now(),
                private=private,
            )
        )
        session.flush()  # results and jobs refer to it


def result_row(score: EntryScore, *, reason: str = FIRST, phase: str | None = None) -> ResultRow:
    """The row in which a score is kept. reason: why it was scored. phase: of the board, None where added by hand."""
    return ResultRow(
        submission=score.submission,
        entry=score.entry,
        protocol=score.protocol,
        protocol_digest=score.protocol_digest,
        dataset_digest=score.dataset_digest,
        scorer=score.scorer,
        reason=reason,
        figures=json.dumps(score.figures, sort_keys=True, allow_nan=False),
        created=now(),
        phase=phase,
    )


def add_results(session: Session, results: list[ResultRow]) -> list[ResultRow]:
    """Adds those that are not here yet, and returns them; the database's own rule lets nobody add one twice."""
    if session.get_bind().dialect.name == "postgresql":
        # One at a time: numbers then become visible in their order, and whoever reads "what is new" misses none.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _RESULTS_LOCK})
    fresh = [row for row in results if not _known(session, row)]
    session.add_all(fresh)
    session.flush()
    return fresh


def method_digest(account: int | None, method: str) -> str:
    """Names a method of an account, whatever else of a declaration changes (64 hexadecimal digits)."""
    return hashlib.sha256(f"{account}\n{method}".encode()).hexdigest()


def _known(session: Session, row: ResultRow) -> bool:
    same = select(ResultRow.id).where(
        ResultRow.submission == row.submission,
        ResultRow.entry == row.entry,
        ResultRow.protocol_digest == row.protocol_digest,
        ResultRow.dataset_digest == row.dataset_digest,
        ResultRow.scorer == row.scorer,
        ResultRow.reason == row.reason,
    )
    return session.execute(same).first() is not None
