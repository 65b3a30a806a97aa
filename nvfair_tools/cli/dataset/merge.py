"""`nvfair dataset merge` and `append`: join data sets into a new one, or into one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET, OUTPUT_FOLDER

if TYPE_CHECKING:
    from nvfair_tools.curate.care.merge import MergeReport

_COPY = click.option("--copy", "copies", is_flag=True, help="Copy files, in place of giving them a second name.")


@click.command()
@click.argument("folders", metavar="[OUT] DATASET...", type=click.Path(path_type=Path), nargs=-1, required=True)
@click.option("--out", type=OUTPUT_FOLDER, help="The folder of the joined set, where OUT does not name it.")
@click.option("--name", default="", help="The name of the joined set. [default: theirs]")
@_COPY
@reports
@click.pass_context
def merge(context: click.Context, folders: tuple[Path, ...], out: Path | None, name: str, copies: bool) -> MergeReport:
    """Join DATASETs into a new one, OUT, without writing their parts anew.

    Parts, videos and portraits are the same files under a second name; tables, card and dataset.json are written.
    A video that several sets have is kept once. Sets that contradict each other are refused, with every reason:
    a person in two splits or with other facts or rights, other formats, landmarks or features, one label of two
    generators, people who have withdrawn. Interrupted, the same command goes on.
    """
    from nvfair_tools.curate.care.merge import merge as run
    from nvfair_tools.pipeline.progress_lines import task_progress

    place, *others = folders if out is None else (out, *folders)
    place = OUTPUT_FOLDER.convert(place, None, context)
    if not others:
        raise click.UsageError("Missing argument 'DATASET...': name the data sets to join after OUT")
    folders = tuple(DATASET.convert(folder, None, context) for folder in others)
    with task_progress("files") as report:
        outcome = run(place, folders, name=name, copies=copies, progress=report)
    _print(outcome)
    return outcome


@click.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@click.argument("addition", type=DATASET)
@_COPY
@reports
def append(data: Path, addition: Path, copies: bool) -> MergeReport:
    """Add the data set ADDITION to DATASET, in one step: until it is done, DATASET is what it was.

    The joined set is made in a folder beside DATASET, under the rules of `nvfair dataset merge`; then the folders are
    exchanged. Interrupted, the same command goes on.
    """
    from nvfair_tools.curate.care.merge import append as run
    from nvfair_tools.pipeline.progress_lines import task_progress

    with task_progress("files") as report:
        outcome = run(data, addition, copies=copies, progress=report)
    _print(outcome)
    return outcome


def _print(outcome: MergeReport) -> None:
    for remark in outcome.remarks:
        click.echo(f"note: {remark}")
    click.echo(
        f"{outcome.folder}: {outcome.people:,} people, {outcome.videos:,} videos, {outcome.parts:,} parts "
        f"({outcome.renamed:,} files renamed, {outcome.repeated:,} repeated videos kept once, "
        f"{outcome.rewritten:,} parts written anew for them); nvfair dataset check {outcome.folder} --full reads it all"
    )
