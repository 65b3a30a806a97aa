"""Do methods tell real people apart by how they move simulated faces? The whole study in one command.

    python -m examples.studies.real_people TRACKS --models FOLDER

TRACKS: a folder with `tracks.csv` and `tracks/<clip>.npz`. Renders every clip on the plan's simulated faces, tracks the
videos, scores all methods, prints the tables, and deletes renderings and embeddings. An interrupted run continues when
it is started again; `--discard` deletes what an interrupted run left. docs/experiments/real_people.md describes it.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path

import click

from examples.studies.real_people.coverage import measure_coverage
from examples.studies.real_people.driver_tracks import list_clips
from examples.studies.real_people.method_scores import load_methods, score_all
from examples.studies.real_people.page import results_text, write_page
from examples.studies.real_people.people_statistics import Design
from examples.studies.real_people.plan import read_plan
from examples.studies.real_people.renderings import delete_work_folder, open_work_folder, render, work_folder
from examples.studies.real_people.results import (
    FIGURES,
    READ,
    append_to_log,
    compute_results,
    coverage_values,
    read_log,
)
from nvfair_tools.errors import user_message
from nvfair_tools.pipeline.progress import default_reporter

_PLAN = Path(__file__).with_name("real_people.yaml")
_FILE = click.Path(path_type=Path, dir_okay=False)
_FOLDER = click.Path(path_type=Path, file_okay=False)


@click.command()
@click.argument("tracks", type=_FOLDER)
@click.option("--plan", "plan_file", type=_FILE, default=_PLAN, help="The plan (YAML); default, the committed one.")
@click.option("--models", type=_FOLDER, required=True, help="Folder of AVAPrintDB's published graph networks.")
@click.option("--log", type=_FILE, required=True, help="The log of openings (JSON lines), to which lines are added.")
@click.option("--page", type=_FILE, help="A Markdown page with marks, between which the results are written.")
@click.option("--work", type=_FOLDER, help="Folder of the renderings; default, in the system's temporary files.")
@click.option("--workers", default=0, show_default=True, help="Processes that render and track (0: this one).")
@click.option("--discard", is_flag=True, help="Only delete the renderings of an interrupted run.")
def main(
    tracks: Path, plan_file: Path, models: Path, log: Path, page: Path | None, work: Path | None, workers: int,
    discard: bool,
) -> None:  # fmt: skip
    """Runs the study, prints its tables and deletes everything but the aggregates."""
    try:
        plan = read_plan(plan_file)
        folder = work_folder(plan, work)
        if discard:
            click.echo("deleted" if delete_work_folder(folder) else "nothing to delete")
            return
        run_study(tracks, plan_file, models, log, page, folder, workers)
    except Exception as error:
        message = user_message(error)
        if message is None:
            raise
        raise click.ClickException(message) from error


def run_study(
    tracks: Path, plan_file: Path, models: Path, log: Path, page: Path | None, work: Path, workers: int = 0
) -> None:
    """Runs the study; `main` describes the arguments. Raises NvfairError for a mistake of the user.

    The renderings stay only where the run is interrupted or fails, so that it can be continued.
    """
    plan = read_plan(plan_file)
    methods = load_methods(plan.plan, models)
    clips = list_clips(tracks, plan.plan)
    if open_work_folder(work, plan):
        append_to_log(log, plan, READ)
    else:
        click.echo("continuing an interrupted run")
    data = render(clips, plan.plan, work, default_reporter(), workers)
    scores = score_all(data, clips, plan.plan, methods, click.echo)
    results = compute_results(scores, plan.plan)
    design = Design.of(scores.person, scores.session)
    results = replace(results, coverage=coverage_values(measure_coverage(plan.plan, design, click.echo)))
    append_to_log(log, plan, FIGURES, asdict(results))
    delete_work_folder(work)
    text = results_text(results, plan.plan, read_log(log))
    click.echo(text)
    if page is not None:
        write_page(page, text)


if __name__ == "__main__":
    main()
