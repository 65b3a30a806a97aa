"""`nvfair dataset card`: write a data set's card anew, or check it; `nvfair card check` is the earlier name of that."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.paths import DATASET
from nvfair_tools.cli.preflight import preflighted


@click.group(cls=NearestGroup)
def card() -> None:
    """Check that a data set is what its card says: the earlier name of `nvfair dataset card --check`."""


@card.command()
@click.argument("dataset", type=DATASET)
@reports
def check(dataset: Path) -> dict[str, Any]:
    """Read DATASET by its card with Hugging Face's `datasets`, as its users will, and list what differs.

    The same as `nvfair dataset card DATASET --check`. Whether the files are whole: `nvfair dataset check DATASET`.
    """
    click.echo(f"hint: nvfair dataset card {dataset} --check is its name today", err=True)
    return check_card(dataset, online=False)


@click.command(name="card")
@preflighted("curator:dataset_card")
@click.argument("data", metavar="DATASET", type=DATASET)
@click.option(
    "--check", "--dry-run", "only_check", is_flag=True, help="Write nothing: list what is wrong with the card."
)
@click.option(
    "--edited",
    multiple=True,
    metavar="FILE",
    help="A file that you changed on purpose, relative to DATASET, such as consent.parquet; repeatable.",
)
@click.option("--online", is_flag=True, help="Ask the Hub's own validator too, over the network.")
@reports
def dataset_card(data: Path, only_check: bool, edited: tuple[str, ...], online: bool) -> dict[str, Any]:
    """Write the card of DATASET anew from its tables, or check it.

    After you have changed a consent table or measured the quality, the card is written anew, with its plots, and
    dataset.json gets the new hashes. What you changed yourself is named with --edited: any other file that is not as
    it was recorded stops this. Then the card is checked: its YAML by what the Hub takes (licences, sizes, tags,
    configs), and the whole by reading the set with `datasets`.
    """
    from nvfair_tools.errors import NvfairError

    if only_check and edited:
        raise NvfairError("--edited is about writing the card", remedy="leave --check out")
    changed: tuple[str, ...] | list[str] = ()
    if not only_check:
        from nvfair_tools.curate.care.card_again import rewrite_card

        changed = rewrite_card(data, edited)
        click.echo(f"{data}: card written; " + (f"changed: {', '.join(changed)}" if changed else "nothing has changed"))
    return check_card(data, online=online) | {"changed": changed, "dry_run": only_check}


def check_card(data: Path, *, online: bool) -> dict[str, Any]:
    """Raises Problems with everything that is wrong with a card, else says that it is right."""
    from nvfair_tools.dataset.checking import card_check
    from nvfair_tools.dataset.describing import card_metadata
    from nvfair_tools.dataset.reader import Dataset
    from nvfair_tools.errors import Problems

    problems = card_check.card_problems(data)
    rows = int(Dataset.open(data).usable()["frames"].sum())
    problems += [f"YAML: {text}" for text in card_metadata.metadata_problems(data / "README.md", rows)]
    problems += card_metadata.hub_problems(data / "README.md") if online else []
    if problems:
        raise Problems(data, problems, remedy=f"nvfair dataset card {data}, which writes it anew")
    click.echo(f"{data}: `datasets` reads {', '.join(card_check.CONFIGS)} as the card says, and the Hub takes its YAML")
    return {"dataset": data, "configs": card_check.CONFIGS, "problems": []}
