"""Which board a command works on: the folder with board.yaml, named in the same way by every command."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.paths import InputPath, either

if TYPE_CHECKING:
    from leaderboard.settings import Settings
    from leaderboard.store.results import Store

_FOLDER = InputPath(what="a board's folder, which holds board.yaml")

# Of commands that have arguments of their own.
BOARD = click.option(
    "--board", type=_FOLDER, default=Path("."), help="The board's folder, or its board.yaml. [default: this folder]"
)
# Of commands that take a board alone.
BOARD_OR_ARGUMENT = either("board", "--board", _FOLDER, metavar="BOARD", default=Path("."))
# The earlier way to name a database without a board.
STORE = click.option("--store", metavar="URL", hidden=True, help="A database without a board (SQLAlchemy URL).")


@contextmanager
def opened_board(board: Path, *, dry_run: bool = False) -> Iterator[tuple[Settings, Store]]:
    """The settings and the store of a board. Raises NvfairError where no board is there, so that none is made.

    dry_run: a database that is not there yet is not made either: the store is then an empty one in memory.
    """
    from leaderboard.settings import read_settings
    from leaderboard.store.database import is_made_already
    from leaderboard.store.results import Store

    settings = read_settings(board)
    store = Store(settings.store if not dry_run or is_made_already(settings.store) else "sqlite://")
    try:
        yield settings, store
    finally:
        store.close()


@contextmanager
def opened_database(url: str, *, dry_run: bool = False) -> Iterator[Store]:
    """The store at a URL, the earlier way of naming one; a hint names the present one. dry_run: see `opened_board`."""
    from leaderboard.store.database import is_made_already
    from leaderboard.store.results import Store

    click.echo("hint: --board FOLDER names a board, whose board.yaml names its database", err=True)
    store = Store(url if not dry_run or is_made_already(url) else "sqlite://")
    try:
        yield store
    finally:
        store.close()
