"""`nvfair submit init | check | pack`: commands for a submission before it is sent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import DATASET, INPUT, INPUT_FOLDER, output
from nvfair_tools.cli.preflight import preflighted


@click.command()
@output("folder", metavar="FOLDER")
@click.option("--checkpoint", help="A folder that `nvfair train` wrote, or pretrained:NAME: its record is filled in.")
@dry_run_option
@reports
def init(folder: Path, checkpoint: str | None, dry_run: bool) -> dict[str, Any]:
    """Write a submission.yaml to fill in to FOLDER."""
    if checkpoint is not None:
        from nvfair_tools.cli.benchmark.evaluate import needs_torch

        needs_torch()
    from leaderboard.submission.checkpoint_facts import create_declaration, planned_declaration

    if dry_run:
        place, text = planned_declaration(folder, checkpoint)
        return would_write([Output(place, "the declaration, to fill in", len(text.encode()))], file=place)
    path = create_declaration(folder, checkpoint)
    click.echo(f"{path}: fill it in, then:")
    click.echo(f"  nvfair embed DATASET {folder / 'embeddings' / 'test.parquet'} --checkpoint {checkpoint or 'RUN'}")
    click.echo(f"  nvfair submit check {folder} --dataset DATASET")
    return {"file": path}


@click.command()
@preflighted("author:check_submission")
@click.argument("submission", metavar="FOLDER|ZIP", type=INPUT)
@click.option("--dataset", type=DATASET, required=True, help="The data set that was embedded.")
@reports
def check(submission: Path, dataset: Path) -> dict[str, Any]:
    """List every problem of a submission, by the code that the board runs, within the bounds that it sets."""
    from leaderboard.submission.archive import listed_names
    from leaderboard.submission.bounded_check import check_within_bounds
    from nvfair_tools.errors import NvfairError, Problems

    try:
        result = check_within_bounds(submission, dataset)
        result.raise_problems()
    except NvfairError as error:
        if str(submission) in str(error):
            raise
        # The board's code, which knows an upload by no path, speaks of "the archive".
        where = f"{submission}: {error.where}" if error.where else submission
        if isinstance(error, Problems):
            raise Problems(where, error.problems, remedy=error.remedy) from error
        raise NvfairError(error.what, where=where, expected=error.expected, remedy=error.remedy) from error
    click.echo(f"{submission}: good")
    if result.left_out:
        click.echo(f"left out, as added by a file manager: {', '.join(listed_names(result.left_out))}")
    click.echo(f"next: nvfair submit push {submission} --url BOARD")
    return {"submission": submission, "good": True, "left_out": listed_names(result.left_out)}


@click.command()
@preflighted("author:pack")
@click.argument("folder", type=INPUT_FOLDER)
@output(folder=False, metavar="OUT.zip")
@dry_run_option
@reports
def pack(folder: Path, out: Path, dry_run: bool) -> dict[str, Any]:
    """Write the submission in FOLDER to a zip file: the files that its submission.yaml names, and no others.

    Equal content gives equal bytes. Check it first: packing looks at names alone.
    """
    from tempfile import TemporaryDirectory

    from leaderboard.submission import archive
    from leaderboard.submission.submission import named_files, read_submission

    if dry_run:
        with TemporaryDirectory() as scratch:  # as it would be written, and deleted
            size = archive.pack(folder, Path(scratch) / "submission.zip").stat().st_size
    else:
        archive.pack(folder, out)
    files = named_files(read_submission(folder))
    if dry_run:
        what = f"submission.yaml and {', '.join(files)}"
        return would_write([Output(out, what, size)], file=out, files=["submission.yaml", *files])
    click.echo(f"{out}: submission.yaml and {', '.join(files)}")
    click.echo(f"next: nvfair submit push {out} --url BOARD")
    return {"file": out, "files": ["submission.yaml", *files]}
