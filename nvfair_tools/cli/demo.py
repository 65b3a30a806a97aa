"""`nvfair demo`: the whole job on people who do not exist, and where to look afterwards."""

from __future__ import annotations

import time
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.paths import output
from nvfair_tools.cli.preflight import preflighted

if TYPE_CHECKING:
    from nvfair_tools.simulate.settings import CohortSettings
    from nvfair_tools.simulate.videos import PeopleSettings

# Small enough for eight minutes on two cores: a machine finds landmarks in about a hundred frames a second.
RECIPE = """\
# Written by `nvfair demo`. The same keys build a data set from your own recordings: docs/datasets.md, examples/.
name: demo of simulated people
output: dataset
simulated: true                    # the people do not exist: said in the card and in every report

sources:
  - csv: people/clips.csv          # simulated people's videos, with consent, licence and permitted use

rights: {render_if: [any]}

splits: {by: column}               # all of them are test people: the network is trained on others

generators:                        # none of them is met in training
  - {name: warp-dense}
  - {name: warp-tps}
  - {name: warp-parts}

pairs:
  cross_per_clip: {test: null}     # null: every driver on every target

features: {distances: none}        # readers compute them from the landmarks, faster than reading them
"""
METHOD = "motion-signature"
# Whole and small, on two cores.
MINUTES = ("about eight minutes on two cores", "about two minutes on two cores")
# The other network that is tested: it ships with the package, and has met neither these people nor these generators.
SHIPPED = "pretrained:temporal-cnn"


@click.command()
@preflighted("curator:demo")
@output("folder", metavar="FOLDER", default=Path("demo"))
@click.option(
    "--seed", type=click.IntRange(min=0), help="Other people, and another training. [default: the demo's own]"
)
@click.option("--small", is_flag=True, help="Fewer people and clips: a minute or two, and figures that mean nothing.")
@click.option("--dry-run", is_flag=True, help="Say what would be made where, and make nothing.")
@reports
def demo(folder: Path, seed: int | None, small: bool, dry_run: bool) -> dict[str, Any]:
    """From simulated people to a scored report, in FOLDER. Run again after an interruption, it goes on.

    A network is trained on the landmarks of a hundred simulated people, in seconds. Other simulated people are filmed;
    every driver is put on every target by three warp generators that the network has never met; their landmarks are
    found in the videos as in anybody's. The report says whether the network knows who is driving, beside shortcuts
    that need no facial motion. It takes about eight minutes on two cores, with --small about two.
    """
    from nvfair_tools.files import write_text
    from nvfair_tools.simulate.settings import named_world

    if dry_run:
        return _describe(folder, small)
    begun = time.monotonic()
    recipe = folder / "recipe.yaml"
    world = named_world("demo")
    generators = [word for name in world.generators for word in ("-g", name)]
    _step(1, "simulated people to train on: landmarks alone", folder / "cohort")
    _cohort(folder / "cohort", seed, small)
    _step(2, f"{METHOD}, trained on them", folder / METHOD)
    training = ("--method", METHOD, *generators, "--windows", "640", "--seed", seed or 0)
    _invoke("nvfair_tools.cli.benchmark.train:train", folder / "cohort", folder / METHOD, *training)
    _step(3, "other simulated people's videos", folder / "people")
    _people(folder / "people", seed, small)
    _step(4, "reenactments, landmarks, data set", folder / "dataset")
    write_text(recipe, RECIPE)
    _invoke("nvfair_tools.cli.curate.build:build", recipe)
    _step(5, "who is driving? three unseen generators, beside the shortcuts", folder / "report")
    tested = ("--checkpoint", folder / METHOD, "--checkpoint", SHIPPED, "--out", folder / "report")
    _invoke("nvfair_tools.cli.benchmark.evaluate:evaluate", folder / "dataset", *tested)
    minutes = (time.monotonic() - begun) / 60
    click.secho(f"\nDone in {minutes:.1f} minutes. Where to look:", bold=True)
    for path, text in {
        folder / "report" / "who-drives.html": "who drives which video, right and wrong: a page without tables",
        folder / "report" / "index.html": "the report: figures, curves, controls, sample frames",
        folder / "dataset" / "README.md": "the data set's card",
        folder / "dataset" / "videos": "every video, original and synthetic",
        recipe: "the recipe; change it and run: nvfair build " + str(recipe),
    }.items():
        if path.exists():  # too few people make no page of single videos
            click.echo(f"  {path}  {text}")
    return {"folder": folder, "report": folder / "report" / "index.html", "minutes": minutes}


def _describe(folder: Path, small: bool) -> dict[str, Any]:
    """What the demo would make, and how long it takes."""
    from nvfair_tools.cli.curate.amounts import cohort_amount, people_amount

    amounts = {
        "cohort": cohort_amount(_cohort_settings(None, small)),
        "people": people_amount(_people_settings(None, small)),
    }
    for name, amount in amounts.items():
        click.echo(f"{folder / name}: {amount}")
    click.echo(f"{folder}: a network, the reenactments of these people, and a report; {MINUTES[small]}")
    click.echo("nothing was written: leave --dry-run out to run it")
    return {"folder": folder, "dry_run": True, "amounts": amounts}


def _cohort_settings(seed: int | None, small: bool) -> CohortSettings:
    """The people to train on."""
    from nvfair_tools.simulate.settings import named_world

    settings = named_world("demo")
    if small:
        (source,) = settings.sources
        few = source.model_copy(update={"train": 12, "validation": 4})
        settings = settings.model_copy(update={"sources": (few,), "clips": 3})
    return settings if seed is None else settings.model_copy(update={"seed": seed})


def _people_settings(seed: int | None, small: bool) -> PeopleSettings:
    """The people to test on."""
    from nvfair_tools.simulate.videos import PeopleSettings

    with resources.as_file(resources.files("nvfair_tools.simulate") / "people" / "demo.yaml") as path:
        settings = PeopleSettings.read(path)
    if small:
        (source,) = settings.sources
        settings = settings.model_copy(update={"sources": (source.model_copy(update={"test": 3}),), "clips": 2})
    return settings if seed is None else settings.model_copy(update={"seed": seed + 1})


def _cohort(folder: Path, seed: int | None, small: bool) -> None:
    """Writes the people to train on."""
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.cohort import write_cohort

    with task_progress("videos") as report:
        write_cohort(folder, _cohort_settings(seed, small), progress=report)


def _people(folder: Path, seed: int | None, small: bool) -> None:
    """Films the people to test on."""
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.videos import write_people

    with task_progress("videos") as report:
        write_people(folder, _people_settings(seed, small), progress=report)


def _step(number: int, text: str, place: Path) -> None:
    click.secho(f"\n[{number}/5] {text} -> {place}", bold=True)


def _invoke(command: str, *arguments: object) -> None:
    """Runs one of our own commands as a user would, and says how."""
    import importlib

    module, name = command.split(":")
    words = [str(argument) for argument in arguments]
    click.secho(f"$ nvfair {name} {' '.join(words)}", dim=True)
    getattr(importlib.import_module(module), name).main(words, standalone_mode=False)
