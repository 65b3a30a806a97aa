"""How much a person may still submit in a phase.

Nothing is counted up or down: what is used is read from the jobs themselves, so that it cannot drift from the truth. A
job counts from the moment it is accepted until it fails; one that has waited for very long is the board's fault, and
does not count either. Scoring again, which the maintainer asks for, never counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from leaderboard.settings import PhaseSetting
from leaderboard.store.tables import DONE, FAILED, FIRST, AccountRow, JobRow, QuotaRow


@dataclass(frozen=True)
class Quota:
    """What is allowed and what is used, in submissions."""

    total: int
    per_day: int
    used: int
    used_today: int

    @property
    def left(self) -> int:
        """Submissions that would be accepted now."""
        return max(0, min(self.total - self.used, self.per_day - self.used_today))


def quota(
    session: Session, account: int, name: str, phase: PhaseSetting, moment: datetime, *, stuck_hours: float
) -> Quota:
    """Of an account in the phase called `name`. A day begins at midnight UTC."""
    own = session.get(QuotaRow, (account, name))
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    counts = (
        JobRow.account == account,
        JobRow.phase == name,
        JobRow.reason == FIRST,
        JobRow.state != FAILED,
        or_(JobRow.state == DONE, JobRow.created > moment - timedelta(hours=stuck_hours)),
    )
    used = session.scalar(select(func.count()).select_from(JobRow).where(*counts)) or 0
    used_today = session.scalar(select(func.count()).select_from(JobRow).where(*counts, JobRow.created >= today)) or 0
    return Quota(own.total if own else phase.total, own.per_day if own else phase.per_day, used, used_today)


def hold(session: Session, account: int) -> None:
    """Lets nobody else count this account's jobs until the transaction ends: two uploads at once cannot both be the
    last one. SQLite's writers wait for each other as it is."""
    session.execute(select(AccountRow.id).where(AccountRow.id == account).with_for_update())


def set_quota(session: Session, account: int, phase: str, total: int, per_day: int) -> None:
    """Gives one account a quota of its own."""
    session.merge(QuotaRow(account=account, phase=phase, total=total, per_day=per_day))
