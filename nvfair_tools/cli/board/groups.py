"""`nvfair submit` and `nvfair board`: the groups of commands for authors and for the maintainer of a board."""

from __future__ import annotations

import sys

import click

from nvfair_tools.cli.board.admin import admin
from nvfair_tools.cli.board.content import add, export
from nvfair_tools.cli.board.demo import demo
from nvfair_tools.cli.board.pack import check, init, pack
from nvfair_tools.cli.board.push import push
from nvfair_tools.cli.board.service import serve, worker
from nvfair_tools.cli.groups import NearestGroup


@click.group(cls=NearestGroup)
def submit() -> None:
    """Begin, check, pack and push (send) a leaderboard submission."""


for _command in (init, check, pack, push):
    submit.add_command(_command)


class BoardGroup(NearestGroup):
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
    """Keep a leaderboard: serve it, add submissions, export its pages.

    Every command takes --board FOLDER, the folder with board.yaml; without it, the current folder is meant.
    """


for _command in (serve, worker, admin, demo, add, export):
    board.add_command(_command)
