"""The curator's commands: a recipe's stages together (`build`) or one by one, its preflight and its state."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import INPUT, RECIPE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from rich.console import Console

    from nvfair_tools.curate.build import BuildOutcome
    from nvfair_tools.curate.finding import Finding
    from nvfair_tools.curate.preflight import CheckReport
    from nvfair_tools.recipe.recipe import Recipe

_RECIPE = click.argument("recipe", type=RECIPE)
# Columns of figures, which stand to the right.
_COUNTS = frozenset(
    (
        "measured",
        "flagged",
        "p5",
        "median",
        "p95",
        "items",
        "planned",
        "done",
        "failed",
        "rejected",
        "added",
        "removed",
        "same",
    )
    + ("videos", "seconds of video", "bytes", "here", "on the cluster", "rate", "left")
)
_DRY_RUN = click.option(
    "--dry-run", is_flag=True, help="Check the recipe as `nvfair check --no-probe` does, and write nothing."
)


_ENGINE = click.option(
    "--engine", type=click.Choice(["local", "ray"]), help="Where items run, in place of the recipe's `engine`."
)
_ADDRESS = click.option(
    "--address", metavar="auto|HOST:PORT|local", help="The Ray cluster; `local` starts one on this machine."
)


def _stage_command(name: str, help: str) -> click.Command:
    @click.command(name, help=help)
    @preflighted(f"curator:{name}")
    @_RECIPE
    @_ENGINE
    @_ADDRESS
    @_DRY_RUN
    @reports
    def command(recipe: Path, engine: str | None, address: str | None, dry_run: bool) -> Answer:
        return run_stages(recipe, name, engine=engine, address=address, dry_run=dry_run)

    return command


@click.command()
@preflighted("curator:shards")
@_RECIPE
@_ENGINE
@_ADDRESS
@click.option("--prune", is_flag=True, help="Delete videos and portraits that an earlier recipe left behind.")
@_DRY_RUN
@reports
def build(recipe: Path, engine: str | None, address: str | None, prune: bool, dry_run: bool) -> Answer:
    """Build the data set of RECIPE: ingest, plan, render, landmarks, shards.

    Running it again does what is missing or may now succeed; an interrupted build loses nothing that was finished.
    """
    return run_stages(recipe, "shards", engine=engine, address=address, prune=prune, dry_run=dry_run)


ingest = _stage_command("ingest", "Read the clips of RECIPE in full, follow their faces, and judge them by its policy.")
render = _stage_command("render", "Render what RECIPE plans and is missing (stages before it run first).")
landmarks = _stage_command("landmarks", "Track the face in every reenactment (stages before it run first).")
shards = _stage_command("shards", "Write parts, tables, card and dataset.json (stages before it run first).")


@click.command()
@_RECIPE
@click.option("--no-probe", is_flag=True, help="Say no time where this machine was not measured yet.")
@reports
def check(recipe: Path, no_probe: bool) -> Answer:
    """Check RECIPE and what it needs before hours are spent: files, generators, weights, time, disk, memory.

    The time comes from a probe of this machine, some seconds of real work, which is kept for the next check.
    """
    return check_recipe(recipe, probe=not no_probe)


def check_recipe(recipe: Path, *, probe: bool = True) -> Answer:
    """Prints the findings of a preflight, with the time of a build, and returns them; status 1 where one is an error.

    probe: measure this machine where it was not measured yet.
    """
    from rich.console import Console

    from nvfair_tools.curate.costs.time_finding import time_finding
    from nvfair_tools.curate.preflight import CheckReport, check

    report = check(recipe)
    if report.passed:
        report = CheckReport((*report.findings, time_finding(recipe, stand_in=moving_portrait, measure=probe)))
    print_findings(Console(emoji=False), report.findings)  # `:a:` in a name is no emoji
    errors = len(report.at_level("error"))
    click.echo(
        f"next: nvfair build {recipe}"
        if report.passed
        else f"next: mend the {count_text(errors, 'error')} above, and check again"
    )
    return Answer(_check_content(report), 0 if report.passed else 1)


def print_findings(console: Console, findings: Iterable[Finding]) -> None:
    """Prints each finding with its level."""
    from rich.markup import escape

    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    for finding in findings:
        level = f"[{colours[finding.level]}]{finding.level:>8}[/]"
        # Texts may hold brackets, as in pip install 'nvfair-tools[curate]', which are no markup.
        console.print(f"{level}  {escape(str(finding))}", soft_wrap=True, highlight=False)


def _check_content(report: CheckReport) -> dict[str, Any]:
    return {"passed": report.passed, "findings": [vars(finding) for finding in report.findings]}


def moving_portrait() -> Iterator[np.ndarray]:
    """Frames of a public-domain portrait that sways, for a probe without clips."""
    from nvfair_tools.simulate.portraits import public_portraits

    image, _ = public_portraits()["astronaut"]
    for frame in range(12):
        shift = 2 * frame
        yield image[: 2 * 180, 80 + shift : 80 + shift + 360]


@click.command()
@click.argument("place", metavar="RECIPE_OR_FOLDER", type=INPUT)
@reports
def status(place: Path) -> dict[str, Any]:
    """Show how far the build of a recipe, or in a data set's folder, is: also from another terminal while it runs."""
    from rich.console import Console

    from nvfair_tools.curate.status import build_status

    status = build_status(place)
    console = Console(emoji=False)
    if len(status.progress):
        console.print(count_table("this run" if status.running else "the last run", _progress_texts(status.progress)))
    console.print(count_table("items done so far", status.counts))
    if status.running:
        click.echo("a build is at work")
    elif status.running is None:
        click.echo("a build may be at work on another machine")
    click.echo(
        f"the data set is finished; next: nvfair dataset info {status.folder}"
        if status.finished
        else "the data set is not finished: `nvfair build` goes on"
    )
    return {name: getattr(status, name) for name in ("folder", "finished", "running", "progress", "counts")}


def _progress_texts(progress: pd.DataFrame) -> pd.DataFrame:
    from nvfair_tools.quantities import duration_text, rate_text

    return progress.assign(
        rate=[rate_text(rate) if rate > 0 else "" for rate in progress["rate"]],
        left=[duration_text(left) if left > 0 else "" for left in progress["left"]],
    )


def run_stages(
    recipe: Path,
    until: str,
    *,
    engine: str | None = None,
    address: str | None = None,
    prune: bool = False,
    dry_run: bool = False,
) -> Answer:
    """Runs a recipe's stages up to one, and prints what came of them. engine, address: in place of the recipe's.

    dry_run: only check the recipe.
    """
    from nvfair_tools.curate.build import build

    if engine == "local" and address is not None:
        raise click.UsageError("--address is that of a Ray cluster; it does not go with --engine local")
    if dry_run:
        checked = check_recipe(recipe, probe=False)  # a probe would be kept for the next check
        return Answer(checked.content | {"dry_run": True}, checked.status)
    outcome = build(_with_engine(recipe, engine, address), until=until, prune=prune)
    _print_outcome(outcome)
    return Answer(
        {
            "folder": outcome.folder,
            "until": outcome.until,
            "counts": outcome.counts(),
            "left_out": outcome.left_out,
            "unused_files": outcome.unused_files,
            "findings": [vars(finding) for finding in outcome.findings],
            "finished": outcome.videos is not None,
        },
        0 if outcome.usable else 1,
    )


def _with_engine(path: Path, engine: str | None, address: str | None) -> Recipe:
    """The recipe of a file, with the engine that flags name in place of its own."""
    from nvfair_tools.curate.usability.whole_recipe import load_whole_recipe

    recipe = load_whole_recipe(path)
    return recipe.model_copy(update={"engine": recipe.engine.replaced(engine, address)})


def _print_outcome(outcome: BuildOutcome) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console(emoji=False)  # `:a:` in a name is no emoji
    console.print(count_table(f"{outcome.folder.name}: up to {outcome.until}", outcome.counts()))
    for text in outcome.left_out:
        console.print(f"[yellow]not used[/]: {escape(text)}", soft_wrap=True, highlight=False)
    for text in outcome.number_formats:
        console.print(escape(text), soft_wrap=True, highlight=False)
    for flag, clips, example, explanation in outcome.flagged().itertuples(index=False):
        count = count_text(clips, "usable clip is", "usable clips are")
        text = f"{count} flagged {flag}, such as {example}" + f": {explanation}" * bool(explanation)
        console.print(escape(text), soft_wrap=True, highlight=False)
    if outcome.checks is not None:
        figures = outcome.checks.summary()
        for name in ("p5", "median", "p95"):
            figures[name] = [_short(value) for value in figures[name]]
        console.print(count_table("checks of the clips", figures, narrow=True))
        for text in outcome.checks.sentences():
            console.print(escape(text), soft_wrap=True, highlight=False)
    if outcome.unused_files:
        console.print(
            f"files in the folder that belong to no row: {len(outcome.unused_files)}, such as "
            f"{escape(outcome.unused_files[0])}: they are of an earlier recipe; `nvfair build --prune` deletes them",
            soft_wrap=True,
        )
    print_findings(console, [finding for finding in outcome.findings if finding.level != "ok"])
    if outcome.videos is None:
        console.print("next: nvfair build RECIPE, which goes on from here", highlight=False)
        return
    if (outcome.videos["state"] != "ok").any():
        console.print("which they are, and why: videos.parquet, columns clip_name, state, reason and detail")
    if not ((outcome.videos["kind"] != "real") & (outcome.videos["state"] == "ok")).any():
        console.print("[yellow]the data set holds no reenactment[/]: the reasons above and the recipe say why")
    for leak in outcome.leaks():
        console.print(f"[red]leakage[/]: {leak.cases} {leak.question}")
    console.print(f"finished: {escape(str(outcome.folder))}", soft_wrap=True)
    trains = (outcome.videos["split"] == "train").any()
    use = "train {} RUN -g GENERATOR" if trains else "evaluate {} --checkpoint CHECKPOINT --out REPORT"
    console.print(
        f"next: nvfair view {escape(str(outcome.folder))}, or nvfair {use.format(escape(str(outcome.folder)))}",
        soft_wrap=True,
        highlight=False,
    )


def _short(value: float) -> str:
    """A number in at most seven characters; "" where there is none."""
    if value != value:
        return ""
    return f"{value:.0f}" if abs(value) >= 10 else f"{value:.2g}"


def count_table(title: str, rows: pd.DataFrame, *, narrow: bool = False) -> Any:
    """A table for the terminal, with numbers to the right. narrow: without lines between the columns."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title))
    if narrow:
        table = Table(title=escape(title), box=None, padding=(0, 1, 0, 0), pad_edge=False)
    for column in rows.columns:
        table.add_column(column, justify="right" if column in _COUNTS else "left", no_wrap=narrow)
    for row in rows.itertuples(index=False):
        table.add_row(*(escape(str(value)) for value in row))
    return table
