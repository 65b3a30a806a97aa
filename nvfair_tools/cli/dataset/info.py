"""`nvfair dataset info`: what a data set is, in one screen."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("data", metavar="DATASET", type=click.Path(path_type=Path, file_okay=False))
@click.option("--json", "as_json", is_flag=True, help="Print it as JSON.")
def info(data: Path, as_json: bool) -> None:
    """Say what DATASET is: people, videos, hours, bytes, licences and uses, features, versions, and what to run next.

    Files are looked at by name and size; `nvfair dataset check` reads them.
    """
    import json

    from nvfair_tools.dataset.describing.summary import summarise

    summary = summarise(data)
    click.echo(json.dumps(summary.to_json(), indent=1, ensure_ascii=False) if as_json else str(summary))
