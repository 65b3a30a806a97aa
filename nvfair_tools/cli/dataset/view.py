"""`nvfair view`: a local page to look through the videos of a data set."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.paths import DATASET


@click.command()
@click.argument("dataset", metavar="FOLDER", type=DATASET)
@click.option("--port", default=0, show_default="any free one", type=click.IntRange(0, 65535), help="The port.")
@click.option("--browser/--no-browser", default=True, help="Whether to open the page in the browser. [default: yes]")
@click.option(
    "--show-refused",
    is_flag=True,
    help="Show pictures, too, whose display people or licences refuse: to you, marked. Not those of the withdrawn.",
)
def view(dataset: Path, port: int, browser: bool, show_refused: bool) -> None:
    """Look through the videos of the data set in FOLDER, on a page of this machine alone.

    Filters, source, portrait and renderings side by side in step, landmarks drawn, motion over time, rights. Nothing is
    written. Ctrl-C stops it.
    """
    from nvfair_tools.viewer.serve import Watched, address_of, listen, new_token, run_viewer, start_text

    watched, token = Watched(dataset, show_refused=show_refused), new_token()
    with listen(port) as listening:
        click.echo(start_text(watched, address_of(listening, token)))
        try:
            run_viewer(watched, listening, token, open_browser=browser)
        except KeyboardInterrupt as interruption:
            if type(interruption) is not KeyboardInterrupt:
                raise  # SIGTERM has a status of its own
            click.echo("stopped")
            raise SystemExit(130) from None
