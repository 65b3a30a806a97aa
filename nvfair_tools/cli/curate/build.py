"""The curator's commands: a recipe's stages together (`build`) or one by one, its preflight and its state."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from nvfair_tools.curate.build import Outcome

_RECIPE = click.argument("recipe", type=click.Path(dir_okay=False, path_type=Path))
_QUIET = click.option("--quiet", is_flag=True, help="No progress bars; the summary alone.")


def _stage_command(name: str, help: str) -> click.Command:
    @click.command(name, help=help)
    @_RECIPE
    @_QUIET
    def command(recipe: Path, quiet: bool) -> None:
        _run(recipe, name, quiet=quiet)

    return command


@click.command()
@_RECIPE
@_QUIET
@click.option("--prune", is_flag=True, help="Delete videos and portraits that an earlier recipe left behind.")
def build(recipe: Path, quiet: bool, prune: bool) -> None:
    """Build the data set of RECIPE: ingest, plan, render, landmarks, shards.

    Running it again does what is missing or may now succeed; an interrupted build loses nothing that was finished.
    """
    _run(recipe, "shards", quiet=quiet, prune=prune)


ingest = _stage_command("ingest", "Read the clips of RECIPE in full, follow their faces, and judge them by its policy.")
plan = _stage_command("plan", "Ingest, choose portraits, and list the reenactments that RECIPE asks for.")
render = _stage_command("render", "Render what RECIPE plans and is missing (stages before it run first).")
landmarks = _stage_command("landmarks", "Track the face in every reenactment (stages before it run first).")
shards = _stage_command("shards", "Write parts, tables, card and dataset.json (stages before it run first).")


@click.command()
@_RECIPE
def check(recipe: Path) -> None:
    """Check RECIPE and what it needs before hours are spent: files, generators, weights, disk, memory."""
    from rich.console import Console
    from rich.markup import escape

    from nvfair_tools.curate.preflight import preflight
    from nvfair_tools.recipe.recipe import load_recipe

    findings = preflight(load_recipe(recipe))
    console = Console()
    colours = {"ok": "green", "warning": "yellow", "error": "red"}
    for finding in findings:
        mark = f"[{colours[finding.level]}]{finding.level:>8}[/]"
        # Texts may hold brackets, as in pip install 'nvfair-tools[curate]', which are no markup.
        console.print(f"{mark}  {finding.topic}: {escape(finding.text)}", soft_wrap=True, highlight=False)
    if any(finding.level == "error" for finding in findings):
        raise SystemExit(1)


@click.command()
@_RECIPE
def status(recipe: Path) -> None:
    """Count the items of RECIPE's build by stage, state and reason, without running anything."""
    from rich.console import Console

    from nvfair_tools.errors import NvfairError
    from nvfair_tools.pipeline.journal import Journal
    from nvfair_tools.pipeline.workspace import Workspace
    from nvfair_tools.recipe.recipe import load_recipe

    workspace = Workspace(load_recipe(recipe).output_folder)
    if not workspace.journal.exists():
        raise NvfairError("no build has begun here", where=workspace.dataset, remedy=f"nvfair build {recipe}")
    with Journal(workspace.journal) as journal:
        counts = journal.counts()
    Console().print(_table("items done so far", counts.columns, counts.to_numpy().tolist()))
    done = (workspace.dataset / "dataset.json").exists()
    click.echo("the data set is finished" if done else "the data set is not finished: `nvfair build` goes on")


def _run(path: Path, until: str, *, quiet: bool, prune: bool = False) -> None:
    from nvfair_tools.curate.build import run_build
    from nvfair_tools.curate.session import session_of
    from nvfair_tools.pipeline.progress import Bars
    from nvfair_tools.recipe.recipe import load_recipe

    recipe = load_recipe(path)
    if quiet:
        with session_of(recipe) as session:
            outcome = run_build(session, until, prune=prune)
    else:
        with Bars() as bars, session_of(recipe, bars) as session:
            outcome = run_build(session, until, prune=prune)
    _summarise(recipe.output_folder, until, outcome)


def _summarise(folder: Path, until: str, outcome: Outcome) -> None:
    from rich.console import Console
    from rich.markup import escape

    from nvfair_tools.curate.build import summary
    from nvfair_tools.curate.leakage_audit import audit

    console = Console()
    console.print(_table(f"{folder.name}: up to {until}", ["what", "state", "reason", "items"], summary(outcome)))
    if outcome.stray:
        console.print(
            f"{len(outcome.stray)} file(s) in the folder belong to no row, such as {escape(outcome.stray[0])}: "
            "they are of an earlier recipe; `nvfair build --prune` deletes them",
            soft_wrap=True,
        )
    if outcome.videos is None or outcome.identities is None:
        return
    if (outcome.videos["state"] != "ok").any():
        console.print("which they are, and why: videos.parquet, columns clip_name, state, reason and detail")
    made = outcome.videos[(outcome.videos["kind"] != "real") & (outcome.videos["state"] == "ok")]
    if made.empty:
        console.print("[yellow]the data set holds no reenactment[/]: the reasons above and the recipe say why")
    for finding in audit(outcome.identities, outcome.videos):
        if not finding.clean:
            console.print(f"[red]leakage[/]: {finding.found} {finding.question}")
    console.print(f"finished: {escape(str(folder))}", soft_wrap=True)


def _table(title: str, columns: Any, rows: list[Any]) -> Any:
    from rich.markup import escape
    from rich.table import Table

    table = Table(title=escape(title))
    for column in columns:
        table.add_column(str(column), justify="right" if column == "items" else "left")
    for row in rows:
        table.add_row(*(escape(str(value)) for value in row))
    return table
