"""`nvfair avaprintdb`: AVAPrintDB's benchmark from the release's files, as its authors run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.benchmark.avaprintdb_fusion import fuse
from nvfair_tools.cli.benchmark.avaprintdb_inputs import (
    expand,
    figures_line,
    open_checkpoint,
    open_files,
    read_lists,
    warn_undeclared,
    write_figures,
)
from nvfair_tools.cli.benchmark.evaluate import needs_torch
from nvfair_tools.cli.benchmark.threads import threads_option
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import PROTOCOL
from nvfair_tools.cli.paths import INPUT, INPUT_FILE, INPUT_FOLDER, OUTPUT_FILE, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from benchmark.training.avaprintdb.epochs import EpochRun

_FEATURES = click.Choice(["clip", "dino"])


@click.group(cls=NearestGroup)
def avaprintdb() -> None:
    """AVAPrintDB's benchmark from its landmark and feature files and its lists of trials."""


avaprintdb.add_command(fuse)


@avaprintdb.command()
@preflighted("author:train_avaprintdb")
@click.argument("folder", type=INPUT_FOLDER)
@output()
@click.option("--collection", required=True, type=click.Choice(["cremad", "ravdess"]), help="Whose DEV people train.")
@click.option("--generator", "-g", required=True, help="As in the files' names: GAGA, LIVE or HUNY.")
@click.option(
    "--features",
    type=_FEATURES,
    help="FOLDER holds these frame features, and the attention network is trained. [default: landmarks, graph network]",
)
@click.option(
    "--validation-people",
    "people",
    metavar="NAMES",
    help="DEV people to select the epoch on, such as C1001,C1010, or none. [default: as the published networks: nobody "
    "for the graph network, the authors' 13 or 4 people for the attention network]",
)
@click.option(
    "--edges-of",
    type=INPUT_FILE,
    help="A published checkpoint whose edges the graph takes. [default: a triangulation of our own]",
)
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(min=0), help="All that is random follows from it."
)
@click.option("--epochs", type=click.IntRange(min=1), help="Fewer than the recipe's: a trial run, named as such.")
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@dry_run_option
@reports
def train(
    folder: Path,
    out: Path,
    collection: str,
    generator: str,
    features: str | None,
    people: str | None,
    edges_of: Path | None,
    seed: int,
    epochs: int | None,
    device: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Train a network on FOLDER's files by the authors' recipe; write the checkpoint to OUT.

    The graph network reads landmark files (LANDMARKS of the release), the attention network frame features
    (--features). Run again after an interruption, it goes on where it stopped.
    """
    needs_torch()
    from dataclasses import replace

    from benchmark.methods.avaprintdb.published_attention import FeatureFiles
    from benchmark.training.avaprintdb.attention_recipe import AttentionRecipe, read_attention_run, train_attention
    from benchmark.training.avaprintdb.graph_recipe import GraphRecipe, read_graph_run, train_graph
    from nvfair_tools.pipeline.progress_lines import task_progress

    if features is not None and edges_of is not None:
        raise click.UsageError("--edges-of: the attention network has no graph; leave it or --features out")
    validation = _people(people, collection)
    recipe = GraphRecipe() if features is None else AttentionRecipe()
    recipe = replace(recipe, seed=seed, epochs=min(epochs or recipe.epochs, recipe.epochs))
    with task_progress("training") as report:
        if dry_run:
            where: dict[str, Any] = {"name": out.name, "progress": report}
            if isinstance(recipe, GraphRecipe):
                where |= {"validation_people": validation or (), "edges_of": edges_of}
                run = read_graph_run(folder, collection, generator, recipe, **where)
            else:
                files = FeatureFiles(folder, features or "")
                run = read_attention_run(files, collection, generator, recipe, validation_people=validation, **where)
            return _would_train(run, out, recipe.epochs)
        if isinstance(recipe, GraphRecipe):
            checkpoint = train_graph(
                folder,
                out,
                collection,
                generator,
                recipe,
                validation_people=validation or (),
                edges_of=edges_of,
                device=device,
                progress=report,
            )
        else:
            files = FeatureFiles(folder, features or "")
            checkpoint = train_attention(
                files,
                out,
                collection,
                generator,
                recipe,
                validation_people=validation,
                device=device,
                progress=report,
            )
    made, options = checkpoint.selection, checkpoint.options
    kind = "validation" if "validation_loss" in made else "training"
    click.echo(
        f"{out}: recipe {options['recipe']}; {kind} loss {made[f'{kind}_loss']:.4f} at epoch {made['step']} of "
        f"{made['steps_run']}; {count_text(options['videos'], 'video')}, {options['short_videos']} left out as shorter "
        f"than {options['window']} frames"
    )
    click.echo(f"next: nvfair avaprintdb evaluate {folder} --list LISTS --checkpoint {out}")
    return {"checkpoint": out, "selection": made, "options": options}


def _would_train(run: EpochRun, out: Path, epochs: int) -> dict[str, Any]:
    """Says what a training would write, after all its videos are read."""
    from benchmark.training.state import finished_checkpoint

    facts = {"checkpoint": out, "videos": len(run.videos.names), "short_videos": run.videos.short, "epochs": epochs}
    if finished_checkpoint(out, run.digest, makes_folder=False) is not None:
        click.echo(f"{out}: an earlier run has done all of it")
        return would_write([], **facts)
    held = 0 if run.validation is None else len(run.validation.names)
    click.echo(
        f"would train on {count_text(len(run.videos.names), 'video')} for at most {count_text(epochs, 'epoch')}, and "
        f"select on {count_text(held, 'video')}"
    )
    return would_write([Output(out, "a checkpoint: its record, weights and log")], **facts)


def _people(text: str | None, collection: str) -> list[str] | None:
    """People of a list of names: None where there is no list, nobody for "none"."""
    from nvfair_tools.identity import resolve_alias

    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [] if names == ["none"] else [resolve_alias(name, collection) or name for name in names]


@avaprintdb.command()
@preflighted("author:score_avaprintdb")
@click.argument("folder", type=INPUT_FOLDER)
@click.option(
    "--list",
    "lists",
    required=True,
    multiple=True,
    type=INPUT,
    help="A list of trials, or a folder with lists; repeatable.",
)
@click.option(
    "--checkpoint",
    "checkpoints",
    required=True,
    multiple=True,
    type=INPUT,
    help="A checkpoint, a published .pt file, or a folder with such files; repeatable.",
)
@click.option(
    "--generator", "-g", "generators", multiple=True, help="Use the lists for this generator's videos too; repeatable."
)
@click.option(
    "--features",
    type=_FEATURES,
    help="FOLDER holds these frame features, and the checkpoints are attention networks.",
)
@click.option("--protocol", type=PROTOCOL, help="Name, or a .json file. [default: the authors' windows and scores]")
@click.option("--out", type=OUTPUT_FILE, help="Write the figures to this JSON file.")
@click.option("--device", default="auto", show_default=True, help="Where to compute: cpu, cuda or auto.")
@threads_option
@reports
def evaluate(
    folder: Path,
    lists: tuple[Path, ...],
    checkpoints: tuple[Path, ...],
    generators: tuple[str, ...],
    features: str | None,
    protocol: str | None,
    out: Path | None,
    device: str,
) -> dict[str, Any]:
    """Score every checkpoint on every list, from the files in FOLDER; published figures stand next to ours.

    Lists of the collection that a checkpoint was not trained on are the cross-dataset protocol. A list that cannot be
    scored does not keep the others from it; it is named at the end, with exit status 1.
    """
    needs_torch()
    from benchmark.evaluation.avaprintdb.listed_pairs import evaluate_list
    from nvfair_tools.errors import NvfairError, Problems
    from nvfair_tools.pipeline.progress_lines import task_progress

    files = open_files(folder, features)
    pair_lists = read_lists(lists, generators)
    figures, problems = [], []
    for path in expand(checkpoints, "*.pt"):
        method = open_checkpoint(path, features, device)
        warn_undeclared(method)
        for pairs in pair_lists:
            try:
                with task_progress("embedding") as report:
                    figures.append(evaluate_list(files, pairs, method, protocol, report))
            except NvfairError as error:  # the other lists are scored all the same
                problems.append(f"{method.name} on {pairs.name} is not scored: {error}")
            else:
                click.echo(figures_line(figures[-1]))
    for name, reason in files.left_out:
        click.echo(f"not read: {name}: {reason}")
    write_figures(out, [row.to_json() for row in figures])
    if problems:
        raise Problems(folder, problems, remedy="name only the lists and generators whose videos have files here")
    return {"figures": [row.to_json() for row in figures], "left_out": dict(files.left_out)}
