"""`nvfair identify`: which of several people, who have all agreed to it, may drive a video."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import INPUT_FILE
from nvfair_tools.cli.preflight import preflighted

if TYPE_CHECKING:
    from collections.abc import Mapping

    from nvfair_tools.governance.uses import Consent


@click.command()
@preflighted("verifier:identify")
@click.argument("video", type=INPUT_FILE)
@click.argument("enrolments", nargs=-1, required=True, metavar="ENROLMENT...", type=INPUT_FILE)
@click.option(
    "--consent", required=True, type=INPUT_FILE, help="A consent table with a yes to `identification` of all of them."
)
@click.option(
    "--purpose",
    default="research",
    show_default=True,
    type=click.Choice(["research", "education", "commercial"]),
    help="What this is done for; their consent must cover it.",
)
@click.option("--calibration", type=INPUT_FILE, help="What scores mean: a file of `nvfair calibrate`.")
@click.option("--fmr", type=float, help="False match rate of each comparison. [default: the lowest that is supported]")
@click.option("--largest-face", is_flag=True, help="Follow the largest face where others are in the picture.")
@click.option(
    "--task-file", type=INPUT_FILE, help="A FaceLandmarker bundle (.task) in place of the built-in landmarker."
)
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda or auto.")
@reports
def identify(
    video: Path,
    enrolments: tuple[Path, ...],
    consent: Path,
    purpose: str,
    calibration: Path | None,
    fmr: float | None,
    largest_face: bool,
    task_file: Path | None,
    device: str,
) -> Answer:
    """Compare VIDEO with several enrolled people, each of whom has agreed to be compared so.

    It begins only if the consent table has a yes to `identification` of every one of them. Whoever drives the video may
    be none of them. Exit status: 0 answered, 3 nobody is above the threshold, 4 no answer, 1 an error, 2 wrong usage.
    """
    from benchmark.verification.identify import identify as compare
    from benchmark.verification.results import ANSWERS
    from nvfair_tools.cli.verification.enrol import opened_landmarker
    from nvfair_tools.cli.verification.verify import NO_ANSWER, NO_MATCH, print_limits
    from nvfair_tools.media.probing import stated_seconds
    from nvfair_tools.pipeline.progress_lines import task_progress

    consents = _consents(consent)
    total = round(stated_seconds(video))
    with task_progress("identify") as report, opened_landmarker(task_file) as landmarker:
        result = compare(
            enrolments,
            video,
            consents=consents,
            purpose=purpose,  # type: ignore[arg-type]
            calibration=calibration,
            fmr=fmr,
            landmarker=landmarker,
            largest_face=largest_face,
            device=device,
            progress=lambda seconds: report(round(seconds), total, "seconds"),
        )
    for line in result.lines():
        click.echo(line)
    print_limits(result.limits)
    if not any(answer.outcome in ANSWERS for answer in result.answers):
        return Answer(result.to_json(), NO_ANSWER)
    return Answer(result.to_json(), NO_MATCH if result.chance is not None and not result.candidates else 0)


def _consents(path: Path) -> Mapping[str, Consent]:
    from nvfair_tools.errors import Problems
    from nvfair_tools.recipe.consent_table import read_consent_table

    problems: list[str] = []
    table = read_consent_table(path, problems)
    if problems:
        raise Problems(path, problems)
    return table.consents
