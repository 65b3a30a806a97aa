"""`nvfair board serve | worker`: a board that runs."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.board.place import BOARD_OR_ARGUMENT
from nvfair_tools.cli.preflight import preflighted


@click.command()
@preflighted("maintainer:serve")
@BOARD_OR_ARGUMENT
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", type=click.IntRange(1, 65535), default=8000, show_default=True, help="Port to listen on.")
@click.option("--with-worker/--without-worker", default=True, show_default=True, help="Score in this command too.")
def serve(board: Path, host: str, port: int, with_worker: bool) -> None:
    """Serve the board in the folder BOARD: pages, API and, unless left out, a worker."""
    from leaderboard.server.observability import configure_logging
    from leaderboard.server.serve import run_server
    from leaderboard.settings import read_settings

    settings = read_settings(board)
    configure_logging()
    click.echo(f"{settings.title}: http://{host}:{port} (Ctrl-C stops it)", err=True)
    run_server(settings, board, host=host, port=port, with_worker=with_worker)


@click.command()
@preflighted("maintainer:worker")
@BOARD_OR_ARGUMENT
@click.option("--with-parent", type=int, hidden=True, help="End when this process does.")
def worker(board: Path, with_parent: int | None) -> None:
    """Score what is queued on the board in the folder BOARD. Any number may run, on any machine that sees its files."""
    from leaderboard.server.observability import configure_logging
    from leaderboard.server.serve import run_worker
    from leaderboard.settings import read_settings

    settings = read_settings(board)
    configure_logging()
    run_worker(settings, parent=with_parent)
