"""`nvfair weights`: the checkpoints of the network generators, checked, hashed and kept with their licence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import Name, registered_weights
from nvfair_tools.cli.paths import INPUT_FILE
from nvfair_tools.cli.preflight import preflighted

if TYPE_CHECKING:
    from generators.weights import Record


@click.group(cls=NearestGroup)
def weights() -> None:
    """Add, list and remove generator checkpoints.

    They live in $NVFAIR_WEIGHTS, else in ~/.cache/nvfair/weights.
    """


@weights.command()
@preflighted("curator:add_weights")
@click.argument("file", type=INPUT_FILE)
@click.option("--generator", help="The generator that the file must fit. [default: recognised]")
@click.option("--name", help="What to call it. [default: GENERATOR-FILE]")
@click.option("--source", metavar="URL", help="Where the file came from.")
@click.option("--licence", help="Licence of the weights. [default: the published one]")
@dry_run_option
@reports
def add(
    file: Path, generator: str | None, name: str | None, source: str | None, licence: str | None, dry_run: bool
) -> Record | dict[str, Any]:
    """Check a published checkpoint FILE and keep what its generator needs."""
    from generators import weights as store

    if dry_run:
        planned = store.plan_addition(file, generator=generator, name=name, source=source, licence=licence)
        record = _say("would add", planned.record)
        return would_write(_files_of(record.name, planned.bytes), record=record)
    return _say("added", store.add(file, generator=generator, name=name, source=source, licence=licence))


@weights.command()
@preflighted("curator:fetch_weights")
@click.argument("name")
@click.option("--url", required=True, help="https:// address, or hf://OWNER/REPO/FILE.")
@click.option("--sha256", required=True, metavar="HEX", help="What the file's sha256 must be.")
@click.option("--generator", help="The generator that the file must fit. [default: recognised]")
@click.option("--licence", help="Licence of the weights. [default: the published one]")
@dry_run_option
@reports
def fetch(
    name: str, url: str, sha256: str, generator: str | None, licence: str | None, dry_run: bool
) -> Record | dict[str, Any]:
    """Download a checkpoint, compare its sha256, and add it as NAME.

    A dry run asks nobody: how large the file is, and what it fits, is known when it is there.
    """
    from generators import weights as store

    if dry_run:
        address = store.plan_download(name, url, sha256, generator=generator)
        click.echo(f"{name}: {address} would be asked for; its sha256 must be {sha256}")
        return would_write(_files_of(name), address=address, name=name)
    return _say("fetched", store.fetch(name, url, sha256, generator=generator, licence=licence))


@weights.command(name="list")
@reports
def list_() -> list[Record]:
    """List the checkpoints that are registered, with licence and hash."""
    from generators import weights as store

    entries = store.records()
    if not entries:
        click.echo(f"no weights are registered in {store.store_folder()}; `nvfair weights add FILE` adds some")
    return [_say("", record) for record in entries]


@weights.command()
@click.argument("name", type=Name(registered_weights))
@click.option("--dry-run", is_flag=True, help="Say what would be removed.")
@reports
def remove(name: str, dry_run: bool) -> Record | dict[str, Any]:
    """Take NAME out of the store, its file included."""
    from generators import weights as store

    if dry_run:
        record = _say("would remove", store.find(name))
        return {"dry_run": True, "would_remove": record, "files": [output.path for output in _files_of(name)]}
    return _say("removed", store.remove(name))


def _files_of(name: str, size: int | None = None) -> list[Output]:
    from generators.weights import store_folder

    return [
        Output(store_folder() / f"{name}.safetensors", "the modules that its generator needs", size),
        Output(store_folder() / f"{name}.json", "where they came from, with their licence"),
    ]


def _say(verb: str, record: Record) -> Record:
    layout = f"{record.generator} ({record.variant})" if record.variant else record.generator
    words = f"{verb} {record.name}".strip()
    click.echo(
        f"{words}: {layout}, {record.licence}, sha256 {record.sha256}, from {record.original_file}, {record.source}"
    )
    return record
