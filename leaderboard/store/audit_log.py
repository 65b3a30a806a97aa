"""The audit log: which actor did what, and when. A row is committed together with the change that it describes."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from leaderboard.store.database import read_session
from leaderboard.store.tables import AuditRow, utc_now


def record_action(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    *,
    address: str = "",
    details: dict[str, object] | None = None,
) -> None:
    """Adds a row to the audit log within the caller's transaction. Secrets must not be passed in `details`."""
    session.add(
        AuditRow(
            at=utc_now(),
            actor=actor,
            action=action,
            subject=subject[:200],
            address=address[:64],
            details=json.dumps(details or {}, sort_keys=True),
        )
    )


def read_audit_log(engine: Engine, *, subject: str = "", limit: int = 100) -> Iterator[AuditRow]:
    """The newest `limit` rows, the newest first. subject: only rows about this submission, account or token."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if subject:
        query = query.where(AuditRow.subject == subject)
    with read_session(engine) as session:
        yield from session.scalars(query)
