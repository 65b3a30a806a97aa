"""`nvfair submit push`: sends a submission to a running board."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.board.auc_lines import auc_lines


@click.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True))
@click.option("--url", required=True, envvar="NVFAIR_BOARD", help="The board's address (or NVFAIR_BOARD).")
@click.option("--phase", default="", help="Needed where the board has several.")
@click.option("--private", is_flag=True, help="A draft that only you see until you publish it.")
@click.option("--wait/--no-wait", default=False, show_default=True, help="Stay until it is scored.")
def push(path: Path, url: str, phase: str, private: bool, wait: bool) -> None:
    """Send the submission PATH (a folder, or a zip file of it). Your token is read from NVFAIR_TOKEN."""
    from leaderboard.client import Client, token_from_environment

    with Client(url, token_from_environment()) as client:
        accepted = client.submit(path, phase=phase, private=private)
        click.echo(
            f"{accepted.method}: {'accepted' if accepted.new else 'was here already'}, {accepted.state}; "
            f"{accepted.quota.left} more entries today in {accepted.phase}\n{accepted.digest}"
        )
        if accepted.left_out:
            click.echo(f"left out, as added by a file manager: {', '.join(accepted.left_out)}")
        if not wait:
            return
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
