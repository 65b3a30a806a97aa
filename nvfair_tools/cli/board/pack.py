"""`nvfair submit init | check | pack`: commands for a submission before it is sent."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)
_FOLDER_OR_ZIP = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("folder", type=_FOLDER)
@click.option("--checkpoint", help="A folder that `nvfair train` wrote, or pretrained:NAME: its record is filled in.")
def init(folder: Path, checkpoint: str | None) -> None:
    """Write a submission.yaml to fill in to FOLDER."""
    if checkpoint is not None:
        from nvfair_tools.cli.benchmark.evaluate import needs_torch

        needs_torch()
    from leaderboard.submission.checkpoint_facts import create_declaration

    path = create_declaration(folder, checkpoint)
    click.echo(f"{path}: fill it in, then:")
    click.echo(f"  nvfair embed DATASET {folder / 'embeddings' / 'test.parquet'} --checkpoint {checkpoint or 'RUN'}")
    click.echo(f"  nvfair submit check {folder} --dataset DATASET")


@click.command()
@click.argument("submission", metavar="FOLDER|ZIP", type=_FOLDER_OR_ZIP)
@click.option("--dataset", type=_FOLDER, required=True, help="The data set that was embedded.")
def check(submission: Path, dataset: Path) -> None:
    """List every problem of a submission, by the code that the board runs, within the bounds that it sets."""
    from leaderboard.submission.archive import listed_names
    from leaderboard.submission.bounded_check import check_within_bounds

    result = check_within_bounds(submission, dataset)
    result.raise_problems()
    click.echo(f"{submission}: good")
    if result.left_out:
        click.echo(f"left out, as added by a file manager: {', '.join(listed_names(result.left_out))}")


@click.command()
@click.argument("folder", type=_FOLDER)
@click.argument("out", metavar="OUT.zip", type=click.Path(path_type=Path, dir_okay=False))
def pack(folder: Path, out: Path) -> None:
    """Write the submission in FOLDER to a zip file: the files that its submission.yaml names, and no others.

    Equal content gives equal bytes. Check it first: packing looks at names alone.
    """
    from leaderboard.submission import archive
    from leaderboard.submission.submission import named_files, read_submission

    archive.pack(folder, out)
    click.echo(f"{out}: submission.yaml and {', '.join(named_files(read_submission(folder)))}")
