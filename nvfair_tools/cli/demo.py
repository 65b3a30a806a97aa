"""`nvfair demo`: the whole job on people who do not exist, and where to look afterwards."""

from __future__ import annotations

import time
from pathlib import Path

import click

# Small enough for ten minutes on two cores: every split has the fewest people, clips and pairs that its figure needs.
RECIPE = """\
# Written by `nvfair demo`. The same keys build a data set from your own recordings: docs/datasets.md, examples/.
name: demo of simulated people
output: dataset
simulated: true                    # the people do not exist: said in the card and in every report

sources:
  - csv: people/clips.csv          # simulated people's videos, with consent, licence and permitted use

rights: {render_if: [any]}

splits: {by: column}

generators:                        # one to train on; the two others are met in testing only
  - {name: warp-dense}
  - {name: warp-tps, splits: [test]}
  - {name: warp-parts, splits: [test]}

pairs:
  cross_per_clip: {train: 2, validation: 2, test: null}   # null: every driver on every target

features: {distances: none}        # readers compute them from the landmarks, faster than reading them
"""
TRAINED_ON = "warp-dense"


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("demo"))
@click.option(
    "--seed", default=1, show_default=True, type=click.IntRange(min=0), help="Of the people and the training."
)
@click.option("--small", is_flag=True, help="Fewer people and clips: a minute or two, and figures that mean nothing.")
def demo(folder: Path, seed: int, small: bool) -> None:
    """From simulated people to a scored report, in FOLDER. Run again after an interruption, it goes on.

    Simulated people's videos; every driver on every target by three warp generators; landmarks and features in
    Parquet; a temporal network trained on one generator, and tested on all of them.
    """
    from nvfair_tools.files import write_text

    begun = time.monotonic()
    recipe = folder / "recipe.yaml"
    _step(1, "simulated people's videos", folder / "people")
    _people(folder / "people", seed, small)
    _step(2, "reenactments, landmarks, data set", folder / "dataset")
    write_text(recipe, RECIPE)
    _invoke("nvfair_tools.cli.curate.build:build", recipe)
    _step(3, f"the temporal network, trained on {TRAINED_ON}", folder / "checkpoint")
    # Centred distances: the published input needs more data than this to look past whose face it is.
    training = ("-g", TRAINED_ON, "--input", "distances-centred", "--windows", "2000" if small else "12000")
    often = ("--validate-every", "2000", "--seed", seed)
    _invoke("nvfair_tools.cli.benchmark.train:train", folder / "dataset", folder / "checkpoint", *training, *often)
    _step(4, "seen and unseen generators, beside the shortcuts", folder / "report")
    tested = ("--checkpoint", folder / "checkpoint", "--out", folder / "report")
    _invoke("nvfair_tools.cli.benchmark.evaluate:evaluate", folder / "dataset", *tested)
    minutes = (time.monotonic() - begun) / 60
    click.secho(f"\nDone in {minutes:.1f} minutes. Where to look:", bold=True)
    for path, text in {
        folder / "report" / "index.html": "the report: figures, curves, controls, sample frames",
        folder / "dataset" / "README.md": "the data set's card",
        folder / "dataset" / "videos": "every video, original and synthetic",
        recipe: "the recipe; change it and run: nvfair build " + str(recipe),
    }.items():
        click.echo(f"  {path}  {text}")


def _people(folder: Path, seed: int, small: bool) -> None:
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.settings import SourceSettings
    from nvfair_tools.simulate.videos import PeopleSettings, write_people

    train, validation, test, clips = (3, 2, 3, 2) if small else (8, 3, 5, 4)
    source = SourceSettings(name="sim", train=train, validation=validation, test=test, texts=3, free=0.34)
    # People who differ more clearly than real ones: little data has to be enough.
    settings = PeopleSettings(seed=seed, sources=(source,), clips=clips, frames=90, difficulty=0.3)
    with task_progress("videos") as report:
        write_people(folder, settings, progress=report)


def _step(number: int, text: str, place: Path) -> None:
    click.secho(f"\n[{number}/4] {text} -> {place}", bold=True)


def _invoke(command: str, *arguments: object) -> None:
    """Runs one of our own commands as a user would, and says how."""
    import importlib

    module, name = command.split(":")
    words = [str(argument) for argument in arguments]
    click.secho(f"$ nvfair {name} {' '.join(words)}", dim=True)
    getattr(importlib.import_module(module), name).main(words, standalone_mode=False)
