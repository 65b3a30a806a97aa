"""`nvfair dataset merge` and `append`: join data sets into a new one, or into one that exists."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import DATASET, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.curate.care.merge import MergeReport, PlannedMerge

_COPY = click.option("--copy", "copies", is_flag=True, help="Copy files, in place of giving them a second name.")


def _without_output(context: click.Context, parameter: click.Parameter, words: tuple[Path, ...]) -> tuple[Path, ...]:
    """The data sets among the words: without the first, which names the output where --out does not."""
    if context.resilient_parsing:
        return words
    if context.params.get("out") is None and len(words) > 1 and _is_finished(words[0]):
        raise click.UsageError(
            f"{str(words[0])!r} stands where the new folder is expected, and holds a data set: "
            "nvfair dataset merge OUT DATASET DATASET, or name the new folder with --out"
        )
    if context.params.get("out") is None:
        context.params["out"] = OUTPUT_FOLDER.convert(words[0], parameter, context)
        words = words[1:]
    if not words:
        raise click.UsageError("Missing argument 'DATASET...': name the data sets to join after OUT")
    return tuple(DATASET.convert(word, parameter, context) for word in words)


def _is_finished(folder: Path) -> bool:
    """Whether a folder holds a data set, and not one that is being joined."""
    return (folder / "dataset.json").is_file() and not (folder / ".merging").exists()


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
@dry_run_option
@reports
def merge(folders: tuple[Path, ...], out: Path, name: str, copies: bool, dry_run: bool) -> MergeReport | dict[str, Any]:
    """Join DATASETs into a new one, OUT, without writing their parts anew.

    Parts, videos and portraits are the same files under a second name; tables, card and dataset.json are written.
    A video that several sets have is kept once. Sets that contradict each other are refused, with every reason:
    a person in two splits or with other facts or rights, other formats, landmarks or features, one label of two
    generators, people who have withdrawn. Interrupted, the same command goes on.
    """
    from nvfair_tools.curate.care.merge import merge as run
    from nvfair_tools.curate.care.merge import planned_merge
    from nvfair_tools.pipeline.progress_lines import task_progress

    if dry_run:
        return _would_write(planned_merge(out, folders, name=name), copies)
    with task_progress("files") as report:
        outcome = run(out, folders, name=name, copies=copies, progress=report)
    _print(outcome)
    return outcome


@click.command()
@preflighted("curator:append")
@click.argument("data", metavar="DATASET", type=DATASET)
@click.argument("addition", type=DATASET)
@_COPY
@dry_run_option
@reports
def append(data: Path, addition: Path, copies: bool, dry_run: bool) -> MergeReport | dict[str, Any]:
    """Add the data set ADDITION to DATASET, in one step: until it is done, DATASET is what it was.

    The joined set is made in a folder beside DATASET, under the rules of `nvfair dataset merge`; then the folders are
    exchanged. Interrupted, the same command goes on.
    """
    from nvfair_tools.curate.care.merge import append as run
    from nvfair_tools.curate.care.merge import planned_append
    from nvfair_tools.pipeline.progress_lines import task_progress

    if dry_run:
        return _would_write(planned_append(data, addition), copies)
    with task_progress("files") as report:
        outcome = run(data, addition, copies=copies, progress=report)
    _print(outcome)
    return outcome


def _would_write(planned: PlannedMerge, copies: bool) -> dict[str, Any]:
    report = planned.report
    if planned.nothing_new:
        click.echo("all of it is here already: nothing would change")
        return would_write([], report=report, files=0)
    of_them = f"{report.renamed:,} renamed, {count_text(report.repeated, 'repeated video')} kept once"
    click.echo(
        f"{count_text(report.people, 'person')}, {count_text(report.videos, 'video')}, "
        f"{count_text(report.parts, 'part')} ({of_them}, {count_text(report.rewritten, 'part')} written anew for them)"
    )
    how = "copied" if copies else "with a second name, which takes no space on the disk that they are on"
    what = f"a data set: tables, card, dataset.json; and {count_text(planned.files, 'file')} {how}"
    return would_write([Output(report.folder, what, planned.bytes)], report=report, files=planned.files)


def _print(outcome: MergeReport) -> None:
    for remark in outcome.remarks:
        click.echo(f"note: {remark}")
    click.echo(
        f"{outcome.folder}: {count_text(outcome.people, 'person')}, {count_text(outcome.videos, 'video')}, "
        f"{count_text(outcome.parts, 'part')} ({count_text(outcome.renamed, 'file')} renamed, "
        f"{count_text(outcome.repeated, 'repeated video')} kept once, {count_text(outcome.rewritten, 'part')} written "
        f"anew for them); nvfair dataset check {outcome.folder} --full reads it all"
    )
