"""`nvfair board admin`: commands that only the maintainer of a board runs, on the board's machine."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.board.place import BOARD, opened_board
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.paths import DATASET, INPUT_FILE, OUTPUT_FOLDER, either, output
from nvfair_tools.quantities import count_text


@click.group(cls=NearestGroup)
def admin() -> None:
    """Make and maintain a board: tables, tokens, quotas, backups."""


@admin.command()
@either("folder", "--board", OUTPUT_FOLDER, metavar="FOLDER")
@click.option(
    "--dataset",
    type=DATASET,
    required=True,
    help="The data set that submissions are scored on.",
)
@click.option("--account", default="maintainer", show_default=True, help="The account that gets the first token.")
@dry_run_option
@reports
def init(folder: Path, dataset: Path, account: str, dry_run: bool) -> dict[str, Any]:
    """Make a board in FOLDER: settings, database and a first token, which is shown once."""
    from leaderboard.store.new_board import check_new_board, create_board

    if dry_run:
        place = check_new_board(folder, dataset, account)
        outputs = [Output(place, "the settings"), Output(folder, f"its database, with a token of {account}")]
        return would_write(outputs, settings=place, account=account)
    settings_file, token = create_board(folder, dataset, account)
    click.echo(f"{settings_file}: change it as you like, then: nvfair board serve {folder}", err=True)
    _print_token(account, token)
    return {"settings": settings_file, "account": account, "token": token}


@admin.command()
@BOARD
@dry_run_option
@reports
def upgrade(board: Path, dry_run: bool) -> dict[str, Any]:
    """Bring the database's tables to this release's. Back it up before."""
    from leaderboard.settings import read_settings
    from leaderboard.store.schema import planned_upgrade, upgrade_database

    before, after = (planned_upgrade if dry_run else upgrade_database)(read_settings(board).store)
    click.echo(f"tables: {after}" if before == after else f"tables: {before or 'none'} -> {after}")
    if dry_run:
        changed = [] if before == after else [Output(board, "the tables of its database")]
        return would_write(changed, before=before, after=after)
    return {"before": before, "after": after}


@admin.group(cls=NearestGroup)
def token() -> None:
    """Give and take away access."""


@token.command("create")
@click.argument("account")
@click.option("--name", default="default", show_default=True, help="To tell an account's tokens apart.")
@click.option("--days", type=click.FloatRange(min=0), help="How long it is valid. [default: until revoked]")
@BOARD
@dry_run_option
@reports
def create(account: str, name: str, days: float | None, board: Path, dry_run: bool) -> dict[str, Any]:
    """Make a token for ACCOUNT (made where there is none). It is shown once."""
    from leaderboard.store.accounts import check_new_token, create_token

    with opened_board(board, dry_run=dry_run) as (_, store):
        if dry_run:
            new = " and the account, which is new" if check_new_token(store.engine, account, name=name) else ""
            output = Output(board, f"a token {name!r} of {account}{new}, in its database")
            return would_write([output], account=account, name=name)
        secret = create_token(store.engine, account, name=name, days=days)
    _print_token(account, secret)
    return {"account": account, "name": name, "token": secret}


@token.command()
@click.argument("id")
@BOARD
@dry_run_option
@reports
def revoke(id: str, board: Path, dry_run: bool) -> dict[str, Any]:
    """Make the token ID (its public part) invalid."""
    from leaderboard.store.accounts import check_token, revoke_token

    with opened_board(board, dry_run=dry_run) as (_, store):
        if dry_run:
            return would_write(
                [Output(board, f"token {check_token(store.engine, id)} is invalid")], id=id, revoked=False
            )
        revoke_token(store.engine, id)
    click.echo("revoked")
    return {"id": id, "revoked": True}


@token.command("list")
@BOARD
@reports
def list_(board: Path) -> list[dict[str, Any]]:
    """List tokens; their secrets are not stored."""
    from leaderboard.store.accounts import list_tokens, token_state

    tokens: list[dict[str, Any]] = []
    with opened_board(board) as (_, store):
        for token, account in list_tokens(store.engine):
            expiry = f" until {token.expires:%Y-%m-%d %H:%M} UTC" if token.expires else ""
            click.echo(f"{token.id}  {account}  {token.name}  {token_state(token)}{expiry}")
            row = {"id": token.id, "account": account, "name": token.name, "state": token_state(token)}
            tokens.append(row | {"expires": token.expires})
    return tokens


@admin.command()
@click.argument("account")
@click.option("--phase", required=True, help="A phase of the board.")
@click.option("--total", type=click.IntRange(min=0), required=True, help="Entries in all.")
@click.option("--per-day", type=click.IntRange(min=0), required=True, help="Entries a day (UTC).")
@BOARD
@dry_run_option
@reports
def quota(account: str, phase: str, total: int, per_day: int, board: Path, dry_run: bool) -> dict[str, Any]:
    """Give ACCOUNT a quota of its own in one phase."""
    from leaderboard.store.quota import check_quota, set_quota_by_name

    content = {"account": account, "phase": phase, "total": total, "per_day": per_day}
    with opened_board(board, dry_run=dry_run) as (settings, store):
        if dry_run:
            check_quota(store.engine, settings, account, phase)
            return would_write([Output(board, f"{account}: {total} in {phase}, {per_day} a day")], **content)
        set_quota_by_name(store.engine, settings, account, phase, total, per_day)
    click.echo(f"{account}: {total} in {phase}, {per_day} a day")
    return content


@admin.command()
@click.option("--reason", required=True, help="Published with the new results.")
@click.option("--submission", default="", help="Digest of one submission. [default: all]")
@click.option("--phase", default="", help="Only entries of this phase. [default: all]")
@click.option("--dry-run", is_flag=True, help="Say how many would be scored again.")
@BOARD
@reports
def rescore(reason: str, submission: str, phase: str, dry_run: bool, board: Path) -> dict[str, Any]:
    """Score again; the old results stay."""
    from leaderboard.store.rescore import queue_rescoring

    with opened_board(board) as (_, store):
        count = queue_rescoring(store.engine, reason, submission=submission, phase=phase, dry_run=dry_run)
    click.echo(f"{count} would be queued; nothing was" if dry_run else f"{count} queued")
    return {"queued": count, "dry_run": dry_run}


def _rows_text(rows: Mapping[str, int]) -> str:
    """What of a board is in a backup, in words."""
    counts = ((rows["submissions"], "submission"), (rows["results"], "result"))
    return ", ".join(f"{count:,} {name}{'s' * (count != 1)}" for count, name in counts)


@admin.command()
@output("file", folder=False, metavar="FILE")
@BOARD
@dry_run_option
@reports
def backup(file: Path, board: Path, dry_run: bool) -> dict[str, Any]:
    """Write the whole board to FILE, while it runs."""
    from leaderboard.store.backup import planned_backup, write_backup
    from leaderboard.store.files import SubmissionFiles

    with opened_board(board, dry_run=dry_run) as (settings, store):
        if dry_run:
            rows, size = planned_backup(store.engine, settings.files)
            what = (
                f"{count_text(rows['submissions'], 'submission')}, {count_text(rows['results'], 'result')}; of files "
                "alone"
            )
            return would_write([Output(file, what, size)], file=file, rows=rows)
        manifest = write_backup(store.engine, SubmissionFiles(settings.files), file)
    click.echo(f"{file}: {_rows_text(manifest.rows)}")
    return {"file": file, "rows": manifest.rows}


@admin.command()
@click.argument("file", type=INPUT_FILE)
@click.option("--dry-run", is_flag=True, help="Check the backup's hashes, and restore nothing.")
@BOARD
@reports
def restore(file: Path, dry_run: bool, board: Path) -> dict[str, Any]:
    """Fill an empty board from FILE."""
    from leaderboard.store.backup import check_backup, restore_backup
    from leaderboard.store.files import SubmissionFiles

    if dry_run:
        rows = check_backup(file).rows
        click.echo(f"{file} is whole: {_rows_text(rows)}; nothing was restored")
        return {"file": file, "rows": rows, "dry_run": True}
    with opened_board(board) as (settings, store):
        manifest = restore_backup(store.engine, SubmissionFiles(settings.files), file)
    click.echo(f"back: {_rows_text(manifest.rows)}")
    return {"file": file, "rows": manifest.rows, "dry_run": False}


@admin.command()
@click.option("--subject", default="", help="Only about this submission, account, token or data set.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, help="At most so many entries.")
@BOARD
@reports
def audit(subject: str, limit: int, board: Path) -> list[dict[str, Any]]:
    """Show the audit log, the newest first."""
    from leaderboard.store.audit_log import read_audit_log

    rows: list[dict[str, Any]] = []
    with opened_board(board) as (_, store):
        for row in read_audit_log(store.engine, subject=subject, limit=limit):
            columns = (f"{row.at:%Y-%m-%d %H:%M:%S}", row.actor, row.action, row.subject, row.address, row.details)
            click.echo("  ".join(columns))
            names = ("actor", "action", "subject", "address", "details")
            rows.append({"at": row.at, **{name: getattr(row, name) for name in names}})
    return rows


def _print_token(account: str, token: str) -> None:
    click.echo(f"the token of {account}, shown only now:", err=True)
    click.echo(token)
