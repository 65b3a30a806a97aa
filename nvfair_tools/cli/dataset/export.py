"""`nvfair dataset export`: a data set in the layout of others."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import DATASET, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.dataset.exports import ExportReport

_TARGETS = ("webdataset", "nvfair")  # a test compares them with the layouts that there are


@click.command()
@preflighted("curator:export")
@click.argument("data", metavar="DATASET", type=DATASET)
@output()
@click.option("--to", "target", type=click.Choice(_TARGETS), required=True, help="The layout of OUT.")
@click.option("--only-permitted", is_flag=True, help="Leave out videos that may not be passed on, and say how many.")
@click.option(
    "--shard-size",
    type=click.FloatRange(min=0, min_open=True),
    metavar="MB",
    help="webdataset: megabytes of a tar file at most, unless one video is larger. [default: 1000]",
)
@click.option("--no-landmarks", is_flag=True, help="webdataset: videos and descriptions alone, no tracks.")
@dry_run_option
@reports
def export(
    data: Path,
    out: Path,
    target: str,
    only_permitted: bool,
    shard_size: float | None,
    no_landmarks: bool,
    dry_run: bool,
) -> dict[str, Any]:
    """Copy the videos of DATASET to the folder OUT in another layout, with licence, consent and permitted use of each.

    webdataset: tar files that are read in sequence, a video with its description and track a sample. nvfair: the
    folders and the table of the NVFAIR release. OUT holds nothing of a video that may not be passed on today: where
    there is one, nothing is exported, unless --only-permitted leaves it out. Run again after an interruption, it goes
    on. docs/exports.md has the details.
    """
    from nvfair_tools.dataset.exports import export_dataset
    from nvfair_tools.dataset.exports.export import plan_export
    from nvfair_tools.pipeline.progress_lines import task_progress

    options: dict[str, Any] = {}
    if shard_size is not None:
        options["shard_bytes"] = round(shard_size * 1e6)
    if no_landmarks:
        options["landmarks"] = False
    if options and target != "webdataset":
        raise click.UsageError("--shard-size and --no-landmarks belong to --to webdataset")
    if dry_run:
        planned = plan_export(data, out, target, options=options, only_permitted=only_permitted)
        content, waiting = _content(planned.report), planned.waiting_bytes
        _say_left_out(planned.report)
        what = (
            f"{count_text(planned.report.videos, 'video')} in {count_text(planned.report.files, 'file')}, and "
            "manifest.json"
        )
        if planned.folder.is_finished:
            click.echo(f"{out}: an earlier run has written all of it")
            return would_write([], **content)
        return would_write([Output(out, what, waiting)], **content)
    with task_progress("export") as report:
        done = export_dataset(data, out, target, options=options, only_permitted=only_permitted, progress=report)
    _say_left_out(done)
    before = done.files - done.written
    earlier = f", {before:,} of them by an earlier run" if before else ""
    click.echo(
        f"{out}: {count_text(done.videos, 'video')} in {count_text(done.files, 'file')}{earlier}; manifest.json has "
        "the hash of each"
    )
    return _content(done)


def _say_left_out(report: ExportReport) -> None:
    for remark in report.remarks:
        click.echo(f"note: {remark}")
    for reason, count in report.left_out.items():
        click.echo(f"left out: {count_text(count, 'video')}: {reason}")


def _content(report: ExportReport) -> dict[str, Any]:
    names = ("folder", "videos", "files", "written", "left_out", "remarks")
    return {name: getattr(report, name) for name in names}
