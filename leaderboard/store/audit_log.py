"""The audit log: who did what, and when. Rows are added with the change that they tell of, or not at all."""

from __future__ import annotations

import json
from collections.abc import Iterator

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from leaderboard.store.database import reading
from leaderboard.store.tables import AuditRow, now


def note(
    session: Session,
    actor: str,
    action: str,
    subject: str,
    *,
    address: str = "",
    details: dict[str, object] | None = None,
) -> None:
    """Adds a row within the caller's transaction. Secrets never go into `details`."""
    told = json.dumps(details or {}, sort_keys=True)
    session.add(
        AuditRow(at=now(), actor=actor, action=action, subject=subject[:200], address=address[:64], details=told)
    )


def rows(engine: Engine, *, subject: str = "", limit: int = 100) -> Iterator[AuditRow]:
    """The newest rows first; `subject`: only those about it."""
    query = select(AuditRow).order_by(AuditRow.id.desc()).limit(limit)
    if subject:
        query = query.where(AuditRow.subject == subject)
    with reading(engine) as session:
        yield from session.scalars(query)
