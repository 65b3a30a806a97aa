"""Measures `nvfair verify` on real clips and on warp reenactments of them.

    python -m examples.studies.verification CLIPS FOLDER

CLIPS has clips.csv and the clips it lists. FOLDER receives everything that is made; run it again to go on. It shows
faces, so it must stay on this machine.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import click
import pandas as pd

import benchmark
import nvfair_tools as nvfair
from examples.studies.verification.footage import GENERATORS, prepare
from examples.studies.verification.gap import gap_rows
from examples.studies.verification.outcomes import ask, enrol_people, ranking, ratio_cost, table
from nvfair_tools.pipeline.progress_lines import task_progress


@click.command()
@click.argument("clips", type=click.Path(path_type=Path, file_okay=False, exists=True))
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--faces", type=click.Choice(["own", "any"]), default="own", show_default=True)
@click.option("--generators", "-g", multiple=True, default=GENERATORS, help="That reenact; repeatable. [default: all]")
def main(clips: Path, folder: Path, faces: str, generators: tuple[str, ...]) -> None:
    """Builds the videos, calibrates on other people, verifies, and prints the table of outcomes."""
    folder.mkdir(parents=True, exist_ok=True)
    nvfair.build(prepare(clips, folder, generators))
    calibration_file = folder / f"people-{faces}.calibration"
    calibration = benchmark.calibrate(folder / "dataset", out=calibration_file, faces=faces)  # type: ignore[arg-type]
    for line in calibration.lines():
        click.echo(line)
    answers = []
    for person, enrolment in enrol_people(folder).items():
        with task_progress(person) as progress:
            answers.append(ask(folder, person, enrolment, calibration_file, progress))
    everything = pd.concat(answers)
    rows = list(table(everything))
    for row in rows:
        click.echo(
            f"{row.case:30s} {row.videos:4d} videos: {row.match} match, {row.no_match} no match, {row.no_answer} no "
            f"answer; wrong {row.wrong}, at most {row.upper:.2f}; of {row.people} people {row.people_wrong} wrong, at "
            f"most {row.people_upper:.2f}"
        )
    calibrations = {
        "impostors of any collection": calibration,
        "impostors of the own collection": benchmark.calibrate(
            folder / "dataset",
            faces=faces,
            impostors="own-collection",  # type: ignore[arg-type]
        ),
    }
    gaps = list(gap_rows(calibrations, everything, calibration.lowest_fmr))
    for gap in gaps:
        people = f"{gap.impostors} people{'' if gap.supported else ', too few for this rate'}"
        click.echo(
            f"threshold by {gap.calibration} ({people}): "
            f"states {gap.stated:.3f}, counted {gap.counted:.2f} of {gap.trials}; misses {gap.missed:.2f}"
        )
    aucs = ranking(everything)
    for name, value in aucs.items():
        click.echo(f"AUC, {name}: {value:.3f}")
    cost, least = ratio_cost(everything)
    click.echo(f"likelihood ratios of reenactments: Cllr {cost:.3f}, at least {least:.3f}")
    results = {
        "calibration": calibration.to_json(),
        "table": [asdict(row) for row in rows],
        "auc": aucs,
        "cllr": [cost, least],
        "gap": [asdict(gap) for gap in gaps],
    }
    (folder / f"results-{faces}.json").write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
