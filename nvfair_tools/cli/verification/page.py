"""`nvfair verify-page`: the same as `nvfair verify` in a browser on this machine."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.paths import INPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted


@click.command()
@preflighted("verifier:verify_page")
@click.argument("folder", type=INPUT_FOLDER, default=".")
@click.option("--port", default=8750, show_default=True, type=click.IntRange(1, 65535), help="Port to listen on.")
def verify_page(folder: Path, port: int) -> None:
    """Serve a page on 127.0.0.1 where a video can be dropped.

    FOLDER has the enrolments (*.enrolment) and calibrations (*.calibration) to choose from. Other machines cannot reach
    the page; a video is deleted after its answer, also after an error.
    """
    from benchmark.verification.page.app import serve_page

    click.echo(f"open http://127.0.0.1:{port} in a browser; Ctrl-C ends it")
    serve_page(folder, port=port)
