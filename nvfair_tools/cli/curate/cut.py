"""`nvfair cut`: a list of the segments in long or edited footage, for the curator to name the people."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import INPUT_FILE, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("curator:cut")
@click.argument("files", nargs=-1, required=True, type=INPUT_FILE)
@click.option("--out", required=True, type=OUTPUT_FOLDER, help="Folder of the list and the sheet.")
@click.option(
    "--min-seconds",
    default=2.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Length of the shortest segment.",
)
@click.option(
    "--max-seconds",
    default=30.0,
    show_default=True,
    type=click.FloatRange(min=0, min_open=True),
    help="Length of the longest one: what is longer is divided.",
)
@click.option(
    "--follow",
    default="longest",
    show_default=True,
    type=click.Choice(["longest", "largest"]),
    help="Whom a segment shows where several faces are seen: who is there longest, or the largest face.",
)
@click.option("--recogniser", help="Groups alike faces: an .onnx file, or an InsightFace pack on disk.")
@click.option("--workers", type=click.IntRange(0), help="Processes; 0 cuts in this one. [default: one a core]")
@dry_run_option
@reports
def cut(
    files: tuple[Path, ...],
    out: Path,
    min_seconds: float,
    max_seconds: float,
    follow: str,
    recogniser: str | None,
    workers: int | None,
    dry_run: bool,
) -> Answer:
    """Find the segments of one person in FILES of footage: cut at shots, trimmed to the person, divided by length.

    Writes segments.csv, a list with an empty column `identity`, and index.html, which shows each segment. Fill in the
    names, and use the list as a source with `footage` in a recipe. Run it again after an interruption: what was found
    is kept, and so are names. docs/footage.md explains it.
    """
    from pydantic import ValidationError

    from nvfair_tools.curate.footage.proposals import LIST_NAME, SHEET_NAME, propose_segments
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.recipe.footage_rule import FootageRule

    try:
        rule = FootageRule(min_seconds=min_seconds, max_seconds=max_seconds, follow=follow)  # type: ignore[arg-type]
    except ValidationError as error:
        message = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise NvfairError(message, remedy="change --min-seconds or --max-seconds") from error
    if dry_run:
        return _would_cut(files, out)
    proposals = propose_segments(files, out, rule, recogniser=recogniser, workers=workers)
    for text in proposals.left_out:
        click.echo(f"left out: {text}")
    seconds = sum(float(row["end"]) - float(row["start"]) for row in proposals.rows)
    click.echo(
        f"{out / LIST_NAME}: {count_text(len(proposals.rows), 'segment')}, {seconds:.1f} s; "
        f"{len(proposals.left_out)} left out"
    )
    click.echo(f"{out / SHEET_NAME} shows them")
    if recogniser is None:
        click.echo("identity was not verified: no recogniser was named")
    if proposals.rows:
        click.echo(
            f"next: fill in the column `identity` of {out / LIST_NAME}, and name it in a recipe (docs/footage.md)"
        )
    content = {"list": out / LIST_NAME, "sheet": out / SHEET_NAME, "segments": len(proposals.rows), "seconds": seconds}
    return Answer({**content, "left_out": proposals.left_out}, 0 if proposals.rows else 1)


def _would_cut(files: tuple[Path, ...], out: Path) -> Answer:
    from nvfair_tools.curate.footage.proposals import LIST_NAME, SHEET_NAME
    from nvfair_tools.media.probing import stated_seconds

    lengths = {path: stated_seconds(path) for path in dict.fromkeys(files)}
    for path, seconds in lengths.items():
        click.echo(f"{path}: " + (f"{seconds:,.1f} s" if seconds else "states no length; it may be no video"))
    outputs = [
        Output(out / LIST_NAME, "a row a segment; names that are filled in stay"),
        Output(out / SHEET_NAME, "the sheet that shows them, with a picture each"),
    ]
    total = sum(lengths.values())
    return Answer(would_write(outputs, list=out / LIST_NAME, files=len(lengths), seconds=total))
