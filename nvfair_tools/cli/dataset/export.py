"""`nvfair dataset export`: a data set in the layout of others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET, output
from nvfair_tools.cli.preflight import preflighted

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
@reports
def export(
    data: Path, out: Path, target: str, only_permitted: bool, shard_size: float | None, no_landmarks: bool
) -> dict[str, Any]:
    """Copy the videos of DATASET to the folder OUT in another layout, with licence, consent and permitted use of each.

    webdataset: tar files that are read in sequence, a video with its description and track a sample. nvfair: the
    folders and the table of the NVFAIR release. OUT holds nothing of a video that may not be passed on today: where
    there is one, nothing is exported, unless --only-permitted leaves it out. Run again after an interruption, it goes
    on. docs/exports.md has the details.
    """
    from nvfair_tools.dataset.exports import export_dataset
    from nvfair_tools.pipeline.progress_lines import task_progress

    options: dict[str, Any] = {}
    if shard_size is not None:
        options["shard_bytes"] = round(shard_size * 1e6)
    if no_landmarks:
        options["landmarks"] = False
    if options and target != "webdataset":
        raise click.UsageError("--shard-size and --no-landmarks belong to --to webdataset")
    with task_progress("export") as report:
        done = export_dataset(data, out, target, options=options, only_permitted=only_permitted, progress=report)
    for remark in done.remarks:
        click.echo(f"note: {remark}")
    for reason, count in done.left_out.items():
        click.echo(f"left out: {count:,} videos: {reason}")
    before = done.files - done.written
    earlier = f", {before:,} of them by an earlier run" if before else ""
    click.echo(f"{out}: {done.videos:,} videos in {done.files:,} files{earlier}; manifest.json has the hash of each")
    return {
        "folder": out,
        "videos": done.videos,
        "files": done.files,
        "written": done.written,
        "left_out": done.left_out,
        "remarks": done.remarks,
    }
