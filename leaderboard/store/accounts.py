"""Accounts and their tokens.

A token is "nvf_ID_SECRET". ID finds the row; of SECRET (256 random bits) only the hash is kept, so that who reads the
database can use none. A plain hash is enough: nobody guesses 256 bits, fast or slow.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from leaderboard.store.audit_log import note
from leaderboard.store.database import reading, writing
from leaderboard.store.tables import AccountRow, TokenRow, now
from nvfair_tools.errors import NvfairError

_FORM = re.compile(r"nvf_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NO_HASH = "0" * 64
ADMIN = "admin"


@dataclass(frozen=True)
class Account:
    """Who asks."""

    id: int
    name: str
    token: str  # the token's id

    @property
    def actor(self) -> str:
        """The name in the audit log."""
        return f"account:{self.name}"


def create_token(
    engine: Engine, account: str, *, name: str = "default", days: float | None = None, actor: str = ADMIN
) -> str:
    """A new token of `account`, which is made where there is none; the only time that the token is told.

    days: how long it is valid (None: until it is revoked).
    """
    account, name = _checked(account, "account"), _checked(name, "token")
    id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with writing(engine) as session:
        row = session.scalar(select(AccountRow).where(AccountRow.name == account))
        if row is None:
            row = AccountRow(name=account, created=now())
            session.add(row)
            session.flush()
            note(session, actor, "account created", account)
        expires = None if days is None else now() + timedelta(days=days)
        session.add(
            TokenRow(id=id, account=row.id, name=name, hash=_hash(secret), created=now(), expires=expires, revoked=None)
        )
        note(session, actor, "token created", id, details={"account": account, "name": name, "days": days})
    return f"nvf_{id}_{secret}"


def revoke_token(engine: Engine, id: str, *, actor: str = ADMIN) -> None:
    """Makes a token worthless from now on. `id`: its public part, or the whole token. Raises NvfairError if unknown."""
    found = _FORM.fullmatch(id)
    id = found[1] if found else id
    with writing(engine) as session:
        row = session.get(TokenRow, id)
        if row is None:
            raise NvfairError(f"there is no token {id!r}", remedy="`nvfair board admin token list` shows their ids")
        row.revoked = row.revoked or now()
        note(session, actor, "token revoked", id)


def tokens(engine: Engine) -> list[tuple[TokenRow, str]]:
    """(token, account's name) of all, the oldest first."""
    query = select(TokenRow, AccountRow.name).join(AccountRow).order_by(TokenRow.created, TokenRow.id)
    with reading(engine) as session:
        return [(row, name) for row, name in session.execute(query)]


def authenticate(engine: Engine, token: str, moment: datetime | None = None) -> Account | None:
    """The account that `token` opens; None where it is forged, expired or revoked."""
    found = _FORM.fullmatch(token)
    if found is None:
        return None
    id, secret = found.groups()
    with reading(engine) as session:
        row = session.execute(select(TokenRow, AccountRow).join(AccountRow).where(TokenRow.id == id)).first()
    known, owner = row if row else (None, None)
    # Compared also where there is no such token: the time it takes says nothing.
    same = hmac.compare_digest(_hash(secret), known.hash if known else _NO_HASH)
    if known is None or owner is None or not same or known.revoked is not None:
        return None
    if known.expires is not None and known.expires <= (moment or now()):
        return None
    return Account(owner.id, owner.name, known.id)


def account_named(session: Session, name: str) -> AccountRow:
    """The account called `name`. Raises NvfairError if there is none."""
    row = session.scalar(select(AccountRow).where(AccountRow.name == name))
    if row is None:
        raise NvfairError(f"there is no account {name!r}", remedy="`nvfair board admin token create NAME` makes one")
    return row


def _checked(name: str, what: str) -> str:
    if not 1 <= len(name) <= 80 or not name.isprintable() or name != name.strip():
        raise NvfairError(
            f"{name!r} is no name of an {what}" if what == "account" else f"{name!r} is no token's name",
            expected="1 to 80 printable characters, without spaces around them",
        )
    return name


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
