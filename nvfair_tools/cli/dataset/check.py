"""`nvfair dataset check`: whether a data set is whole."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import DATASET


@click.command()
@click.argument("data", metavar="DATASET", type=DATASET)
@click.option("--full", is_flag=True, help="Read every byte, row and frame, not a sample.")
@reports
def check(data: Path, full: bool) -> dict[str, Any]:
    """Check that DATASET is whole: files and their hashes, columns, keys and counts, videos and their frames, distances
    and those of their landmarks.

    Names every file with what is wrong with it, and ends with status 1 where there is any; nothing is changed.
    """
    from nvfair_tools.dataset.checking import check_dataset
    from nvfair_tools.errors import Problems
    from nvfair_tools.pipeline.progress_lines import task_progress

    with task_progress("check") as report:
        outcome = check_dataset(data, full=full, progress=lambda task, done, total: report(done, total, task))
    for remark in outcome.remarks:
        click.echo(f"note: {remark}")
    if outcome.faults:
        raise Problems(
            data,
            [str(fault) for fault in outcome.faults],
            remedy=f"nvfair dataset repair {data}, with --from COPY or --recipe RECIPE where you have them",
        )
    counts = ", ".join(f"{what}: {count:,}" for what, count in outcome.checked.items())
    click.echo(f"{data}: whole, as far as it was read ({counts})")
    return {"dataset": data, "whole": True, "checked": outcome.checked, "remarks": outcome.remarks}
