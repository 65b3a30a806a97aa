"""What the board remembers: submissions and immutable results, in any database SQLAlchemy speaks to."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ForeignKey, String, Text, UniqueConstraint, create_engine, select
from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from leaderboard.submission import Submission
from nvfair_tools.errors import NvfairError


class Base(DeclarativeBase):
    """The board's tables."""


class SubmissionRow(Base):
    """One submission as it was declared; never changed."""

    __tablename__ = "submissions"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    method: Mapped[str] = mapped_column(String(80))
    declaration: Mapped[str] = mapped_column(Text)  # JSON of submission.yaml


class ResultRow(Base):
    """One score of one entry; never changed: scoring again makes a new row with its reason."""

    __tablename__ = "results"
    __table_args__ = (UniqueConstraint("submission", "entry", "protocol_digest", "dataset_digest", "scorer", "reason"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission: Mapped[str] = mapped_column(ForeignKey("submissions.digest"))
    entry: Mapped[int]
    protocol: Mapped[str] = mapped_column(String(80))
    protocol_digest: Mapped[str] = mapped_column(String(64))
    dataset_digest: Mapped[str] = mapped_column(String(64))
    scorer: Mapped[str] = mapped_column(String(40))  # version of the scoring code
    reason: Mapped[str] = mapped_column(String(200), default="first scoring")
    figures: Mapped[str] = mapped_column(Text)  # JSON


@dataclass(frozen=True)
class Scored:
    """A result with the declaration it belongs to.

    The figures are whole: where `feedback` is "coarse", `leaderboard.feedback.shown` makes what may leave the server.
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
    reason: str = "first scoring"
    private: bool = False  # a draft: its owner's alone
    feedback: str = "full"  # or "coarse"
    dataset: str = ""  # the data set's name on this board
    id: int = 0  # grows in the order in which results were made


class Store:
    """The board's memory. `url`: an SQLAlchemy database URL, such as "sqlite:///board.sqlite".

    Raises NvfairError where it is no such URL, or the database cannot be opened or is none.
    """

    def __init__(self, url: str) -> None:
        try:
            self._engine = create_engine(url)
            Base.metadata.create_all(self._engine)
        except SQLAlchemyError as error:
            raise NvfairError(
                f"the board's database cannot be opened: {str(error).splitlines()[0]}",
                where=_without_password(url),
                expected="an SQLAlchemy URL of a database that can be written, such as sqlite:///board.sqlite",
            ) from error

    def add(self, digest: str, submission: Submission, results: list[ResultRow]) -> bool:
        """Stores a submission with its results, all or nothing; False when the same results are here already."""
        with Session(self._engine) as session, session.begin():
            if session.get(SubmissionRow, digest) is None:
                declaration = submission.model_dump_json()
                session.add(SubmissionRow(digest=digest, method=submission.method, declaration=declaration))
                session.flush()  # the results refer to it
            fresh = [row for row in results if not self._known(session, row)]
            session.add_all(fresh)
            return bool(fresh)

    def results(self) -> Iterator[Scored]:
        """Every result with its declaration, in the order in which they were made."""
        query = select(ResultRow, SubmissionRow).join(SubmissionRow).order_by(ResultRow.id)
        with Session(self._engine) as session:
            for result, row in session.execute(query):
                yield Scored(
                    submission=Submission.model_validate_json(row.declaration),
                    digest=row.digest,
                    protocol=result.protocol,
                    protocol_digest=result.protocol_digest,
                    dataset_digest=result.dataset_digest,
                    scorer=result.scorer,
                    entry=result.entry,
                    figures=json.loads(result.figures),
                    reason=result.reason,
                    id=result.id,
                )

    def close(self) -> None:
        """Releases the database."""
        self._engine.dispose()

    @staticmethod
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


def _without_password(url: str) -> str:
    try:
        return make_url(url).render_as_string(hide_password=True)
    except SQLAlchemyError:
        return "--store"
