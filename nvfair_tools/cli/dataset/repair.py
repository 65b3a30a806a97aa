"""`nvfair dataset repair`: mend what is missing or damaged in a data set."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET, INPUT_FOLDER, RECIPE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("curator:change_dataset")
@click.argument("data", metavar="DATASET", type=DATASET)
@click.option(
    "--from",
    "copies",
    multiple=True,
    metavar="COPY",
    type=INPUT_FOLDER,
    help="A folder with another copy of the set, or of some of its files; repeatable.",
)
@click.option(
    "--recipe",
    type=RECIPE,
    help="The recipe of the set: what nothing else gives is made again by its build.",
)
@click.option("--dry-run", is_flag=True, help="Say what could be mended, and change nothing.")
@click.option(
    "--accept-other-bytes",
    is_flag=True,
    help="With --recipe: take what the build makes even where its hash is not the promised one.",
)
@reports
def repair(
    data: Path, copies: tuple[Path, ...], recipe: Path | None, dry_run: bool, accept_other_bytes: bool
) -> dict[str, Any]:
    """Mend the files of DATASET that are missing or damaged, and say which cannot be, and why.

    A full check says what is wrong. A file is mended from another place in the folder (swapped files), from a copy, by
    correcting a single wrong bit of a small file, from a part's own landmarks, by writing the card anew, and with a
    recipe by its build. Nothing is taken whose SHA-256 is not the promised one. Exit status 0 only where the set is
    whole at the end. Interrupt it as you like: the same command goes on.
    """
    from nvfair_tools.curate.care.repair import repair as run
    from nvfair_tools.errors import NvfairError, Problems
    from nvfair_tools.pipeline.progress_lines import task_progress

    if accept_other_bytes and recipe is None:
        raise NvfairError("--accept-other-bytes is about what a build makes", remedy="name the recipe too: --recipe")
    with task_progress("repair") as report:
        outcome = run(
            data,
            copies=copies,
            recipe=recipe,
            dry_run=dry_run,
            accept_other_bytes=accept_other_bytes,
            progress=lambda task, done, total: report(done, total, task),
        )
    verb = "would be mended" if dry_run else "mended"
    for file, source in sorted(outcome.mended.items()):
        click.echo(f"{file}: {verb} {source}")
    for remark in outcome.remarks:
        click.echo(f"note: {remark}")
    counts = ", ".join(f"{count:,} {source}" for source, count in sorted(outcome.counts().items()))
    click.echo(f"{data}: {count_text(len(outcome.mended), 'file')} {verb}" + (f" ({counts})" if counts else ""))
    if outcome.unmended:
        raise Problems(
            data,
            [f"{file}: {why}" for file, why in sorted(outcome.unmended.items())],
            remedy="name another copy with --from, or the recipe with --recipe; a card alone is written anew by "
            "`nvfair dataset card`",
        )
    if outcome.whole:
        click.echo(f"{data}: whole")
    return {
        "dataset": data,
        "dry_run": dry_run,
        "mended": outcome.mended,
        "whole": outcome.whole,
        "remarks": outcome.remarks,
    }
