"""`nvfair dataset upgrade`: a data set of an earlier format becomes one of the present format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import DATASET
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("curator:change_dataset")
@click.argument("data", metavar="DATASET", type=DATASET)
@dry_run_option
@reports
def upgrade(data: Path, dry_run: bool) -> dict[str, Any]:
    """Take DATASET to the present format, without rendering: frames and videos stay, bit for bit.

    Frame rows get the columns driver, target, generator and split; files whose names not every file system or reader
    takes get others. A set with missing or damaged files is left as it is. Interrupt it as you like: the same command
    goes on.
    """
    from nvfair_tools.curate.upgrading import upgrade as run
    from nvfair_tools.curate.upgrading.upgrade import plan_upgrade
    from nvfair_tools.dataset.schema import FORMAT_VERSION
    from nvfair_tools.pipeline.progress_lines import task_progress

    with task_progress("upgrade") as report:
        outcome = (plan_upgrade if dry_run else run)(data, progress=lambda task, done, total: report(done, total, task))
    if outcome.renamed is None:
        click.echo(f"{data}: has format version {outcome.version} already")
        content = {"dataset": data, "version": outcome.version, "upgraded": False}
        return would_write([], **content) if dry_run else content
    for old, new in sorted(outcome.renamed.items()):
        click.echo(f"{old}: {'would be' if dry_run else 'is now'} {new}")
    counts = {"parts": outcome.parts, "rows": outcome.rows, "renamed": outcome.renamed}
    if dry_run:
        size = sum(path.stat().st_size for path in (data / "frames").rglob("*.parquet"))
        what = (
            f"format version {FORMAT_VERSION}; {count_text(outcome.parts, 'part')} with "
            f"{count_text(outcome.rows, 'row')} written anew"
        )
        return would_write([Output(data, what, size)], dataset=data, version=outcome.version, upgraded=False, **counts)
    earlier = f" ({outcome.earlier_parts:,} more by an earlier run)" if outcome.earlier_parts else ""
    click.echo(
        f"{data}: format version {FORMAT_VERSION}; {count_text(outcome.parts, 'part')} with "
        f"{count_text(outcome.rows, 'row')} written{earlier}, {count_text(len(outcome.renamed), 'file')} renamed"
    )
    return {"dataset": data, "version": FORMAT_VERSION, "upgraded": True, **counts}
