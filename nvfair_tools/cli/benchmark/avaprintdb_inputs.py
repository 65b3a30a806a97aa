"""What the commands of `nvfair avaprintdb` read and print: files, checkpoints, lists, figures."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from benchmark.evaluation.avaprintdb.listed_pairs import ListFigures
    from benchmark.methods.checkpoint import Checkpoint
    from benchmark.trials.pair_lists import PairList
    from nvfair_tools.landmarks.avaprintdb_files import SampleFiles


def open_files(folder: Path, features: str | None) -> SampleFiles:
    """The landmark files below a folder, or its feature files where features are named."""
    from benchmark.methods.avaprintdb.published_attention import FeatureFiles
    from nvfair_tools.landmarks.avaprintdb_files import LandmarkFiles

    return LandmarkFiles(folder) if features is None else FeatureFiles(folder, features)


def open_checkpoint(path: Path, features: str | None, device: str) -> Checkpoint:
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


def warn_undeclared(method: Checkpoint) -> None:
    """Warns of a checkpoint that does not say whom it was trained on: nobody can check that it has not met the test."""
    if roles := method.declaration.unknown_roles:
        click.echo(
            f"warning: {method.name} does not declare whom its {', '.join(roles)} saw, so it may have met people "
            "of the list; what its file's name says of its training is taken on trust (docs/training.md, Declarations)",
            err=True,
        )


def read_lists(lists: tuple[Path, ...], generators: tuple[str, ...]) -> list[PairList]:
    """The lists, each also for every other generator."""
    from benchmark.trials.pair_lists import read_pair_list

    read = [read_pair_list(path) for path in expand(lists, "evaluation_pairs_*.csv")]
    by_name = {pairs.name: pairs for pairs in read}
    return list((by_name | {made.name: made for pairs in read for g in generators for made in [pairs.by(g)]}).values())


def write_figures(out: Path | None, content: Any) -> None:
    """Writes plain values to a JSON file, where one is named."""
    import json

    from nvfair_tools.files import write_text

    if out is not None:
        write_text(out, json.dumps(content, indent=1, sort_keys=True) + "\n")


def expand(paths: tuple[Path, ...], pattern: str) -> list[Path]:
    """The paths, with each folder that is no checkpoint replaced by its files of the pattern."""
    from nvfair_tools.errors import NvfairError

    expanded: list[Path] = []
    for path in paths:
        if not path.is_dir() or (path / "checkpoint.json").exists():
            expanded.append(path)
            continue
        inside = sorted(path.glob(pattern))
        if not inside:
            raise NvfairError(f"no {pattern} in this folder", where=path, remedy="name the folder that holds them")
        expanded += inside
    return expanded


def figures_line(figures: ListFigures) -> str:
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
        f"{figures.method} on {figures.trials} [{figures.relation}]: AUC {100 * figures.auc:.1f}{interval}, "
        f"{published}; EER {100 * figures.eer:.1f} ({100 * figures.eer_nearest:.1f} as its authors take it); "
        f"{figures.genuine} genuine and {count_text(figures.impostor, 'impostor trial')} of "
        f"{count_text(figures.people, 'person')}; left out: {figures.without_file} without a file, {figures.too_short} "
        "too short"
    )
