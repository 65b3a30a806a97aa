"""`nvfair dataset push`: a data set to the Hugging Face Hub."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET, INPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text, size_text

if TYPE_CHECKING:
    from nvfair_tools.dataset.hub import PushPlan, SignedCopies

_NAMED = 5  # of the files that stay


@click.command()
@preflighted("curator:push")
@click.argument("data", metavar="DATASET", type=DATASET)
@click.argument("repo", metavar="OWNER/NAME")
@click.option("--yes/--dry-run", default=False, help="Send it. [default: only show it; nothing leaves this machine]")
@click.option("--public", is_flag=True, help="Anybody may read the repository. [default: private]")
@click.option("--signed", type=INPUT_FOLDER, help="Send the signed copies of the videos that `nvfair mark` left here.")
@click.option("--message", default="", help="What the commit says.")
@reports
def push(data: Path, repo: str, yes: bool, public: bool, signed: Path | None, message: str) -> dict[str, Any]:
    """Show what of DATASET would be sent to the Hub's repository OWNER/NAME, and send it with --yes.

    First it checks that the set is whole, that the card can be read, and that all of it may be passed on today; else
    nothing is sent. The files that the set names are sent, no others. It goes on where an interrupted run stopped.
    docs/exports.md has the details.
    """
    from nvfair_tools.dataset.hub import plan_push, send
    from nvfair_tools.pipeline.progress_lines import step_progress, task_progress

    copies = _signed_copies(signed) if signed is not None else None
    with task_progress("check") as report:
        plan = plan_push(data, repo, signed=copies, progress=lambda task, done, total: report(done, total, task))
    _show(plan, public)
    if not yes:
        click.echo("nothing was sent: --yes sends it")
        return _content(plan) | {"sent": False, "dry_run": True}
    with task_progress("hash") as report, step_progress() as step:
        sent = send(plan, public=public, message=message, progress=report, step=step)
    if sent.deleted:
        click.echo(
            f"deleted: {count_text(len(sent.deleted), 'file')} that left the set; the repository's history still "
            "has them: HfApi().super_squash_history(...) of huggingface_hub removes it"
        )
    click.echo(f"{sent.url}: {count_text(sent.files, 'file')}, {size_text(sent.size)}")
    return _content(plan) | {"sent": True, "url": sent.url, "deleted": sent.deleted}


def _content(plan: PushPlan) -> dict[str, Any]:
    counts = [{"place": place, "files": files, "bytes": size} for place, files, size in plan.counts()]
    return {"repo": plan.repo, "counts": counts, "bytes": plan.size, "not_sent": plan.not_sent, "remarks": plan.remarks}


def _show(plan: PushPlan, public: bool) -> None:
    for remark in plan.remarks:
        click.echo(f"note: {remark}")
    click.echo(f"to {plan.repo}, {'public: anybody may read it' if public else 'private'}")
    for place, files, size in plan.counts():
        click.echo(f"{place:>16}  {count_text(files, 'file'):>15}  {size_text(size):>9}")
    click.echo(f"{'in all':>16}  {count_text(len(plan.files), 'file'):>15}  {size_text(plan.size):>9}")
    if plan.not_sent:
        more = f" and {len(plan.not_sent) - _NAMED:,} more" if len(plan.not_sent) > _NAMED else ""
        click.echo(f"not sent, as no part of the set: {', '.join(plan.not_sent[:_NAMED])}{more}")
    if plan.unsigned:
        click.echo(
            f"note: {count_text(plan.unsigned, 'video carries', 'videos carry')} no signature (C2PA), which tells "
            "others that a video is yours and unchanged: `nvfair mark` signs copies, and --signed FOLDER sends these "
            "(docs/marking.md)"
        )


def _signed_copies(folder: Path) -> SignedCopies:
    """The signed copies that the table of a published folder names."""
    from nvfair_tools.dataset.hub import SignedCopies
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.marks.table import TABLE, read_table

    if not (folder / TABLE).is_file():
        raise NvfairError(f"there is no {TABLE} here", where=folder, remedy="name a folder that `nvfair mark` wrote")
    hashes = {row.path: (row.rendered_sha256, row.published_sha256) for row in read_table(folder / TABLE)}
    return SignedCopies(folder, hashes, TABLE)
