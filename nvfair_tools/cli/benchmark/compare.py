"""`nvfair compare`: two methods on the same trials, with the paired interval of their difference."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.threads import threads_option
from nvfair_tools.cli.names import GENERATOR, METHOD, PROTOCOL
from nvfair_tools.cli.paths import DATASET, INPUT_FILE, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted

_WIDEST = 10_000  # characters of a terminal

if TYPE_CHECKING:
    from rich.console import Console

    from benchmark.interface import Comparison


@click.command()
@preflighted("author:compare")
@click.argument("dataset", type=DATASET)
@click.argument("first", type=METHOD)
@click.argument("second", type=METHOD)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=PROTOCOL,
    help="Name, or a .json file; repeatable. [default: nvfair-seen, nvfair-unseen]",
)
@click.option("--generators", "-g", multiple=True, type=GENERATOR, help="Test generators; repeatable. [default: all]")
@click.option(
    "--declaration",
    multiple=True,
    type=INPUT_FILE,
    help="What FIRST was trained on (YAML), where its file does not say; repeatable: the next is SECOND's.",
)
@click.option("--out", type=OUTPUT_FILE, help="Write the differences to this JSON file.")
@click.option("--allow-overlap", is_flag=True, help="Compare in spite of overlapping people or generators.")
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@reports
def compare(
    dataset: Path,
    first: str,
    second: str,
    protocols: tuple[str, ...],
    generators: tuple[str, ...],
    declaration: tuple[Path, ...],
    out: Path | None,
    allow_overlap: bool,
    device: str,
) -> list[dict[str, Any]]:
    """FIRST less SECOND on DATASET's test people: checkpoints, installed methods, or files of embeddings or scores."""
    import json

    from rich.console import Console

    from benchmark.interface import DEFAULT_PROTOCOLS
    from benchmark.interface import compare as compare_methods
    from nvfair_tools.cli.benchmark.evaluate import needs_torch, split_names
    from nvfair_tools.files import write_text
    from nvfair_tools.pipeline.progress_lines import step_progress

    needs_torch()
    with step_progress() as progress:
        comparison = compare_methods(
            dataset,
            first,
            second,
            protocols=protocols or DEFAULT_PROTOCOLS,
            generators=split_names(generators),
            allow_overlap=allow_overlap,
            declarations=declaration,
            device=device,
            progress=progress,
        )
    print_comparison(comparison, Console(emoji=False, markup=False))  # names may have brackets and colons
    click.echo("Mean AUC over people; one weight a person serves both methods. Where it says no, they are not ranked.")
    if out is not None:
        write_text(out, json.dumps(comparison.to_json(), indent=1, sort_keys=True, allow_nan=False) + "\n")
        click.echo(f"{out}: the differences")
    return comparison.to_json()


def print_comparison(comparison: Comparison, console: Console) -> None:
    """Prints a row for each protocol and generator; a block of lines each where the terminal is too narrow for rows,
    so that no name is cut."""
    from rich.measure import Measurement
    from rich.table import Table

    from benchmark.interface import COMPARISON_COLUMNS

    rows = comparison.table_rows()
    table = Table(*COMPARISON_COLUMNS)
    for texts in rows:
        table.add_row(*texts)
    needed = Measurement.get(console, console.options.update(max_width=_WIDEST), table).maximum
    if needed <= console.width:
        console.print(table)
        return
    label_width = max(map(len, COMPARISON_COLUMNS))
    for texts in rows:
        for label, text in zip(COMPARISON_COLUMNS, texts, strict=True):
            console.print(f"{label:{label_width}}  {text}", soft_wrap=True, highlight=False)
        console.print()
