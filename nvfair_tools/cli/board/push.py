"""`nvfair submit push`: sends a submission to a running board."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.board.auc_lines import auc_lines
from nvfair_tools.cli.paths import INPUT
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text, size_text


@click.command()
@preflighted("author:push")
@click.argument("path", type=INPUT)
@click.option("--url", required=True, envvar="NVFAIR_BOARD", help="The board's address (or NVFAIR_BOARD).")
@click.option("--phase", default="", help="Needed where the board has several.")
@click.option("--private", is_flag=True, help="A draft that only you see until you publish it.")
@click.option("--wait/--no-wait", default=False, show_default=True, help="Stay until it is scored.")
@click.option("--dry-run", is_flag=True, help="Look at the files, the token and the board, send nothing.")
@reports
def push(path: Path, url: str, phase: str, private: bool, wait: bool, dry_run: bool) -> dict[str, Any]:
    """Send the submission PATH (a folder, or a zip file of it). Your token is read from NVFAIR_TOKEN."""
    from leaderboard.client import Client, token_from_environment
    from leaderboard.submission.archive import check_archive

    check_archive(path)
    if dry_run:
        Client(url).close()  # refuses what is no address
        return _describe(path, url)
    with Client(url, token_from_environment()) as client:
        accepted = client.submit(path, phase=phase, private=private)
        click.echo(
            f"{accepted.method}: {'accepted' if accepted.new else 'was here already'}, {accepted.state}; "
            f"{count_text(accepted.quota.left, 'more entry')} today in {accepted.phase}\ndigest {accepted.digest}"
        )
        if accepted.left_out:
            click.echo(f"left out, as added by a file manager: {', '.join(accepted.left_out)}")
        content: dict[str, Any] = {"accepted": accepted.model_dump(mode="json")}
        if not wait:
            click.echo(f"next: nvfair submit push {path} --url {url} --wait shows its figures")
            return content
        submission = client.wait_until_scored(accepted.digest)
    for job in submission.jobs:
        click.echo(f"{job.phase}, {job.reason}: {job.state}{': ' + job.error if job.error else ''}")
    for result in submission.results:
        for line in auc_lines(result.protocol, result.figures["generators"]):
            click.echo(line)
        if result.sealed:
            opens = f" until {result.sealed_until:%Y-%m-%d %H:%M} UTC" if result.sealed_until else ""
            answer = "rounded down" if result.figures["generators"] else "no step above the best so far: no answer"
            click.echo(f"{result.protocol}: hidden set, sealed{opens}; {answer}")
    if submission.results and not submission.private:
        click.echo(f"its page: {url.rstrip('/')}/method/{submission.digest}")
    return content | {"submission": submission.model_dump(mode="json")}


def _describe(path: Path, url: str) -> dict[str, Any]:
    """What would be sent: the archive is made aside, as for sending, and deleted."""
    import tempfile

    from leaderboard.submission.archive import pack

    with tempfile.TemporaryDirectory() as scratch:
        archive = path if path.is_file() else pack(path, Path(scratch) / "submission.zip")
        size = archive.stat().st_size
    click.echo(f"{path}: {size_text(size)} would be sent to {url}; nothing was sent")
    return {"path": path, "url": url, "bytes": size, "sent": False, "dry_run": True}
