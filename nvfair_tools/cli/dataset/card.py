"""`nvfair card`: whether a data set is what its card says."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def card() -> None:
    """Check that a data set is what its card says."""


@card.command()
@click.argument("dataset", type=click.Path(path_type=Path, file_okay=False))
def check(dataset: Path) -> None:
    """Read DATASET by its card with Hugging Face's `datasets`, as its users will, and list what differs."""
    from nvfair_tools.dataset import card_check
    from nvfair_tools.errors import Problems

    problems = card_check.card_problems(dataset)
    if problems:
        raise Problems(dataset, problems, remedy="run `nvfair build` again, which writes parts and card anew")
    click.echo(f"{dataset}: `datasets` reads {', '.join(card_check.CONFIGS)} as the card says")
