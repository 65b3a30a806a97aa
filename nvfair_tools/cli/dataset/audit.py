"""`nvfair dataset audit`: what in a finished data set gives a label away, or is on both sides of a comparison."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import DATASET, OUTPUT_FILE
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.leakage.audit import LeakageAudit

_CASES_ON_SCREEN = 10  # of a check


@click.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@click.option("--cases", type=OUTPUT_FILE, help="Write all cases to this CSV.")
@click.option("--strict", is_flag=True, help="Exit status 1 for shortcuts too, and for what was not checked.")
@click.option("--workers", type=click.IntRange(1), help="Videos that are read at once. [default: one a core]")
@reports
def audit(data: Path, cases: Path | None, strict: bool, workers: int | None) -> Answer:
    """Look for leaks in DATASET: people, recordings and copies on two sides, and columns that give a label away.

    It works on the folder alone and writes nothing into it. Exit status 1 where there is a defect. docs/leakage.md
    explains the checks.
    """
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.leakage.audit import audit_dataset
    from nvfair_tools.pipeline.engines.local import default_workers
    from nvfair_tools.pipeline.progress_lines import task_progress

    source = Dataset.open(data)
    with task_progress("audit") as report:
        result = audit_dataset(
            source,
            workers=default_workers() if workers is None else workers,
            progress=lambda task: lambda done, total: report(done, total, task),
        )
    if cases is not None:
        number = result.write_cases(cases)
    _show(data, result)
    if cases is not None:
        click.echo(f"{cases}: {count_text(number, 'case')}")
    bad = result.defects or (strict and (result.flagged or result.unanswered))
    return Answer(result.to_json(), 1 if bad else 0)


def _show(data: Path, result: LeakageAudit) -> None:
    from nvfair_tools.leakage.audit import shortcut_rows

    for check in result.checks:
        text = f": {check.explanation}" if check.explanation else ""
        click.echo(f"{check.verdict:>11}  {check.cases:>6,}  {check.question}{text}")
        for case in check.named[:_CASES_ON_SCREEN]:
            click.echo(f"{'':>21}{case.file}: {case.key}: {case.detail}")
        if len(check.named) > _CASES_ON_SCREEN:
            click.echo(f"{'':>21}and {len(check.named) - _CASES_ON_SCREEN:,} more (--cases FILE.csv names all)")
    click.echo("\nWhat one column tells by itself (AUC, 0.5 is chance; docs/leakage.md)")
    click.echo(shortcut_rows(result.shortcuts).to_string(index=False))
    click.echo(
        f"\n{data}: {count_text(len(result.checks), 'check')} and {count_text(len(result.shortcuts), 'figure')}; "
        f"{result.defects} with a defect, {count_text(result.flagged, 'clear shortcut')}, "
        f"{result.unanswered} not checked"
    )
