"""`nvfair simulate`: people who do not exist, for machines without data."""

from __future__ import annotations

from pathlib import Path

import click


@click.group()
def simulate() -> None:
    """Make simulated people: videos or landmark-only cohorts."""


@simulate.command()
@click.argument("out", type=click.Path(path_type=Path, file_okay=False))
@click.option("--settings", type=click.Path(path_type=Path, exists=True, dir_okay=False), help="YAML of the settings.")
@click.option("--seed", type=click.IntRange(min=0), help="Everything random follows from it.")
@click.option("--clips", type=click.IntRange(min=1), help="Real clips a person.")
@click.option("--cross", help='Other faces each clip drives: a number, or "all".')
@click.option("--frames", type=click.IntRange(min=10), help="Median length of a clip, at 25 frames a second.")
@click.option("--difficulty", type=click.FloatRange(0, 1), help="0: people move most distinctly; 1: least.")
@click.option("--noise", type=click.FloatRange(min=0), help="Factor of the landmarks' tracking noise.")
@click.option("--workers", type=click.IntRange(min=1), help="Processes (default: one a core).")
def cohort(out: Path, settings: Path | None, workers: int | None, **options: object) -> None:
    """Write a landmark-only cohort of simulated people to OUT, in the data set's format.

    Without options: NVFAIR's 161 people, 12 clips each, by three simulated generators on their own face and on two
    others. Run again after an interruption, it goes on where it stopped.
    """
    from rich.progress import Progress

    from nvfair_tools.simulate.cohort import write_cohort
    from nvfair_tools.simulate.settings import CohortSettings

    chosen = CohortSettings() if settings is None else CohortSettings.read(settings)
    changed = {name: value for name, value in options.items() if value is not None}
    if isinstance(changed.get("cross"), str) and changed["cross"] != "all":
        changed["cross"] = click.INT.convert(changed["cross"], None, None)
    chosen = CohortSettings(**{**chosen.model_dump(), **changed})
    with Progress() as bars:
        task = bars.add_task("videos", total=None)
        write_cohort(
            out, chosen, workers=workers, progress=lambda done, total: bars.update(task, completed=done, total=total)
        )
    click.echo(f"{out}: world {chosen.world()}")
