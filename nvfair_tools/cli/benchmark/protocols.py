"""`nvfair protocols`: what the benchmark's protocols are, and what they make of a data set."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import PROTOCOL
from nvfair_tools.cli.paths import DATASET
from nvfair_tools.quantities import count_text


@click.group(cls=NearestGroup)
def protocols() -> None:
    """List, show and count the benchmark's protocols."""


@protocols.command(name="list")
@reports
def listing() -> list[dict[str, Any]]:
    """Name the protocols that ship, a sweep with its members, each with the first 12 digits of its digest."""
    from benchmark.protocols import load, names
    from benchmark.protocols.schema import expand_sweep

    rows: list[dict[str, Any]] = []
    for name in names():
        protocol = load(name)
        click.echo(f"{name:34} {protocol.digest[:12]}  {protocol.title}")
        for member in expand_sweep(protocol) if protocol.sweep is not None else ():
            click.echo(f"  {member.name:32} {member.digest[:12]}")
        rows.append({"name": name, "digest": protocol.digest, "title": protocol.title})
    return rows


@protocols.command()
@click.argument("name", type=PROTOCOL)
@reports
def show(name: str) -> dict[str, Any]:
    """Print protocol NAME (or a .json file) in canonical form; its digest goes to standard error."""
    from benchmark.protocols import load

    protocol = load(name)
    click.echo(protocol.to_json(), nl=False)
    click.echo(f"digest {protocol.digest}", err=True)
    return json.loads(protocol.to_json()) | {"digest": protocol.digest}


@protocols.command()
@click.argument("name", type=PROTOCOL)
@click.argument("dataset", type=DATASET)
@click.option("--split", help="Another split than the protocol's test split.")
@reports
def count(name: str, dataset: Path, split: str | None) -> list[dict[str, Any]]:
    """Count the trials of protocol NAME on DATASET's usable test videos, and say which targets have none, and why.

    Videos too short for a window, or without a face in one, are not known before they are read; evaluation leaves
    them out and says how many.
    """
    from benchmark.protocols import load_all
    from benchmark.trials.trials import count_trials
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.errors import NvfairError

    data = Dataset.open(dataset)
    counts: list[dict[str, Any]] = []
    for protocol in load_all(name):
        chosen = split or protocol.split.test
        videos = data.usable()
        videos = videos[(videos["split"] == chosen) & videos["generator"].notna()].reset_index(drop=True)
        if protocol.generators.test:
            videos = videos[videos["generator"].isin(protocol.generators.test)].reset_index(drop=True)
        if videos.empty:
            splits = ", ".join(sorted(set(data.usable()["split"].dropna())))
            raise NvfairError(
                f"split {chosen!r} has no usable reenactment",
                where=dataset,
                expected=f"one of its splits: {splits}" if splits else "usable videos in it",
            )
        people = len({*videos["target"], *videos["driver"]})
        click.echo(
            f"{protocol.name} {protocol.digest[:12]}: {count_text(len(videos), 'video')} of "
            f"{count_text(people, 'person')}"
        )
        table = count_trials(videos, protocol.trials)
        if table.empty:
            raise NvfairError(
                f"protocol {protocol.name} finds no cell among {', '.join(sorted(videos['generator'].unique()))}",
                where=dataset,
                expected="at least two generators" if protocol.trials.across_generators else "a generator",
            )
        for cell, group in table.groupby("cell", sort=False):
            lacking = group[group["lack"] != ""]
            click.echo(
                f"  {cell}: {group['genuine'].sum()} genuine, {group['impostor'].sum()} impostor, "
                f"{len(group) - len(lacking)} of {count_text(len(group), 'target')}"
            )
            for why, some in lacking.groupby("lack"):
                listed = ", ".join(some["target"].head(10)) + (", ..." if len(some) > 10 else "")
                click.echo(f"    {why}: {len(some)} ({listed})")
        counts.append({"protocol": protocol.name, "digest": protocol.digest, "videos": len(videos), "targets": table})
    return counts
