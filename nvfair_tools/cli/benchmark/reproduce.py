"""`nvfair reproduce pack | run`: one cell of a report, recomputed by somebody else."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def reproduce() -> None:
    """Recompute one figure of a report exactly, without the data set."""


@reproduce.command()
@click.argument("report", type=click.Path(path_type=Path, file_okay=False))
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
@click.option("--method", default="", help="Name of the method, where the report has several.")
@click.option("--generator", default="", help="Test generator, where the report has several.")
@click.option("--protocol", default="", help="Name of the protocol, where the report has several.")
def pack(report: Path, bundle: Path, method: str, generator: str, protocol: str) -> None:
    """Write what one cell of REPORT was computed from to BUNDLE, a zip."""
    from benchmark.evaluation.reproduce import write_bundle
    from nvfair_tools.files import make_folder

    make_folder(bundle.parent)
    cell = write_bundle(report, bundle, method=method, generator=generator, protocol=protocol)
    click.echo(f"{bundle}: {cell.method} on {cell.generator} under {cell.protocol}")


@reproduce.command("run")
@click.argument("bundle", type=click.Path(path_type=Path, dir_okay=False))
def run_(bundle: Path) -> None:
    """Recompute the cell in BUNDLE and compare it with what was reported."""
    from benchmark.evaluation.reproduce import recompute_bundle
    from nvfair_tools.errors import Problems

    cell = recompute_bundle(bundle)
    if cell.changed:
        problems = [
            f"{figure.key}: reported {figure.reported}, recomputed {figure.recomputed}" for figure in cell.changed
        ]
        raise Problems(
            bundle,
            problems,
            remedy="compare the versions in bundle.json with yours; other ones may change a last digit",
        )
    auc = cell.figures.auc_mean
    click.echo(f"{cell.method} on {cell.generator} under {cell.protocol}: every figure is the same")
    click.echo(f"mean AUC over {auc.people} people: {auc.value!r}")
