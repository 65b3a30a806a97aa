"""`nvfair avaprintdb`: AVAPrintDB's benchmark from its landmark files, as its authors run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.benchmark.evaluate import needs_torch

if TYPE_CHECKING:
    from benchmark.evaluation.listed_pairs import ListFigures

_FOLDER = click.Path(path_type=Path, file_okay=False)
_ANY_PATH = click.Path(path_type=Path)


@click.group()
def avaprintdb() -> None:
    """AVAPrintDB's benchmark from its landmark files and lists of trials."""


@avaprintdb.command()
@click.argument("landmarks", type=_FOLDER)
@click.argument("out", type=_FOLDER)
@click.option("--collection", required=True, type=click.Choice(["cremad", "ravdess"]), help="Whose DEV people train.")
@click.option("--generator", "-g", required=True, help="As in the files' names: GAGA, LIVE or HUNY.")
@click.option("--recipe", default="avaprintdb-graph", show_default=True, help="Preset of settings.")
@click.option(
    "--validation-people",
    "people",
    default="",
    metavar="NAMES",
    help="DEV people to select the epoch on, such as C1001,C1010. [default: nobody, as in the published files]",
)
@click.option(
    "--edges-of",
    type=click.Path(path_type=Path, dir_okay=False),
    help="A published checkpoint whose edges the graph takes. [default: a triangulation of our own]",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--epochs", type=click.IntRange(min=1), help="Fewer than the recipe's: a trial run, named as such.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
def train(
    landmarks: Path,
    out: Path,
    collection: str,
    generator: str,
    recipe: str,
    people: str,
    edges_of: Path | None,
    seed: int,
    epochs: int | None,
    device: str,
) -> None:
    """Train the graph network on LANDMARKS by the authors' recipe; write the checkpoint to OUT.

    Run again after an interruption, it goes on where it stopped.
    """
    needs_torch()
    from dataclasses import replace

    from benchmark.training.graph_recipe import named_recipe, train_by_recipe
    from nvfair_tools.identity import resolve_alias
    from nvfair_tools.pipeline.progress_lines import task_progress

    validation = []
    for person in filter(None, (text.strip() for text in people.split(","))):
        validation.append(resolve_alias(person, collection) or person)
    settings = replace(named_recipe(recipe), seed=seed)
    if epochs is not None:
        settings = replace(settings, epochs=min(epochs, settings.epochs))
    with task_progress("training") as report:
        checkpoint = train_by_recipe(
            landmarks,
            out,
            collection,
            generator,
            settings,
            validation_people=validation,
            edges_of=edges_of,
            device=device,
            progress=report,
        )
    made, options = checkpoint.selection, checkpoint.options
    kind = "validation" if validation else "training"
    click.echo(
        f"{out}: {kind} loss {made[f'{kind}_loss']:.4f} at epoch {made['step']} of {made['steps_run']}; "
        f"{options['videos']} videos, {options['short_videos']} left out as shorter than {options['window']} frames"
    )


@avaprintdb.command()
@click.argument("folder", type=_FOLDER)
@click.option(
    "--list", "lists", required=True, multiple=True, type=_ANY_PATH, help="A list of trials, or a folder with lists."
)
@click.option(
    "--checkpoint",
    "checkpoints",
    required=True,
    multiple=True,
    type=_ANY_PATH,
    help="A checkpoint, a published .pt file, or a folder with such files.",
)
@click.option("--generator", "-g", "generators", multiple=True, help="Use the lists for this generator's videos too.")
@click.option(
    "--features",
    type=click.Choice(["clip", "dino"]),
    help="FOLDER holds these frame features, and the checkpoints are published attention networks.",
)
@click.option("--protocol", help="Name, or a .json file. [default: the authors' windows and scores]")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this JSON file.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
def evaluate(
    folder: Path,
    lists: tuple[Path, ...],
    checkpoints: tuple[Path, ...],
    generators: tuple[str, ...],
    features: str | None,
    protocol: str | None,
    out: Path | None,
    device: str,
) -> None:
    """Score every checkpoint on every list, from the landmark files in FOLDER; published figures stand next to ours.

    Lists of the collection that a checkpoint was not trained on are the cross-dataset protocol.
    """
    needs_torch()
    import json
    from dataclasses import replace

    from benchmark.evaluation.listed_pairs import evaluate_list
    from benchmark.methods.avaprintdb.published_attention import (
        AttentionMethod,
        FeatureFiles,
        import_published_attention,
    )
    from benchmark.methods.avaprintdb.published_graph import import_published
    from benchmark.methods.checkpoint import Checkpoint, load_checkpoint
    from benchmark.methods.declaration import Declaration
    from benchmark.methods.device import resolve_device
    from benchmark.trials.pair_lists import read_pair_list
    from nvfair_tools.files import write_text
    from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles

    files = LandmarkFiles(folder) if features is None else FeatureFiles(folder, features)
    read = [read_pair_list(path) for path in _expand(lists, "evaluation_pairs_*.csv")]
    pair_lists = {pairs.name: pairs for pairs in read}
    pair_lists |= {made.name: made for pairs in read for name in generators for made in [pairs.by(name)]}
    figures = []
    for path in _expand(checkpoints, "*.pt"):
        method: Checkpoint | AttentionMethod
        if features is not None:
            method = import_published_attention(path, features)
        else:
            method = load_checkpoint(path) if path.is_dir() else import_published(path, Declaration.unknown())
        method = replace(method, device=resolve_device(device))
        for pairs in pair_lists.values():
            figures.append(evaluate_list(files, pairs, method, protocol))
            click.echo(_line(figures[-1]))
    for name, reason in files.left_out:
        click.echo(f"not read: {name}: {reason}")
    if out is not None:
        write_text(out, json.dumps([row.to_json() for row in figures], indent=1, sort_keys=True) + "\n")


def _expand(paths: tuple[Path, ...], pattern: str) -> list[Path]:
    """The paths, with each folder that is no checkpoint replaced by its files of the pattern."""
    from nvfair_tools.errors import NvfairError

    expanded: list[Path] = []
    for path in paths:
        if not path.is_dir() or (path / "checkpoint.json").exists():
            expanded.append(path)
            continue
        inside = sorted(path.glob(pattern))
        if not inside:
            raise NvfairError(f"no {pattern} in this folder", where=path)
        expanded += inside
    return expanded


def _line(figures: ListFigures) -> str:
    """The figures of a method on a list, as one line of text."""
    interval = (
        f" ({100 * figures.auc_low:.1f}–{100 * figures.auc_high:.1f})"
        if figures.auc_low is not None and figures.auc_high is not None
        else f" (no interval: {figures.interval_reason})"
    )
    published = "not published" if figures.published is None else f"published {figures.published:.1f}"
    return (
        f"{figures.method} on {figures.trials} [{figures.relation}]: "
        f"AUC {100 * figures.auc:.1f}{interval}, {published}; "
        f"EER {100 * figures.eer:.1f} ({100 * figures.eer_nearest:.1f} as its authors take it); "
        f"{figures.genuine} genuine and {figures.impostor} impostor trials of {figures.people} people; left out: "
        f"{figures.without_file} without a file, {figures.too_short} too short"
    )
