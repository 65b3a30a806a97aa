"""`nvfair dataset merge` and `append`: join data sets into a new one, or into one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.preflight import preflighted

if TYPE_CHECKING:
    from nvfair_tools.curate.care.merge import MergeReport

_FOLDER = click.Path(path_type=Path, file_okay=False)
_COPY = click.option("--copy", "copies", is_flag=True, help="Copy files, in place of giving them a second name.")


@click.command()
@preflighted("curator:merge")
@click.argument("out", type=_FOLDER)
@click.argument("folders", metavar="DATASET...", type=_FOLDER, nargs=-1, required=True)
@click.option("--name", default="", help="The name of the joined set. [default: theirs]")
@_COPY
def merge(out: Path, folders: tuple[Path, ...], name: str, copies: bool) -> None:
    """Join DATASETs into a new one, OUT, without writing their parts anew.

    Parts, videos and portraits are the same files under a second name; tables, card and dataset.json are written.
    A video that several sets have is kept once. Sets that contradict each other are refused, with every reason:
    a person in two splits or with other facts or rights, other formats, landmarks or features, one label of two
    generators, people who have withdrawn. Interrupted, the same command goes on.
    """
    from nvfair_tools.curate.care.merge import merge as run
    from nvfair_tools.pipeline.progress_lines import task_progress

    with task_progress("files") as report:
        outcome = run(out, folders, name=name, copies=copies, progress=report)
    _print(outcome)


@click.command()
@preflighted("curator:append")
@click.argument("data", metavar="DATASET", type=_FOLDER)
@click.argument("addition", type=_FOLDER)
@_COPY
def append(data: Path, addition: Path, copies: bool) -> None:
    """Add the data set ADDITION to DATASET, in one step: until it is done, DATASET is what it was.

    The joined set is made in a folder beside DATASET, under the rules of `nvfair dataset merge`; then the folders are
    exchanged. Interrupted, the same command goes on.
    """
    from nvfair_tools.curate.care.merge import append as run
    from nvfair_tools.pipeline.progress_lines import task_progress

    with task_progress("files") as report:
        outcome = run(data, addition, copies=copies, progress=report)
    _print(outcome)


def _print(outcome: MergeReport) -> None:
    for remark in outcome.remarks:
        click.echo(f"note: {remark}")
    click.echo(
        f"{outcome.folder}: {outcome.people:,} people, {outcome.videos:,} videos, {outcome.parts:,} parts "
        f"({outcome.renamed:,} files renamed, {outcome.repeated:,} repeated videos kept once, "
        f"{outcome.rewritten:,} parts written anew for them); nvfair dataset check {outcome.folder} --full reads it all"
    )
