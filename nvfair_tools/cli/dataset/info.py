"""`nvfair dataset info`: what a data set is, in one screen."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET


@click.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@reports
def info(data: Path) -> dict[str, Any]:
    """Say what DATASET is: people, videos, hours, bytes, licences and uses, features, versions, and what to run next.

    Files are looked at by name and size; `nvfair dataset check` reads them.
    """
    from nvfair_tools.dataset.describing.summary import summarise

    summary = summarise(data)
    click.echo(str(summary))
    return summary.to_json()
