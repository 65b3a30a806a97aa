"""`nvfair submit init | check | pack`: a submission before it is sent."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)
_PLACE = click.Path(path_type=Path, exists=True)
# What the check may take; a submission that needs more is not taken by a board either.
_MEMORY_MB = 4096
_SECONDS = 600.0


@click.command()
@click.argument("folder", type=_FOLDER)
def init(folder: Path) -> None:
    """Write a submission.yaml to fill in to FOLDER."""
    from leaderboard.submission.submission import DECLARATION_FILE, DECLARATION_TEMPLATE
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.files import write_text

    path = folder / DECLARATION_FILE
    if path.exists():
        raise NvfairError("there is one already", where=path, remedy="fill it in, or choose another folder")
    write_text(path, DECLARATION_TEMPLATE)
    click.echo(
        f"{path}: fill it in, put the embeddings beside it, then: nvfair submit check {folder} --dataset DATASET"
    )


@click.command()
@click.argument("place", metavar="FOLDER|ZIP", type=_PLACE)
@click.option("--dataset", type=_FOLDER, required=True, help="The data set that was embedded.")
def check(place: Path, dataset: Path) -> None:
    """List every problem of a submission, by the code that the board runs, within the bounds that it sets."""
    from functools import partial

    from leaderboard.submission.archive import submission_folder
    from leaderboard.submission.check import SubmissionCheck, SubmissionChecker
    from leaderboard.submission.sandbox import BoundedChild

    child = BoundedChild(partial(SubmissionChecker, dataset), _MEMORY_MB)
    try:
        with submission_folder(place) as folder:
            result: SubmissionCheck = child.call("check", folder, str(place), seconds=_SECONDS)
    finally:
        child.stop()
    result.raise_problems()
    click.echo(f"{place}: good")


@click.command()
@click.argument("folder", type=_FOLDER)
@click.argument("out", metavar="OUT.zip", type=click.Path(path_type=Path, dir_okay=False))
def pack(folder: Path, out: Path) -> None:
    """Write the submission in FOLDER to a zip file: the files that its submission.yaml names, and no others.

    Equal content gives equal bytes. Check it first: packing looks at names alone.
    """
    from leaderboard.submission.archive import pack as write
    from leaderboard.submission.submission import named_files, read_submission

    write(folder, out)
    click.echo(f"{out}: submission.yaml and {', '.join(named_files(read_submission(folder)))}")
