"""`nvfair submit` and `nvfair board`: the groups of commands for authors and for the maintainer of a board."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from nvfair_tools.cli.board.admin import admin
from nvfair_tools.cli.board.demo import demo
from nvfair_tools.cli.board.pack import check, init, pack
from nvfair_tools.cli.board.push import push
from nvfair_tools.cli.board.service import serve, worker
from nvfair_tools.cli.preflight import preflighted

_FOLDER = click.Path(path_type=Path, file_okay=False)
_DATASET = click.option("--dataset", type=_FOLDER, required=True, help="The data set that was embedded.")
_STORE = click.option("--store", default="sqlite:///board.sqlite", show_default=True, help="SQLAlchemy database URL.")


@click.group()
def submit() -> None:
    """Check and pack a leaderboard submission."""


for _command in (init, check, pack, push):
    submit.add_command(_command)


class BoardGroup(click.Group):
    """A group whose commands say in words that the board's database cannot be used."""

    def invoke(self, ctx: click.Context) -> object:
        """Runs the command. Raises NvfairError where its database is damaged, locked or read-only."""
        try:
            return super().invoke(ctx)
        except Exception as error:
            if "sqlalchemy" not in sys.modules:  # no command that opens a database was run
                raise
            from leaderboard.store.database import is_unusable_database, unusable_database_error

            if is_unusable_database(error):
                raise unusable_database_error("the board's database", error) from error
            raise


@click.group(cls=BoardGroup)
def board() -> None:
    """Keep a leaderboard: serve it, add submissions, export its pages."""


for _command in (serve, worker, admin, demo):
    board.add_command(_command)


@board.command()
@preflighted("maintainer:add")
@click.argument("folder", type=_FOLDER)
@_DATASET
@_STORE
def add(folder: Path, dataset: Path, store: str) -> None:
    """Check, score and store the submission in FOLDER. Adding it again changes nothing."""
    from leaderboard.store.datasets import register_hidden_dataset
    from leaderboard.store.results import Store
    from leaderboard.submission.scoring import score_submission
    from leaderboard.submission.test_set import TestSet
    from nvfair_tools.dataset import Dataset

    test_set = TestSet(Dataset.open(dataset))
    digest, submission, scores = score_submission(folder, test_set)
    board_store = Store(store)
    try:
        if test_set.hidden:
            register_hidden_dataset(board_store.engine, test_set.digest, test_set.dataset.name)
        is_new = board_store.add(digest, submission, scores)
    finally:
        board_store.close()
    click.echo(f"{submission.method}: {len(scores)} entries scored" if is_new else f"{submission.method}: nothing new")


@board.command()
@preflighted("maintainer:export")
@click.argument("folder", type=_FOLDER)
@_STORE
def export(folder: Path, store: str) -> None:
    """Write the board as a static site (HTML, JSON, CSV) to FOLDER."""
    from leaderboard.pages.static_site import export_site
    from leaderboard.store.results import Store
    from nvfair_tools.files import make_folder

    board_store = Store(store)
    try:
        results = board_store.public_results()
        click.echo(export_site(results, make_folder(folder)))
        if not results:
            click.secho(f"{store} holds no result yet: `nvfair board add` makes some", fg="yellow", err=True)
    finally:
        board_store.close()
