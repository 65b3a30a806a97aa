"""`nvfair dataset merge` and `append`: join data sets into a new one, or into one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted

if TYPE_CHECKING:
    from nvfair_tools.curate.care.merge import MergeReport

_COPY = click.option("--copy", "copies", is_flag=True, help="Copy files, in place of giving them a second name.")


def _without_output(context: click.Context, parameter: click.Parameter, words: tuple[Path, ...]) -> tuple[Path, ...]:
    """The data sets among the words: without the first, which names the output where --out does not."""
    if context.resilient_parsing:
        return words
    if context.params.get("out") is None:
        context.params["out"] = OUTPUT_FOLDER.convert(words[0], parameter, context)
        words = words[1:]
    if not words:
        raise click.UsageError("Missing argument 'DATASET...': name the data sets to join after OUT")
    return tuple(DATASET.convert(word, parameter, context) for word in words)


@click.command()
@preflighted("curator:merge")
@click.argument(
    "folders",
    metavar="[OUT] DATASET...",
    type=click.Path(path_type=Path),
    nargs=-1,
    required=True,
    callback=_without_output,
)
@click.option(
    "--out", type=OUTPUT_FOLDER, is_eager=True, help="The folder of the joined set, where OUT does not name it."
)
@click.option("--name", default="", help="The name of the joined set. [default: theirs]")
@_COPY
@reports
def merge(folders: tuple[Path, ...], out: Path, name: str, copies: bool) -> MergeReport:
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
    return outcome


@click.command()
@preflighted("curator:append")
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
