"""`nvfair plan`: the reenactments that a recipe asks for, as counts, as a table, compared, and with their costs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.dry_run import Output, would_write
from nvfair_tools.cli.paths import INPUT, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.curate.costs.estimate import Cluster
    from nvfair_tools.recipe.recipe import Recipe


@click.command()
@preflighted("curator:plan")
@click.argument("recipe", type=INPUT)
@click.option("--explain", is_flag=True, help="From the lists alone: pairs, videos, seconds, bytes and hours.")
@click.option("--table", type=OUTPUT_FILE, help="From the lists alone: write the plan to this Parquet file.")
@click.option("--diff", "other", type=INPUT, help="Compare with another recipe, table, or data set's folder.")
@click.option("--nodes", type=click.IntRange(1), help="With --explain: hours on so many machines as well.")
@click.option("--gpus", type=click.IntRange(1), default=1, help="Cards of each of these machines.")
@click.option("--cores", type=click.IntRange(0), default=0, help="Cores of each of these machines.")
@click.option(
    "--card", "cards", multiple=True, help="gpu.jsonl of `make gpu`, or GENERATOR=FRAMES_A_SECOND; repeatable."
)
@click.option("--clip-seconds", type=click.FloatRange(0, min_open=True), help="Mean length of a clip.")
@click.option("--fps", type=click.FloatRange(0, min_open=True), help="Frames a second of a clip.")
@click.option("--probe-again", is_flag=True, help="Measure this machine anew.")
@click.option(
    "--dry-run", is_flag=True, help="Check everything, say what would be ingested or written, and write nothing."
)
@reports
def plan(
    recipe: Path,
    explain: bool,
    table: Path | None,
    other: Path | None,
    nodes: int | None,
    gpus: int,
    cores: int,
    cards: tuple[str, ...],
    clip_seconds: float | None,
    fps: float | None,
    probe_again: bool,
    dry_run: bool,
) -> Answer:
    """Ingest, choose portraits, and list the reenactments that RECIPE asks for.

    With --explain, --table or --diff nothing is ingested: RECIPE is planned from its lists. With --diff, RECIPE may
    also be a plan's table, or the folder of a data set that has been planned.
    """
    if not (explain or table or other):
        from nvfair_tools.cli.curate.build import run_stages

        return run_stages(recipe, "plan", dry_run=dry_run)
    content: dict[str, Any] = {}
    if other is not None:
        content["difference"] = _print_difference(recipe, other)
    if explain or table:
        from nvfair_tools.curate.usability.whole_recipe import load_whole_recipe

        parsed = load_whole_recipe(recipe)
        if table is not None and dry_run:
            from nvfair_tools.curate.plans.listing import count_listed_plan

            content["videos"] = count_listed_plan(parsed)
            content |= would_write(
                [Output(table, f"the plan of {count_text(content['videos'], 'video')}")], table=table
            )
        elif table is not None:
            from nvfair_tools.curate.plans.listing import write_listed_plan

            content |= {"videos": write_listed_plan(parsed, table), "table": table}
            click.echo(f"{count_text(content['videos'], 'planned video')}: {table}")
        if explain:
            cluster = _cluster(parsed, nodes, gpus, cores, cards)
            content["explanation"] = _print_explanation(parsed, cluster, clip_seconds, fps, probe_again, not dry_run)
    findings = content.get("explanation", {}).get("findings", [])
    return Answer(content, 1 if any(finding["level"] == "error" for finding in findings) else 0)


def _cluster(recipe: Recipe, nodes: int | None, gpus: int, cores: int, cards: tuple[str, ...]) -> Cluster | None:
    from nvfair_tools.curate.costs.estimate import Cluster, read_card_rates

    if nodes is None:
        if cards:
            raise click.UsageError("--card needs --nodes")
        return None
    rates: dict[str, float] = {}
    for card in cards:
        label, sign, figure = card.partition("=")
        if not sign:
            rates |= read_card_rates(Path(card), recipe)
            continue
        try:
            rates[label] = float(figure)
        except ValueError as error:
            raise click.UsageError(f"--card {card}: {figure!r} is no number of frames a second") from error
        labels = [choice.label for choice in recipe.generators]
        if label not in labels or not rates[label] > 0:
            raise click.UsageError(f"--card {card}: expected one of {', '.join(labels)} = a number above 0")
    return Cluster(nodes, gpus, rates, cores)


def _print_explanation(
    recipe: Recipe, cluster: Cluster | None, clip_seconds: float | None, fps: float | None, again: bool, measure: bool
) -> dict[str, Any]:
    from rich.console import Console

    from nvfair_tools.cli.curate.build import count_table, moving_portrait, print_findings
    from nvfair_tools.curate.costs.explanation import balance_lines, explain

    report = explain(
        recipe,
        cluster=cluster,
        clip_seconds=clip_seconds,
        fps=fps,
        stand_in=moving_portrait,
        again=again and measure,
        measure=measure,
    )
    costs = report.table() if cluster is not None else report.table().drop(columns="on the cluster")
    kinds = report.planned.pairs.count_kinds()
    click.echo(f"{count_text(kinds.total(), 'pair')}: {kinds['self']:,} self, {kinds['cross']:,} cross")
    for line in (*balance_lines(report.planned), *report.planned.left_out):
        click.echo(f"  {line}")
    Console(emoji=False).print(count_table(f"{recipe.name}: what it costs", costs))
    click.echo("assumed:")
    for line in report.assumptions:
        click.echo(f"  {line}")
    print_findings(Console(emoji=False), report.findings)
    content = {"pairs": dict(kinds), "costs": report.costs, "assumptions": report.assumptions}
    return content | {"findings": [vars(finding) for finding in report.findings]}


def _print_difference(new: Path, old: Path) -> dict[str, Any]:
    from rich.console import Console

    from nvfair_tools.cli.curate.build import count_table
    from nvfair_tools.curate.plans.listing import compare

    difference = compare(new, old)
    Console(emoji=False).print(count_table(f"{new} against {old}", difference.counts))
    totals = difference.counts[["added", "removed", "same"]].sum()
    click.echo(f"{totals['added']:,} added, {totals['removed']:,} removed, {totals['same']:,} the same")
    click.echo(f"compared by {'the content of files' if difference.by_content else 'listed names'}")
    return {"counts": difference.counts, "by_content": difference.by_content}
