"""`nvfair board admin`: commands that only the maintainer of a board runs, on the board's machine."""

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
@click.option(
    "--dataset",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    help="The data set that submissions are scored on.",
)
@click.option("--account", default="maintainer", show_default=True, help="The account that gets the first token.")
def init(folder: Path, dataset: Path, account: str) -> None:
    """Make a board in FOLDER: settings, database and a first token, which is shown once."""
    from leaderboard.store.new_board import create_board

    settings_file, token = create_board(folder, dataset, account)
    click.echo(f"{settings_file}: change it as you like, then: nvfair board serve {folder}", err=True)
    _print_token(account, token)


@admin.command()
@_BOARD
def upgrade(board: Path) -> None:
    """Bring the database's tables to this release's. Back it up before."""
    from leaderboard.settings import read_settings
    from leaderboard.store.schema import upgrade_database

    before, after = upgrade_database(read_settings(board).store)
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

    with _open_board(board) as (_, store):
        _print_token(account, create_token(store.engine, account, name=name, days=days))


@token.command()
@click.argument("id")
@_BOARD
def revoke(id: str, board: Path) -> None:
    """Make the token ID (its public part) invalid."""
    from leaderboard.store.accounts import revoke_token

    with _open_board(board) as (_, store):
        revoke_token(store.engine, id)
    click.echo("revoked")


@token.command("list")
@_BOARD
def list_(board: Path) -> None:
    """List tokens; their secrets are not stored."""
    from leaderboard.store.accounts import list_tokens, token_state

    with _open_board(board) as (_, store):
        for token, account in list_tokens(store.engine):
            expiry = f" until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else ""
            click.echo(f"{token.id}  {account}  {token.name}  {token_state(token)}{expiry}")


@admin.command()
@click.argument("account")
@click.option("--phase", required=True)
@click.option("--total", type=click.IntRange(min=0), required=True, help="Entries in all.")
@click.option("--per-day", type=click.IntRange(min=0), required=True, help="Entries a day (UTC).")
@_BOARD
def quota(account: str, phase: str, total: int, per_day: int, board: Path) -> None:
    """Give ACCOUNT a quota of its own in one phase."""
    from leaderboard.store.quota import set_quota_by_name

    with _open_board(board) as (settings, store):
        set_quota_by_name(store.engine, settings, account, phase, total, per_day)
    click.echo(f"{account}: {total} in {phase}, {per_day} a day")


@admin.command()
@click.option("--reason", required=True, help="Published with the new results.")
@click.option("--submission", default="", help="Digest of one submission (default: all).")
@click.option("--phase", default="", help="Of one phase only.")
@_BOARD
def rescore(reason: str, submission: str, phase: str, board: Path) -> None:
    """Score again; the old results stay."""
    from leaderboard.store.rescore import queue_rescoring

    with _open_board(board) as (_, store):
        count = queue_rescoring(store.engine, reason, submission=submission, phase=phase)
    click.echo(f"{count} queued")


@admin.command()
@click.argument("file", type=_FILE)
@_BOARD
def backup(file: Path, board: Path) -> None:
    """Write the whole board to FILE, while it runs."""
    from leaderboard.store.backup import write_backup
    from leaderboard.store.files import SubmissionFiles

    with _open_board(board) as (settings, store):
        manifest = write_backup(store.engine, SubmissionFiles(settings.files), file)
    click.echo(f"{file}: {manifest.rows['submissions']} submissions, {manifest.rows['results']} results")


@admin.command()
@click.argument("file", type=_FILE)
@_BOARD
def restore(file: Path, board: Path) -> None:
    """Fill an empty board from FILE."""
    from leaderboard.store.backup import restore_backup
    from leaderboard.store.files import SubmissionFiles

    with _open_board(board) as (settings, store):
        manifest = restore_backup(store.engine, SubmissionFiles(settings.files), file)
    click.echo(f"{manifest.rows['submissions']} submissions, {manifest.rows['results']} results are back")


@admin.command()
@click.option("--subject", default="", help="Only about this submission, account, token or data set.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True)
@_BOARD
def audit(subject: str, limit: int, board: Path) -> None:
    """Show the audit log, the newest first."""
    from leaderboard.store.audit_log import read_audit_log

    with _open_board(board) as (_, store):
        for row in read_audit_log(store.engine, subject=subject, limit=limit):
            columns = (f"{row.at:%Y-%m-%d %H:%M:%S}", row.actor, row.action, row.subject, row.address, row.details)
            click.echo("  ".join(columns))


@contextmanager
def _open_board(board: Path) -> Iterator[tuple[Settings, Store]]:
    from leaderboard.settings import read_settings
    from leaderboard.store.results import Store

    settings = read_settings(board)
    store = Store(settings.store)
    try:
        yield settings, store
    finally:
        store.close()


def _print_token(account: str, token: str) -> None:
    click.echo(f"the token of {account}, shown only now:", err=True)
    click.echo(token)
