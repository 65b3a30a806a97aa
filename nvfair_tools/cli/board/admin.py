"""`nvfair board admin`: what only the maintainer of a board does, on its machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from leaderboard.settings import Settings
    from leaderboard.store.results import Store

_BOARD = click.option(
    "--board", type=click.Path(path_type=Path), default=Path("."), help="The board's folder (default: this one)."
)
_FILE = click.Path(path_type=Path, dir_okay=False)


@click.group()
def admin() -> None:
    """Make and maintain a board: tables, tokens, quotas, backups."""


@admin.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--dataset", type=click.Path(path_type=Path, file_okay=False), required=True, help="What is scored on.")
@click.option("--account", default="maintainer", show_default=True, help="Who gets the first token.")
def init(folder: Path, dataset: Path, account: str) -> None:
    """Make a board in FOLDER: settings, database and a first token, which is shown once."""
    import json

    from leaderboard.settings import FILE, TEMPLATE, read
    from leaderboard.store.accounts import create_token
    from leaderboard.store.results import Store
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.files import make_folder, write_text

    file = make_folder(folder) / FILE
    if file.exists():
        raise NvfairError("there is a board already", where=file, remedy="choose another folder")
    Dataset.open(dataset)
    # JSON's strings are YAML's too, whatever the path holds.
    write_text(file, TEMPLATE.format(folder=folder, dataset=json.dumps(str(dataset.resolve()))))
    store = Store(read(folder).store)
    try:
        token = create_token(store.engine, account, name="first")
    finally:
        store.close()
    click.echo(f"{file}: change it as you like, then: nvfair board serve {folder}", err=True)
    _show(account, token)


@admin.command()
@_BOARD
def upgrade(board: Path) -> None:
    """Bring the database's tables to this release's. Back it up before."""
    from leaderboard.settings import read
    from leaderboard.store import schema
    from leaderboard.store.database import open_engine

    engine = open_engine(read(board).store)
    try:
        before, after = schema.upgrade(engine)
    finally:
        engine.dispose()
    click.echo(f"tables: {after}" if before == after else f"tables: {before or 'none'} -> {after}")


@admin.group()
def token() -> None:
    """Give and take away access."""


@token.command("create")
@click.argument("account")
@click.option("--name", default="default", show_default=True, help="To tell an account's tokens apart.")
@click.option("--days", type=click.FloatRange(min=0), help="How long it is valid (default: until revoked).")
@_BOARD
def create(account: str, name: str, days: float | None, board: Path) -> None:
    """Make a token for ACCOUNT (made where there is none). It is shown once."""
    from leaderboard.store.accounts import create_token

    with _opened(board) as (_, store):
        _show(account, create_token(store.engine, account, name=name, days=days))


@token.command()
@click.argument("id")
@_BOARD
def revoke(id: str, board: Path) -> None:
    """Make the token ID (its public part) worthless."""
    from leaderboard.store.accounts import revoke_token

    with _opened(board) as (_, store):
        revoke_token(store.engine, id)
    click.echo("revoked")


@token.command("list")
@_BOARD
def list_(board: Path) -> None:
    """List tokens; the secrets are not kept."""
    from leaderboard.store.accounts import tokens
    from leaderboard.store.tables import now

    with _opened(board) as (_, store):
        for row, account in tokens(store.engine):
            over = row.expires is not None and row.expires <= now()
            state = "revoked" if row.revoked else "expired" if over else "valid"
            expiry = f" until {row.expires:%Y-%m-%d %H:%M} UTC" if row.expires else ""
            click.echo(f"{row.id}  {account}  {row.name}  {state}{expiry}")


@admin.command()
@click.argument("account")
@click.option("--phase", required=True)
@click.option("--total", type=click.IntRange(min=0), required=True, help="Submissions in all.")
@click.option("--per-day", type=click.IntRange(min=0), required=True, help="Submissions a day (UTC).")
@_BOARD
def quota(account: str, phase: str, total: int, per_day: int, board: Path) -> None:
    """Give ACCOUNT a quota of its own in one phase."""
    from leaderboard.store.accounts import ADMIN, account_named
    from leaderboard.store.audit_log import note
    from leaderboard.store.database import writing
    from leaderboard.store.quota import set_quota
    from nvfair_tools.errors import NvfairError

    with _opened(board) as (settings, store):
        if phase not in settings.phases:
            raise NvfairError(f"phase {phase!r} is unknown", expected=f"one of {', '.join(settings.phases)}")
        with writing(store.engine) as session:
            set_quota(session, account_named(session, account).id, phase, total, per_day)
            note(session, ADMIN, "quota", account, details={"phase": phase, "total": total, "per_day": per_day})
    click.echo(f"{account}: {total} in {phase}, {per_day} a day")


@admin.command()
@click.option("--reason", required=True, help="Shown beside the new results.")
@click.option("--submission", default="", help="Digest of one submission (default: all).")
@click.option("--phase", default="", help="Of one phase only.")
@_BOARD
def rescore(reason: str, submission: str, phase: str, board: Path) -> None:
    """Score again; the old results stay."""
    from leaderboard.store.rescore import rescore as again

    with _opened(board) as (_, store):
        count = again(store.engine, reason, submission=submission, phase=phase)
    click.echo(f"{count} queued")


@admin.command()
@click.argument("file", type=_FILE)
@_BOARD
def backup(file: Path, board: Path) -> None:
    """Write the whole board to FILE, while it runs."""
    from leaderboard.store.backup import backup as write
    from leaderboard.store.files import SubmissionFiles

    with _opened(board) as (settings, store):
        manifest = write(store.engine, SubmissionFiles(settings.files), file)
    click.echo(f"{file}: {manifest.rows['submissions']} submissions, {manifest.rows['results']} results")


@admin.command()
@click.argument("file", type=_FILE)
@_BOARD
def restore(file: Path, board: Path) -> None:
    """Fill an empty board from FILE."""
    from leaderboard.store.backup import restore as fill
    from leaderboard.store.files import SubmissionFiles

    with _opened(board) as (settings, store):
        manifest = fill(store.engine, SubmissionFiles(settings.files), file)
    click.echo(f"{manifest.rows['submissions']} submissions, {manifest.rows['results']} results are back")


@admin.command()
@click.option("--subject", default="", help="Only about this submission, account, token or data set.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@_BOARD
def audit(subject: str, limit: int, board: Path) -> None:
    """Show who did what, the newest first."""
    from leaderboard.store.audit_log import rows

    with _opened(board) as (_, store):
        for row in rows(store.engine, subject=subject, limit=limit):
            told = (f"{row.at:%Y-%m-%d %H:%M:%S}", row.actor, row.action, row.subject, row.address, row.details)
            click.echo("  ".join(told))


@contextmanager
def _opened(board: Path) -> Iterator[tuple[Settings, Store]]:
    from leaderboard.settings import read
    from leaderboard.store.results import Store

    settings = read(board)
    store = Store(settings.store)
    try:
        yield settings, store
    finally:
        store.close()


def _show(account: str, token: str) -> None:
    click.echo(f"the token of {account}, shown only now:", err=True)
    click.echo(token)
