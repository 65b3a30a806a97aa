"""`nvfair avaprintdb`: AVAPrintDB's benchmark from the release's files, as its authors run it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.benchmark.evaluate import needs_torch

if TYPE_CHECKING:
    from benchmark.evaluation.avaprintdb.listed_pairs import ListFigures
    from benchmark.methods.checkpoint import Checkpoint
    from benchmark.trials.pair_lists import PairList
    from nvfair_tools.landmarks.avaprintdb_files import SampleFiles

_FOLDER = click.Path(path_type=Path, file_okay=False)
_ANY_PATH = click.Path(path_type=Path)
_FEATURES = click.Choice(["clip", "dino"])


@click.group()
def avaprintdb() -> None:
    """AVAPrintDB's benchmark from its landmark and feature files and its lists of trials."""


@avaprintdb.command()
@click.argument("folder", type=_FOLDER)
@click.argument("out", type=_FOLDER)
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
    type=click.Path(path_type=Path, dir_okay=False),
    help="A published checkpoint whose edges the graph takes. [default: a triangulation of our own]",
)
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0))
@click.option("--epochs", type=click.IntRange(min=1), help="Fewer than the recipe's: a trial run, named as such.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
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
) -> None:
    """Train a network on FOLDER's files by the authors' recipe; write the checkpoint to OUT.

    The graph network reads landmark files (LANDMARKS of the release), the attention network frame features
    (--features). Run again after an interruption, it goes on where it stopped.
    """
    needs_torch()
    from dataclasses import replace

    from benchmark.methods.avaprintdb.published_attention import FeatureFiles
    from benchmark.training.avaprintdb.attention_recipe import AttentionRecipe, train_attention
    from benchmark.training.avaprintdb.graph_recipe import GraphRecipe, train_graph
    from nvfair_tools.pipeline.progress_lines import task_progress

    if features is not None and edges_of is not None:
        raise click.UsageError("--edges-of: the attention network has no graph; leave it or --features out")
    validation = _people(people, collection)
    recipe = GraphRecipe() if features is None else AttentionRecipe()
    recipe = replace(recipe, seed=seed, epochs=min(epochs or recipe.epochs, recipe.epochs))
    with task_progress("training") as report:
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
        f"{made['steps_run']}; {options['videos']} videos, {options['short_videos']} left out as shorter than "
        f"{options['window']} frames"
    )


def _people(text: str | None, collection: str) -> list[str] | None:
    """People of a list of names: None where there is no list, nobody for "none"."""
    from nvfair_tools.identity import resolve_alias

    if text is None:
        return None
    names = [name.strip() for name in text.split(",") if name.strip()]
    return [] if names == ["none"] else [resolve_alias(name, collection) or name for name in names]


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
    type=_FEATURES,
    help="FOLDER holds these frame features, and the checkpoints are attention networks.",
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
    """Score every checkpoint on every list, from the files in FOLDER; published figures stand next to ours.

    Lists of the collection that a checkpoint was not trained on are the cross-dataset protocol.
    """
    needs_torch()
    from benchmark.evaluation.avaprintdb.listed_pairs import evaluate_list
    from nvfair_tools.pipeline.progress_lines import task_progress

    files = _files(folder, features)
    pair_lists = _pair_lists(lists, generators)
    figures = []
    for path in _expand(checkpoints, "*.pt"):
        method = _checkpoint(path, features, device)
        _warn_undeclared(method)
        for pairs in pair_lists:
            with task_progress("embedding") as report:
                figures.append(evaluate_list(files, pairs, method, protocol, report))
            click.echo(_line(figures[-1]))
    for name, reason in files.left_out:
        click.echo(f"not read: {name}: {reason}")
    _write_json(out, [row.to_json() for row in figures])


_SYSTEM = (_FOLDER, _ANY_PATH)


@avaprintdb.command()
@click.option("--graph", type=_SYSTEM, metavar="FOLDER CHECKPOINT", help="Landmark files, and a graph network.")
@click.option("--clip", type=_SYSTEM, metavar="FOLDER CHECKPOINT", help="CLIP features, and an attention network.")
@click.option("--dino", type=_SYSTEM, metavar="FOLDER CHECKPOINT", help="DINOv2 features, and an attention network.")
@click.option(
    "--list", "lists", required=True, multiple=True, type=_ANY_PATH, help="A list of trials, or a folder with lists."
)
@click.option("--generator", "-g", "generators", multiple=True, help="Use the lists for this generator's videos too.")
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
@click.option("--seed", default=0, show_default=True, type=click.IntRange(min=0), help="Of the drawn videos and pairs.")
@click.option("--out", type=click.Path(path_type=Path, dir_okay=False), help="Write the figures to this JSON file.")
@click.option("--device", default="auto", show_default=True, help="cpu, cuda, or auto.")
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
) -> None:
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
            systems.append(System.of(_files(named[0], features), _checkpoint(named[1], features, device)))
            _warn_undeclared(systems[-1].checkpoint)
    if len(systems) < 2:
        raise click.UsageError("name two or three of --graph, --clip and --dino")
    pair_lists = _pair_lists(lists, generators)
    with task_progress("fitting") as report:
        fusion = fit_fusion(systems, rule, fit_on=fit_on, videos=fit_videos, seed=seed, report=report)
    weights = ", ".join(f"{kind} {weight:.3f}" for kind, weight in zip(fusion.systems, fusion.weights, strict=True))
    fitted = (
        f"; fitted on {fusion.genuine} genuine and {fusion.impostor} impostor pairs of {fusion.videos} videos"
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
            click.echo(_line(row))
    _write_json(out, {"fusion": fusion.to_json(), "figures": [row.to_json() for row in figures]})


def _files(folder: Path, features: str | None) -> SampleFiles:
    from benchmark.methods.avaprintdb.published_attention import FeatureFiles
    from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles

    return LandmarkFiles(folder) if features is None else FeatureFiles(folder, features)


def _checkpoint(path: Path, features: str | None, device: str) -> Checkpoint:
    """A checkpoint folder, or a published file, whose network embeds on the device."""
    from dataclasses import replace

    from benchmark.methods.avaprintdb.published_attention import import_published_attention
    from benchmark.methods.avaprintdb.published_graph import import_published
    from benchmark.methods.checkpoint import load_checkpoint
    from benchmark.methods.declaration import Declaration
    from benchmark.methods.device import resolve_device

    if path.is_dir():
        method = load_checkpoint(path)
    elif features is not None:
        method = import_published_attention(path, features)
    else:
        method = import_published(path, Declaration.unknown())
    return replace(method, device=resolve_device(device))


def _warn_undeclared(method: Checkpoint) -> None:
    """Warns of a checkpoint that does not say whom it was trained on: nobody can check that it has not met the test."""
    if roles := method.declaration.unknown_roles:
        click.echo(
            f"warning: {method.name} does not declare whom its {', '.join(roles)} saw, so it may have met people "
            "of the list; what its file's name says of its training is taken on trust (docs/training.md, Declarations)",
            err=True,
        )


def _pair_lists(lists: tuple[Path, ...], generators: tuple[str, ...]) -> list[PairList]:
    """The lists, each also for every other generator."""
    from benchmark.trials.pair_lists import read_pair_list

    read = [read_pair_list(path) for path in _expand(lists, "evaluation_pairs_*.csv")]
    by_name = {pairs.name: pairs for pairs in read}
    return list((by_name | {made.name: made for pairs in read for g in generators for made in [pairs.by(g)]}).values())


def _write_json(out: Path | None, content: Any) -> None:
    import json

    from nvfair_tools.files import write_text

    if out is not None:
        write_text(out, json.dumps(content, indent=1, sort_keys=True) + "\n")


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
    if figures.published is not None and figures.method.startswith("our fusion"):
        published += " by another rule"
    return (
        f"{figures.method} on {figures.trials} [{figures.relation}]: "
        f"AUC {100 * figures.auc:.1f}{interval}, {published}; "
        f"EER {100 * figures.eer:.1f} ({100 * figures.eer_nearest:.1f} as its authors take it); "
        f"{figures.genuine} genuine and {figures.impostor} impostor trials of {figures.people} people; left out: "
        f"{figures.without_file} without a file, {figures.too_short} too short"
    )
