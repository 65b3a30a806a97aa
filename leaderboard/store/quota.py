"""How many entries an account may still submit in a phase.

Entries are counted and not submissions, because each entry of a submission is scored and answered. No counter is
stored: the use is counted from the jobs themselves, so that it cannot differ from them. A job counts from its
acceptance until it fails. A job that has waited for very long does not count, because that is the board's fault.
Scoring again, which only the maintainer asks for, never counts.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, func, or_, select
from sqlalchemy.orm import Session

from leaderboard.settings import PhaseSetting, Settings
from leaderboard.store.accounts import ADMIN_ACTOR, get_account
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.tables import DONE, FAILED, FIRST_SCORING, AccountRow, JobRow, QuotaRow
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Quota:
    """Allowed and used entries of one account in one phase."""

    total: int
    per_day: int
    used: int
    used_today: int

    @property
    def left(self) -> int:
        """The number of entries that would be accepted now."""
        return max(0, min(self.total - self.used, self.per_day - self.used_today))


def get_quota(
    session: Session, account: int, name: str, phase: PhaseSetting, moment: datetime, *, stuck_hours: float
) -> Quota:
    """The quota of an account in the phase called `name`, at `moment`. A day begins at midnight UTC.

    stuck_hours: a job that has waited for longer does not count.
    """
    account_quota = session.get(QuotaRow, (account, name))
    today = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    counted_jobs = (
        JobRow.account == account,
        JobRow.phase == name,
        JobRow.reason == FIRST_SCORING,
        JobRow.state != FAILED,
        or_(JobRow.state == DONE, JobRow.created > moment - timedelta(hours=stuck_hours)),
    )
    query = select(func.coalesce(func.sum(JobRow.entries), 0)).where(*counted_jobs)
    used = session.scalar(query) or 0
    used_today = session.scalar(query.where(JobRow.created >= today)) or 0
    total, per_day = (account_quota or phase).total, (account_quota or phase).per_day
    return Quota(total, per_day, used, used_today)


def lock_account(session: Session, account: int) -> None:
    """Blocks other transactions that lock this account until the present one ends.

    So two uploads at the same time cannot both use the last entry of a quota. In SQLite writers wait for each
    other anyway.
    """
    session.execute(select(AccountRow.id).where(AccountRow.id == account).with_for_update())


def set_quota(session: Session, account: int, phase: str, total: int, per_day: int) -> None:
    """Gives one account a quota that differs from the setting of the phase."""
    session.merge(QuotaRow(account=account, phase=phase, total=total, per_day=per_day))


def check_quota(engine: Engine, settings: Settings, account: str, phase: str) -> None:
    """Raises NvfairError where there is no such account or phase."""
    if phase not in settings.phases:
        raise NvfairError(f"phase {phase!r} is unknown", expected=f"one of {', '.join(settings.phases)}")
    with read_session(engine) as session:
        get_account(session, account)


def set_quota_by_name(engine: Engine, settings: Settings, account: str, phase: str, total: int, per_day: int) -> None:
    """Gives the account of this name its own quota in a phase, and records it in the audit log.

    Raises NvfairError where there is no such account or phase.
    """
    check_quota(engine, settings, account, phase)
    with write_session(engine) as session:
        set_quota(session, get_account(session, account).id, phase, total, per_day)
        details: dict[str, object] = {"phase": phase, "total": total, "per_day": per_day}
        record_action(session, ADMIN_ACTOR, "quota", account, details=details)
