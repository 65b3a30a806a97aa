"""`nvfair avaprintdb fuse`: the scores of several networks, fused by a rule of ours."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.avaprintdb_inputs import (
    figures_line,
    open_checkpoint,
    open_files,
    read_lists,
    warn_undeclared,
    write_figures,
)
from nvfair_tools.cli.benchmark.evaluate import needs_torch
from nvfair_tools.cli.benchmark.threads import threads_option
from nvfair_tools.cli.paths import INPUT, INPUT_FOLDER, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

_SYSTEM = (INPUT_FOLDER, INPUT)


@click.command()
@preflighted("author:score_avaprintdb")
@click.option("--graph", type=_SYSTEM, metavar="FOLDER CHECKPOINT", help="Landmark files, and a graph network.")
@click.option("--clip", type=_SYSTEM, metavar="FOLDER CHECKPOINT", help="CLIP features, and an attention network.")
@click.option("--dino", type=_SYSTEM, metavar="FOLDER CHECKPOINT", help="DINOv2 features, and an attention network.")
@click.option(
    "--list",
    "lists",
    required=True,
    multiple=True,
    type=INPUT,
    help="A list of trials, or a folder with lists; repeatable.",
)
@click.option(
    "--generator", "-g", "generators", multiple=True, help="Use the lists for this generator's videos too; repeatable."
)
@click.option(
    "--rule",
    default="logistic",
    show_default=True,
    type=click.Choice(["logistic", "z-mean", "mean"]),
    help="logistic: regression on pairs of DEV videos. z-mean: mean of scores standardised on them. mean: nothing is "
    "fitted.",
)
@click.option(
    "--fit-on",
    nargs=2,
    metavar="COLLECTION GENERATOR",
    help="Whose DEV videos, such as cremad gagavatar. [default: those that the networks were trained on]",
)
@click.option("--fit-videos", default=2_000, show_default=True, type=click.IntRange(min=4), help="At most so many.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Drawn videos and pairs follow from it."
)
@click.option("--out", type=OUTPUT_FILE, help="Write the figures to this JSON file.")
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@reports
def fuse(
    graph: tuple[Path, Path] | None,
    clip: tuple[Path, Path] | None,
    dino: tuple[Path, Path] | None,
    lists: tuple[Path, ...],
    generators: tuple[str, ...],
    rule: str,
    fit_on: tuple[str, str] | None,
    fit_videos: int,
    seed: int,
    out: Path | None,
    device: str,
) -> dict[str, Any]:
    """Fuse the scores of two or three networks, and score each of them and the fusion on the same trials.

    The rule behind the published figures of a fusion is not public. Ours is fitted on DEV people, on whom the networks
    were trained too; each output says so.
    """
    needs_torch()
    from benchmark.evaluation.avaprintdb.fusion import evaluate_fusion, fit_fusion
    from benchmark.evaluation.avaprintdb.systems import System
    from nvfair_tools.pipeline.progress_lines import task_progress

    systems = []
    for features, named in ((None, graph), ("dino", dino), ("clip", clip)):
        if named is not None:
            systems.append(System.of(open_files(named[0], features), open_checkpoint(named[1], features, device)))
            warn_undeclared(systems[-1].checkpoint)
    if len(systems) < 2:
        raise click.UsageError("name two or three of --graph, --clip and --dino")
    pair_lists = read_lists(lists, generators)
    with task_progress("fitting") as report:
        fusion = fit_fusion(systems, rule, fit_on=fit_on, videos=fit_videos, seed=seed, report=report)
    weights = ", ".join(f"{kind} {weight:.3f}" for kind, weight in zip(fusion.systems, fusion.weights, strict=True))
    fitted = (
        f"; fitted on {fusion.genuine} genuine and {count_text(fusion.impostor, 'impostor pair')} of "
        f"{count_text(fusion.videos, 'video')}"
        if fusion.collection
        else ""
    )
    click.echo(f"{fusion.name} (the published rule is not public): weights {weights}{fitted}")
    figures = []
    for pairs in pair_lists:
        with task_progress("embedding") as report:
            rows = evaluate_fusion(systems, fusion, pairs, report)
        figures += rows
        for row in rows:
            click.echo(figures_line(row))
    content = {"fusion": fusion.to_json(), "figures": [row.to_json() for row in figures]}
    write_figures(out, content)
    return content
