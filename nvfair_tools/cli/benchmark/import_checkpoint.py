"""`nvfair import-checkpoint`: a network that was trained elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.evaluate import needs_torch
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import INPUT_FILE, output


@click.command("import-checkpoint")
@click.argument("file", type=INPUT_FILE)
@output()
@click.option("--declaration", type=INPUT_FILE, help="What it was trained on (YAML or JSON). [default: all unknown]")
@click.option("--name", help="Name of the method in reports. [default: the file's]")
@dry_run_option
@reports
def import_checkpoint(
    file: Path, out: Path, declaration: Path | None, name: str | None, dry_run: bool
) -> dict[str, Any]:
    """Read one of AVAPrintDB's published graph networks from FILE; write it as a checkpoint to OUT.

    What nobody declares stays unknown: evaluation then says so beside every figure.
    """
    needs_torch()
    from benchmark.methods.avaprintdb.published_graph import import_published
    from benchmark.methods.checkpoint import RECORD_FILE
    from benchmark.methods.declaration import Declaration, read_declaration
    from nvfair_tools.errors import NvfairError

    made = Declaration.unknown() if declaration is None else read_declaration(declaration)
    checkpoint = import_published(file, made, name)
    if out.is_dir() and any(out.iterdir()):
        raise NvfairError("this folder is not empty", where=out, remedy="name another folder")
    if dry_run:
        size = sum(value.numel() * value.element_size() for value in checkpoint.network.state_dict().values())
        content = {"checkpoint": out, "description": checkpoint.describe(), "unknown_roles": made.unknown_roles}
        return would_write([Output(out, "a checkpoint: its record and weights", size)], **content)
    checkpoint.save(out)
    click.echo(f"{out / RECORD_FILE}: {checkpoint.network.method}, {checkpoint.describe()['parameters']} parameters")
    if made.unknown_roles:
        click.echo(
            f"warning: unknown: {', '.join(made.unknown_roles)}, as the file does not say whom they saw; so nobody can "
            "check that it has not met test people. --declaration states it (docs/training.md, Declarations)",
            err=True,
        )
    click.echo(f"next: nvfair evaluate DATASET --checkpoint {out} --out REPORT")
    return {"checkpoint": out, "description": checkpoint.describe(), "unknown_roles": made.unknown_roles}
