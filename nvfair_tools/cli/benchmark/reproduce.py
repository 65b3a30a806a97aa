"""`nvfair reproduce pack | run`: one cell of a report, recomputed by somebody else."""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import PROTOCOL
from nvfair_tools.cli.paths import DATASET, INPUT_FILE, INPUT_FOLDER, output
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from benchmark.evaluation.reproduce import RecomputedCell


_MEMORY_MB, _SECONDS = 8192, 3600.0  # that a bundle may take; it comes from somebody else


class Recomputation:
    """What the child process does.

    It imports everything when it is made: what modules take does not count against the memory that a bundle may take.
    """

    def __init__(self) -> None:
        for module in ("benchmark.evaluation.reproduce", "scipy.spatial.distance"):
            importlib.import_module(module)

    def run(self, bundle: Path) -> RecomputedCell:
        """Recomputes the cell of a bundle."""
        from benchmark.evaluation.reproduce import recompute_bundle

        return recompute_bundle(bundle)


@click.group(cls=NearestGroup)
def reproduce() -> None:
    """Recompute one figure of a report exactly, without the data set."""


@reproduce.command()
@click.argument("report", type=INPUT_FOLDER)
@output("bundle", folder=False, metavar="BUNDLE")
@click.option("--method", default="", help="Name of the method, where the report has several.")
@click.option("--generator", default="", help="Test generator, where the report has several.")
@click.option("--protocol", default="", type=PROTOCOL, help="Name of the protocol, where the report has several.")
@click.option(
    "--data",
    type=DATASET,
    help="Ask this data set, as it is today, whether people agree. [default: what it said when REPORT was made]",
)
@dry_run_option
@reports
def pack(
    report: Path, bundle: Path, method: str, generator: str, protocol: str, data: Path | None, dry_run: bool
) -> dict[str, Any]:
    """Write what one cell of REPORT was computed from to BUNDLE, a zip.

    Refused where anybody in the cell has not agreed to redistribution today.
    """
    from benchmark.evaluation.reproduce import bundle_content, write_bundle
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.files import make_folder

    dataset = None if data is None else Dataset.open(data)
    chosen: dict[str, Any] = {"method": method, "generator": generator, "protocol": protocol, "dataset": dataset}
    if dry_run:
        cell, files = bundle_content(report, **chosen)
        what = f"{cell.method} on {cell.generator} under {cell.protocol}: {', '.join(sorted(files))}, compressed"
        return would_write([Output(bundle, what, sum(map(len, files.values())))], bundle=bundle, method=cell.method)
    make_folder(bundle.parent)
    cell = write_bundle(report, bundle, **chosen)
    click.echo(f"{bundle}: {cell.method} on {cell.generator} under {cell.protocol}")
    click.echo(f"next: nvfair reproduce run {bundle}, on any machine")
    return {"bundle": bundle, "method": cell.method, "generator": cell.generator, "protocol": cell.protocol}


@reproduce.command("run")
@click.argument("bundle", type=INPUT_FILE)
@reports
def run_(bundle: Path) -> dict[str, Any]:
    """Recompute the cell in BUNDLE and compare it with what was reported."""
    from leaderboard.submission.sandbox import BoundedChild, Fault
    from nvfair_tools.errors import NvfairError, Problems

    child = BoundedChild(Recomputation, _MEMORY_MB)
    try:
        cell: RecomputedCell = child.call("run", bundle.absolute(), seconds=_SECONDS)
    except Fault as error:
        last_line = str(error).strip().splitlines()[-1][:200]
        raise NvfairError(
            f"its figures cannot be recomputed: {last_line}",
            where=bundle,
            expected="a bundle that `nvfair reproduce pack` wrote",
            remedy="ask for the bundle again; if it stays so, report it to us together with the bundle",
        ) from None
    finally:
        child.stop()
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
    click.echo(f"mean AUC over {count_text(auc.people, 'person')}: {auc.value!r}")
    return {
        "method": cell.method,
        "generator": cell.generator,
        "protocol": cell.protocol,
        "same": True,
        "auc": auc.value,
    }
