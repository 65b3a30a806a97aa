"""Accounts and their tokens.

A token is "nvf_ID_SECRET". ID identifies the row. SECRET is 256 random bits, of which only the hash is stored, so that
a reader of the database cannot use any token. A plain hash is enough: 256 random bits cannot be guessed.
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

from leaderboard.lookalikes import skeleton
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.tables import AccountRow, TokenRow, utc_now
from leaderboard.submission.untrusted_text import name_problem, quoted
from nvfair_tools.errors import NvfairError

_TOKEN_PATTERN = re.compile(r"nvf_([0-9a-f]{12})_([A-Za-z0-9_-]{43})")
_NO_HASH = "0" * 64
ADMIN_ACTOR = "admin"


@dataclass(frozen=True)
class Account:
    """The account that a request was authenticated for."""

    id: int
    name: str
    token_id: str

    @property
    def actor(self) -> str:
        """The account's name in the audit log."""
        return f"account:{self.name}"


def create_token(
    engine: Engine, account: str, *, name: str = "default", days: float | None = None, actor: str = ADMIN_ACTOR
) -> str:
    """Creates a token of `account`, and the account where it does not exist.

    The token is returned only here; it cannot be read again. days: how long it is valid (None: until it is revoked).
    Raises NvfairError if a name is not valid, or a new account's name looks like that of another account.
    """
    account, name = valid_name(account, "account"), valid_name(name, "token")
    id, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
    with write_session(engine) as session:
        row = session.scalar(select(AccountRow).where(AccountRow.name == account))
        if row is None:
            _refuse_similar_account(session, account)
            row = AccountRow(name=account, created=utc_now())
            session.add(row)
            session.flush()
            record_action(session, actor, "account created", account)
        expires = None if days is None else utc_now() + timedelta(days=days)
        session.add(
            TokenRow(
                id=id,
                account=row.id,
                name=name,
                hash=_hash_of(secret),
                created=utc_now(),
                expires=expires,
                revoked=None,
            )
        )
        record_action(session, actor, "token created", id, details={"account": account, "name": name, "days": days})
    return f"nvf_{id}_{secret}"


def revoke_token(engine: Engine, id: str, *, actor: str = ADMIN_ACTOR) -> None:
    """Makes a token invalid from now on.

    id: the token's public part, or the whole token. Raises NvfairError if there is no such token.
    """
    id = check_token(engine, id)
    with write_session(engine) as session:
        row = session.get_one(TokenRow, id)
        row.revoked = row.revoked or utc_now()
        record_action(session, actor, "token revoked", id)


def list_tokens(engine: Engine) -> list[tuple[TokenRow, str]]:
    """All tokens as (token, name of its account), the oldest first."""
    query = select(TokenRow, AccountRow.name).join(AccountRow).order_by(TokenRow.created, TokenRow.id)
    with read_session(engine) as session:
        return [(row, account_name) for row, account_name in session.execute(query)]


def token_state(token: TokenRow) -> str:
    """The state of a token now: "valid", "expired" or "revoked"."""
    if token.revoked:
        return "revoked"
    return "expired" if token.expires is not None and token.expires <= utc_now() else "valid"


def authenticate(engine: Engine, token: str, moment: datetime | None = None) -> Account | None:
    """The account of `token` at `moment` (default: now); None where the token is unknown, expired or revoked."""
    match = _TOKEN_PATTERN.fullmatch(token)
    if match is None:
        return None
    id, secret = match.groups()
    with read_session(engine) as session:
        rows = session.execute(select(TokenRow, AccountRow).join(AccountRow).where(TokenRow.id == id)).first()
    token_row, account_row = rows if rows else (None, None)
    # Hashes are compared also where there is no such token: the time of the answer says nothing about it.
    is_same = hmac.compare_digest(_hash_of(secret), token_row.hash if token_row else _NO_HASH)
    if token_row is None or account_row is None or not is_same or token_row.revoked is not None:
        return None
    if token_row.expires is not None and token_row.expires <= (moment or utc_now()):
        return None
    return Account(account_row.id, account_row.name, token_row.id)


def get_account(session: Session, name: str) -> AccountRow:
    """The account with this name. Raises NvfairError if there is none."""
    row = session.scalar(select(AccountRow).where(AccountRow.name == name))
    if row is None:
        raise NvfairError(f"there is no account {name!r}", remedy="`nvfair board admin token create NAME` makes one")
    return row


def check_new_token(engine: Engine, account: str, *, name: str = "default") -> bool:
    """Whether `create_token` would create the account too. Raises what it raises."""
    account, name = valid_name(account, "account"), valid_name(name, "token")
    with read_session(engine) as session:
        if session.scalar(select(AccountRow).where(AccountRow.name == account)) is not None:
            return False
        _refuse_similar_account(session, account)
        return True


def check_token(engine: Engine, id: str) -> str:
    """The public part of a token. Raises NvfairError if there is no such token."""
    match = _TOKEN_PATTERN.fullmatch(id)
    id = match[1] if match else id
    with read_session(engine) as session:
        if session.get(TokenRow, id) is None:
            raise NvfairError(f"there is no token {id!r}", remedy="`nvfair board admin token list` shows their ids")
    return id


def valid_name(name: str, kind: str) -> str:
    """The name of an account or a token. kind: which of them. Raises NvfairError where it may not be one."""
    if not 1 <= len(name) <= 80 or not name.isprintable() or name != name.strip():
        raise NvfairError(
            f"{name!r} is not a valid name of {'an' if kind == 'account' else 'a'} {kind}",
            expected="1 to 80 printable characters, without spaces around them",
        )
    problem = name_problem(name)
    if problem:
        raise NvfairError(f"{name!a} is not a valid name: {problem}", remedy="type the name again")
    return name


def _refuse_similar_account(session: Session, name: str) -> None:
    look = skeleton(name)
    for other in session.scalars(select(AccountRow.name)):
        if skeleton(other) == look:
            raise NvfairError(
                f"the name {quoted(name)} looks like the account {quoted(other)}",
                remedy="choose another name, or give a token to that account",
            )


def _hash_of(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
