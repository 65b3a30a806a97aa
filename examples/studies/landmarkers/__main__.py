"""How far two landmarkers put the points of the same faces apart, and what that does to features and scores.

    python -m examples.studies.landmarkers track CLIPS TRACKS/old                          Python 3.11 or 3.12
    python -m examples.studies.landmarkers track CLIPS TRACKS/new                          Python 3.13 or later
    python -m examples.studies.landmarkers compare CLIPS TRACKS/old TRACKS/new             either

CLIPS is a folder with clips.csv (path, person). The two landmarkers cannot be installed together, so each tracks in
its own Python; the last command reads both folders of tracks and prints the tables of docs/landmarks.md.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

import click
import numpy as np

from examples.studies.landmarkers.differences import feature_rows, point_rows, read_pairs
from nvfair_tools.landmarks.landmarker import KINDS, create_landmarker
from nvfair_tools.landmarks.track import save_track
from nvfair_tools.landmarks.tracking import track_video
from nvfair_tools.media import MediaError

_FOLDER = click.Path(exists=True, file_okay=False, path_type=Path)


@click.group()
def main() -> None:
    """Compares two landmarkers on the same clips."""


@main.command()
@click.argument("clips", type=_FOLDER)
@click.argument("out", type=click.Path(path_type=Path))
@click.option("--landmarker", "kind", type=click.Choice(KINDS), default="auto", help="As in a recipe.")
@click.option("--task-file", type=click.Path(path_type=Path), help="The model of the landmarker `tasks`.")
def track(clips: Path, out: Path, kind: str, task_file: Path | None) -> None:
    """Tracks every clip of CLIPS/clips.csv into OUT; what is there already is not tracked again."""
    landmarker = create_landmarker(kind, task_file)
    try:
        for path, name, _ in listed(clips):
            target = out / f"{name}.npz"
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                try:
                    save_track(target, track_video(path, landmarker))
                    click.echo(f"{name} by {landmarker.name} {landmarker.version}")
                except MediaError as error:  # the list has a file that is cut on purpose
                    click.echo(f"{name} is left out: {error.cause}")
    finally:
        landmarker.close()


@main.command()
@click.argument("clips", type=_FOLDER)
@click.argument("first", type=_FOLDER)
@click.argument("second", type=_FOLDER)
@click.option("--scores/--no-scores", default=True, help="Whether the methods that ship score them too (needs torch).")
def compare(clips: Path, first: Path, second: Path, scores: bool) -> None:
    """Prints how far the tracks of two folders are apart."""
    pairs = read_pairs(listed(clips), first, second)
    click.echo("\n".join([*point_rows(pairs), "", *feature_rows(pairs)]))
    if scores:
        from examples.studies.landmarkers.scores import score_rows

        click.echo("\n".join(["", *score_rows(pairs)]))


def listed(clips: Path) -> Iterator[tuple[Path, str, str]]:
    """(file, name of its track, person) of every clip in the list."""
    with open(clips / "clips.csv", newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            yield clips / row["path"], row["path"].rpartition(".")[0], row.get("person") or ""


if __name__ == "__main__":
    with np.errstate(invalid="ignore"):
        main()
