"""`nvfair submit` and `nvfair board`: from embeddings to a place on a leaderboard."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.board.admin import admin
from nvfair_tools.cli.board.demo import demo
from nvfair_tools.cli.board.pack import check, init, pack
from nvfair_tools.cli.board.push import push
from nvfair_tools.cli.board.service import serve, worker

_FOLDER = click.Path(path_type=Path, file_okay=False)
_DATASET = click.option("--dataset", type=_FOLDER, required=True, help="The data set that was embedded.")


@click.group()
def submit() -> None:
    """Check and pack a leaderboard submission."""


for _command in (init, check, pack):
    submit.add_command(_command)


@click.group()
def board() -> None:
    """Keep a leaderboard: serve it, add submissions, export its pages."""


submit.add_command(push)
board.add_command(serve)
board.add_command(worker)
board.add_command(admin)


board.add_command(demo)

_STORE = click.option("--store", default="sqlite:///board.sqlite", show_default=True, help="SQLAlchemy database URL.")


@board.command()
@click.argument("folder", type=_FOLDER)
@_DATASET
@_STORE
def add(folder: Path, dataset: Path, store: str) -> None:
    """Check, score and store the submission in FOLDER. Adding it again changes nothing."""
    from leaderboard.store.results import Store
    from leaderboard.submission.scoring import score_submission
    from nvfair_tools.dataset import Dataset

    identity, submission, rows = score_submission(folder, Dataset.open(dataset))
    kept = Store(store)
    try:
        new = kept.add(identity, submission, rows)
    finally:
        kept.close()
    click.echo(f"{submission.method}: {len(rows)} entries scored" if new else f"{submission.method}: nothing new")


@board.command()
@click.argument("folder", type=_FOLDER)
@_STORE
def export(folder: Path, store: str) -> None:
    """Write the board as a static site (HTML, JSON, CSV) to FOLDER."""
    from leaderboard.pages.static_site import export_site
    from leaderboard.store.results import Store
    from nvfair_tools.files import make_folder

    kept = Store(store)
    try:
        results = [result for result in kept.results() if not result.private]
        click.echo(export_site(results, make_folder(folder)))
        if not results:
            click.secho(f"{store} holds no result yet: `nvfair board add` makes some", fg="yellow", err=True)
    finally:
        kept.close()
