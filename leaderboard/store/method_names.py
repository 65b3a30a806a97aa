"""Names of methods that other accounts use: a submitter may not take a name that looks like one of them."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.orm import Session

from leaderboard.lookalikes import skeleton
from leaderboard.store.tables import SubmissionRow
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import NvfairError


class NameTaken(NvfairError):
    """A method's name is, or looks like, the name of another account's public method."""


def refuse_taken_name(session: Session, method: str, account: int) -> None:
    """Raises NameTaken where a public submission of another account, or of the maintainer, has a name like `method`.

    Drafts do not count, because nobody is to learn of them; they are compared when they are published.
    """
    is_other = (SubmissionRow.account != account) | SubmissionRow.account.is_(None)
    names = session.scalars(select(SubmissionRow.method).where(is_other, SubmissionRow.private.is_(False)).distinct())
    look = skeleton(method)
    for name in names:
        if skeleton(name) == look:
            raise NameTaken(
                f"the method's name {quoted(method)} looks like {quoted(name)}, a method of another account",
                remedy="choose another name; if that method is yours too, submit with its account",
            )
