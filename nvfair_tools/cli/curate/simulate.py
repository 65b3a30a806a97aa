"""`nvfair simulate`: people who do not exist, for machines without data."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import WORLD
from nvfair_tools.cli.paths import INPUT_FILE, INPUT_FOLDER, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.cli.curate.amounts import Amount
    from nvfair_tools.simulate.cohort import CardWriter
    from nvfair_tools.simulate.settings import YamlSettings

_DRY_RUN = click.option("--dry-run", is_flag=True, help="Say how much would be written, and write nothing.")
Settings = TypeVar("Settings", bound="YamlSettings")


class Faces(click.ParamType):
    """A number of faces, or "all"."""

    name = "number|all"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        return value if value == "all" else click.IntRange(min=0).convert(value, param, ctx)


@click.group(cls=NearestGroup)
def simulate() -> None:
    """Make simulated people: videos or landmark-only cohorts."""


@simulate.command()
@preflighted("curator:simulate_cohort")
@output()
@click.option("--world", type=WORLD, help="A world that is written down, such as world1 or life-mixed.")
@click.option("--settings", type=INPUT_FILE, help="YAML of the settings.")
@click.option("--seed", type=click.IntRange(min=0), help="Everything random follows from it.")
@click.option("--clips", type=click.IntRange(min=1), help="Real clips a person.")
@click.option("--cross", type=Faces(), help='Other faces each clip drives: a number, or "all".')
@click.option("--frames", type=click.IntRange(min=10), help="Median length of a clip, at 25 frames a second.")
@click.option("--difficulty", type=click.FloatRange(0, 1), help="0: people move most distinctly; 1: least.")
@click.option("--noise", type=click.FloatRange(min=0), help="Factor of the landmarks' tracking noise.")
@click.option("--mesh", is_flag=True, help="Keep the whole mesh too: six times the space.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [default: one a core]")
@_DRY_RUN
@reports
def cohort(
    out: Path,
    world: str | None,
    settings: Path | None,
    mesh: bool,
    workers: int | None,
    dry_run: bool,
    **options: object,
) -> dict[str, Any]:
    """Write a landmark-only cohort of simulated people to OUT, in the data set's format, with its card.

    Without options: NVFAIR's 161 people, 12 clips each, by three simulated generators on their own face and on two
    others: about 0.8 GB. What will be written is said first. Run again after an interruption, it goes on where
    it stopped.
    """
    from nvfair_tools.cli.curate.amounts import check_space, cohort_amount
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.cohort import write_cohort
    from nvfair_tools.simulate.settings import CohortSettings, named_world

    if world is not None and settings is not None:
        raise click.UsageError("name a world or a file of settings, not both")
    written = CohortSettings() if settings is None else CohortSettings.read(settings)
    chosen = changed(written if world is None else named_world(world), options)
    amount = cohort_amount(chosen, mesh=mesh)
    _announce(out, amount, dry_run)
    content = {"folder": out, "world": chosen.world_hash(), "dry_run": dry_run, "amount": amount}
    if dry_run:
        return content
    check_space(out, amount.bytes)
    with task_progress("videos") as report:
        write_cohort(
            out,
            chosen,
            mesh=mesh,
            workers=workers,
            progress=report,
            card=_card_writer(out),
        )
    click.echo(f"{out}: world {chosen.world_hash()}; next: nvfair train {out} RUN -g GENERATOR")
    return content


def _announce(out: Path, amount: Amount, dry_run: bool) -> None:
    """Says how much will be written where, before it is."""
    click.echo(f"{out}: {amount}", err=not dry_run)
    if dry_run:
        click.echo("nothing was written: leave --dry-run out to write it")


def _card_writer(out: Path) -> CardWriter | None:
    """What writes cards: matplotlib draws, scipy counts. None without them, as where the core alone is installed."""
    try:
        import matplotlib  # noqa: F401
        import scipy  # noqa: F401
    except ImportError as error:
        click.echo(
            f"note: no card is written, because that needs {error.name}: pip install 'nvfair-tools[hub]', then "
            f"nvfair dataset card {out}",
            err=True,
        )
        return None
    from nvfair_tools.curate.card import write_description

    return lambda folder, meta, people, videos, content: write_description(folder, meta, people, videos, (), content)


@simulate.command()
@preflighted("curator:simulate_people")
@output()
@click.option("--settings", type=INPUT_FILE, help="YAML of the settings.")
@click.option("--seed", type=click.IntRange(min=0), help="Everything random follows from it.")
@click.option("--clips", type=click.IntRange(min=1), help="Clips a person.")
@click.option("--frames", type=click.IntRange(min=10), help="Median length of a clip, at 25 frames a second.")
@click.option("--difficulty", type=click.FloatRange(0, 1), help="0: people move most distinctly; 1: least.")
@click.option("--size", type=click.IntRange(64, 1024), help="Width and height of the videos in pixels.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes. [default: one a core]")
@_DRY_RUN
@reports
def people(out: Path, settings: Path | None, workers: int | None, dry_run: bool, **options: object) -> dict[str, Any]:
    """Write source videos of simulated people to OUT: a folder a person, and clips.csv for `nvfair ingest`.

    Two public-domain portraits are reshaped, lit anew and moved; no one is shown as they were.
    """
    from nvfair_tools.cli.curate.amounts import check_space, people_amount
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.videos import PeopleSettings, write_people

    chosen = changed(PeopleSettings() if settings is None else PeopleSettings.read(settings), options)
    amount = people_amount(chosen)
    _announce(out, amount, dry_run)
    content = {"folder": out, "dry_run": dry_run, "amount": amount}
    if dry_run:
        return content
    check_space(out, amount.bytes)
    with task_progress("clips") as report:
        path = write_people(out, chosen, workers=workers, progress=report)
    click.echo(str(path))
    click.echo(f"next: a recipe with `csv: {path}`: nvfair new recipe NAME --from {out}")
    return content | {"clips": path}


@simulate.command()
@click.argument("worlds", nargs=-1, required=True, type=WORLD)
@click.option(
    "--real",
    required=True,
    type=INPUT_FILE,
    help="JSON of the statistics of real clips; docs/experiments/worlds.md describes it.",
)
@click.option(
    "--clips",
    type=INPUT_FOLDER,
    help="Folder of real clips, with a clips.csv (path, person, collection): lines for them too.",
)
@click.option("--people", type=click.IntRange(min=3), help="People a world whose real clips count. [default: all]")
@click.option("--each", is_flag=True, help="Also print every statistic of every world.")
@reports
def statistics(worlds: tuple[str, ...], real: Path, clips: Path | None, people: int | None, each: bool) -> list[Any]:
    """Print what hand-made statistics, mean face shape and head pose reach in WORLDS and on real clips.

    WORLDS are names, as of `nvfair simulate cohort --world`, or YAML files of settings. Nothing is trained. A world
    takes about a minute.
    """
    from nvfair_tools.landmarks.landmarker import chosen_landmarker
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.calibration.comparison import compare_world, comparison_table, statistics_lines
    from nvfair_tools.simulate.calibration.real_clips import read_statistics, real_clip_lines, track_real_clips
    from nvfair_tools.simulate.settings import CohortSettings, named_world

    published = read_statistics(real)
    chosen = [CohortSettings.read(name) if name.endswith((".yaml", ".yml")) else named_world(name) for name in worlds]
    compared = []
    for settings in chosen:
        with task_progress(settings.name) as report:
            compared.append(compare_world(settings, published, people, report))
    click.echo(comparison_table(compared, published))
    if each:
        for world in compared:
            click.echo(f"\n{world.name}\n\n{statistics_lines(world, published)}")
    if clips is not None:
        with task_progress("real clips") as report:
            tracks = track_real_clips(clips, report)
        click.echo("\n" + "\n".join(real_clip_lines(tracks)))
        click.echo(f"real clips were tracked by the landmarker {chosen_landmarker()[0]}", err=True)
    click.echo(
        f"\n{count_text(len(compared), 'world')}, "
        f"{count_text(sum(world.clips for world in compared), 'simulated clip')} measured",
        err=True,
    )
    return compared


def changed(settings: Settings, options: Mapping[str, object]) -> Settings:
    """The settings with the command's options in place; an option that is None was not passed."""
    passed = {name: value for name, value in options.items() if value is not None}
    return type(settings)(**{**settings.model_dump(), **passed})
