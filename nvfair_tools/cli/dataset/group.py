"""`nvfair dataset`: work on a finished data set."""

from __future__ import annotations

from pathlib import Path

import click

_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.group()
def dataset() -> None:
    """Work on a finished data set: make the copy that authors get of a hidden one."""


@dataset.command()
@click.argument("data", metavar="DATASET", type=_FOLDER)
@click.argument("out", type=_FOLDER)
@click.option(
    "--key",
    type=click.Path(path_type=Path, dir_okay=False),
    help="The board's file of which video is which. [default: blind-key.json in DATASET, where a board looks for it]",
)
@click.option(
    "--protocol",
    "names",
    multiple=True,
    default=("nvfair-seen", "nvfair-unseen"),
    show_default=True,
    help="Protocols of its use; repeatable.",
)
def blind(data: Path, out: Path, key: Path | None, names: tuple[str, ...]) -> None:
    """Write the blind copy of DATASET's test videos to OUT: random names, no labels, videos encoded anew.

    DATASET itself and the key stay with the board; whoever has either knows the labels.
    """
    from benchmark import protocols
    from leaderboard.hidden.blind_copy import write_blind_copy as write
    from leaderboard.hidden.blind_key import KEY_FILE
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.pipeline.progress_lines import task_progress

    source, place = Dataset.open(data), key or data / KEY_FILE
    with task_progress("videos") as report:
        made = write(
            source,
            out,
            place,
            [protocols.load(name) for name in names],
            progress=report,
        )
    click.echo(f"{out}: {len(made.names)} videos for authors; keep {place} and {data} to yourself")
