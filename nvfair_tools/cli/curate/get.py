"""`nvfair get`: public collections of recordings, downloaded, verified and unpacked."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nvfair_tools.downloads.catalogue import Collection
    from nvfair_tools.downloads.get import Outcome
    from nvfair_tools.downloads.survey import FileState

_NAMES = ("ravdess", "crema-d", "avaprintdb")
_SERVERS = ("zenodo", "github", "github-api", "github-raw")


@click.command()
@preflighted("curator:get")
@click.argument("collection", type=click.Choice(_NAMES))
@output("folder", metavar="FOLDER")
@click.option("--accept-terms", is_flag=True, help="You accept the collection's terms, which are shown in any case.")
@click.option("--dry-run", is_flag=True, help="List the files and their bytes; download none of them.")
@click.option("--only", "patterns", multiple=True, metavar="PATTERN",
              help="Files of a Zenodo record, such as '*landmarks*.zip'; repeatable.")  # fmt: skip
@click.option("--keep-archives", is_flag=True, help="Keep zip files after they were unpacked.")
@click.option("--connections", type=click.IntRange(1, 16), default=4, show_default=True, help="Files at once.")
@click.option("--attempts", type=click.IntRange(1, 100), default=6, show_default=True, help="Tries without progress.")
@click.option("--server", "servers", multiple=True, metavar="NAME=URL",
              help=f"Another address of {', '.join(_SERVERS)}; repeatable; also NVFAIR_SERVERS, with blanks between.",
              envvar="NVFAIR_SERVERS")  # fmt: skip
@reports
def get(
    collection: str,
    folder: Path,
    accept_terms: bool,
    dry_run: bool,
    patterns: tuple[str, ...],
    keep_archives: bool,
    connections: int,
    attempts: int,
    servers: tuple[str, ...],
) -> Answer:
    """Download the public COLLECTION into FOLDER.

    Every file is compared with the publisher's size and checksum. Run the command again after an interruption: it goes
    on where it stopped. Without a network, it says which file to bring from where; files that you put into FOLDER are
    verified and used. Proxies: HTTPS_PROXY and the like.
    """
    from nvfair_tools.downloads.catalogue import COLLECTIONS
    from nvfair_tools.downloads.get import download
    from nvfair_tools.downloads.ledger import open_ledger
    from nvfair_tools.downloads.survey import check_space, survey
    from nvfair_tools.downloads.transfer import Retries, Transfer
    from nvfair_tools.pipeline.progress_lines import task_progress

    chosen = COLLECTIONS[collection]
    if patterns and not chosen.record:
        raise click.UsageError(f"--only is for records of Zenodo; {collection} is a repository.")
    addresses = _addresses(servers)
    click.echo(_terms(chosen))
    with open_ledger(folder, dry_run=dry_run) as ledger, Transfer(Retries(attempts=attempts)) as transfer:
        if not dry_run:
            _accept(chosen, accept_terms or ledger.has_accepted(_terms(chosen)))
            ledger.record_terms(_terms(chosen))
        with task_progress("list") as report:
            listing = chosen.list_files(
                transfer, ledger.place, patterns=patterns, connections=connections, servers=addresses, progress=report
            )
        with task_progress("verify") as report:
            states = survey(listing.files, ledger, transfer, report)
        _say_what_is_left(listing.version, states, list_all=dry_run)
        needed = check_space(states, folder, keep_archives=keep_archives, connections=connections)
        if dry_run:
            click.echo(f"nothing was downloaded; at most {needed / 1e9:.2f} GB of disk are needed")
            return Answer(_content(listing.version, states) | {"needed_bytes": needed, "dry_run": True})
        with task_progress("download (bytes)") as report:
            outcome = download(
                chosen,
                listing,
                states,
                ledger,
                transfer,
                keep_archives=keep_archives,
                connections=connections,
                report=report,
            )
    _say_outcome(chosen, folder, outcome)
    content = _content(listing.version, states) | {
        "outcomes": outcome.files,
        "downloaded_bytes": outcome.bytes,
        "unpacked": outcome.members,
        "left_out": outcome.left_out,
        "failures": {str(name): str(error) for name, error in outcome.failures},
        "complete": outcome.complete,
    }
    return Answer(content, 0 if outcome.complete else 1)


def _content(version: str, states: Sequence[FileState]) -> dict[str, Any]:
    files = [{"name": s.remote.name, "bytes": s.remote.size, "state": s.state, "left": s.bytes_left} for s in states]
    return {"version": version, "files": files}


def _addresses(servers: tuple[str, ...]) -> dict[str, str]:
    from nvfair_tools.downloads.catalogue import SERVERS

    addresses = dict(SERVERS)
    for text in servers:
        name, _, url = text.partition("=")
        if name not in addresses or not url.startswith(("http://", "https://")):
            raise click.UsageError(f"--server {text!r}: expected NAME=URL with a name of {', '.join(_SERVERS)}.")
        addresses[name] = url.rstrip("/")
    return addresses


def _terms(collection: Collection) -> str:
    lines = [f"{collection.title} ({collection.page})", *(f"  - {sentence}" for sentence in collection.terms)]
    return "\n".join(lines)


def _accept(collection: Collection, accepted: bool) -> None:
    """Asks on a terminal whether the terms are accepted. Raises UsageError where nobody can be asked."""
    if accepted:
        return
    if not sys.stdin.isatty():
        raise click.UsageError(
            f"the terms of {collection.name} were not accepted: pass --accept-terms if you accept them."
        )
    if not click.confirm("Do you accept these terms?"):
        click.echo("nothing was downloaded")
        raise SystemExit(1)


def _say_what_is_left(version: str, states: Sequence[FileState], *, list_all: bool) -> None:
    if list_all:
        for state in states:
            click.echo(f"{state.remote.size:>14,}  {state.state:<10}  {state.remote.name}")
    total, left = sum(state.remote.size for state in states), sum(state.bytes_left for state in states)
    done = sum(state.state == "done" for state in states)
    click.echo(
        f"{version}: {count_text(len(states), 'file')}, {total / 1e9:.2f} GB; {done:,} are there, {left / 1e9:.2f} GB "
        "are to be downloaded"
    )


def _say_outcome(collection: Collection, folder: Path, outcome: Outcome) -> None:
    from nvfair_tools.downloads.get import WAYS

    counts = ", ".join(f"{count:,} {how}" for how in WAYS if (count := outcome.files[how]))
    click.echo(f"files: {counts or 'none'}; {outcome.bytes / 1e9:.2f} GB downloaded")
    if outcome.members:
        click.echo(f"unpacked: {count_text(outcome.members, 'file')}")
    for reason, count in sorted(outcome.left_out.items()):
        click.echo(f"left out: {reason}: {count:,}")
    for _, error in outcome.failures[:30]:
        click.secho(f"error: {error}", fg="red", err=True)
    if len(outcome.failures) > 30:
        click.secho(f"... and {len(outcome.failures) - 30:,} more", fg="red", err=True)
    if not outcome.complete:
        click.secho(f"{collection.name} is not complete: run the same command again", fg="yellow", err=True)
        return
    if collection.expected_files:
        present = sum(
            path.suffix.lower() == collection.expected_suffix
            for path in folder.rglob("*")
            if ".nvfair-get" not in path.parts
        )
        text = f"{present:,} of the published {collection.expected_files:,} clips are in {folder}"
        click.secho(text, fg=None if present == collection.expected_files else "yellow")
    click.echo(f"finished: {folder}")
