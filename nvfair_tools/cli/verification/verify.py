"""`nvfair verify`: whether an enrolled person drives a video, a live stream, or each video of a folder."""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import failures_as_json, quiet
from nvfair_tools.cli.names import METHOD
from nvfair_tools.cli.paths import INPUT, INPUT_FILE, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from benchmark.verification.many_videos import VideoAnswer
    from benchmark.verification.verify import FollowedVideo, Verifier

# Exit statuses besides 0 (answered), 1 (an error) and 2 (wrong usage).
NO_MATCH, NO_ANSWER = 3, 4


@click.command()
@preflighted("verifier:verify")
@click.argument("enrolment", type=INPUT)
@click.argument("video")
@click.option("--calibration", type=INPUT_FILE, help="What scores mean: a file of `nvfair calibrate`.")
@click.option("--fmr", type=float, help="False match rate of the threshold. [default: the lowest that is supported]")
@click.option("--json", "as_json", is_flag=True, help="JSON in place of text: one document; with --follow, one a line.")
@click.option("--timeline", type=OUTPUT_FILE, help="Draw the score over time: a .png, .svg or .pdf file.")
@click.option("--follow", is_flag=True, help="Print a line for each window as it comes.")
@click.option("--out", type=OUTPUT_FILE, help="For a folder: keep each answer here (JSON lines), and go on from there.")
@click.option("--largest-face", is_flag=True, help="Follow the largest face where others are in the picture.")
@click.option("--across-cuts", is_flag=True, help="Go on where there is a cut: you say that one person is seen.")
@click.option("--method", type=METHOD, help="The enrolment's method, where it lies elsewhere now.")
@click.option("--revoked", type=INPUT_FILE, help="A list of revoked enrolments. [default: the one beside ENROLMENT]")
@click.option(
    "--task-file", type=INPUT_FILE, help="A FaceLandmarker bundle (.task) in place of the built-in landmarker."
)
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda or auto.")
@quiet
def verify(
    enrolment: Path,
    video: str,
    calibration: Path | None,
    fmr: float | None,
    as_json: bool,
    timeline: Path | None,
    follow: bool,
    out: Path | None,
    largest_face: bool,
    across_cuts: bool,
    method: str | None,
    revoked: Path | None,
    task_file: Path | None,
    device: str,
) -> None:
    """Ask whether the person of ENROLMENT drives VIDEO.

    VIDEO is a file, a folder of files, or a live source: - (a pipe), /dev/video0 (a camera), or an address that begins
    with rtmp, rtsp, srt, udp, tcp or http.

    Exit status: 0 answered (a match, or a score where there is no calibration; of a folder: every video), 3 no match,
    4 no answer (too short, face lost, several faces, a cut, unlike the calibration, expired or revoked; of a folder: of
    some video), 1 an error, 2 wrong usage.
    """
    from benchmark.verification.verify import Verifier
    from nvfair_tools.cli.verification.enrol import opened_landmarker
    from nvfair_tools.media.live.sources import is_live

    if enrolment.is_dir():
        raise click.UsageError(
            "ENROLMENT is one person's file. To ask which of several people drives a video is identification, which "
            "needs everybody's consent to it: `nvfair identify`."
        )
    is_folder = not is_live(video) and Path(video).is_dir()
    if is_folder and (timeline is not None or follow):
        raise click.UsageError("--timeline and --follow are for one video")
    if out is not None and not is_folder:
        raise click.UsageError("--out is for a folder of videos; use --json and > FILE for one")
    with (
        failures_as_json(as_json),
        opened_landmarker(task_file) as landmarker,
        Verifier(
            enrolment,
            calibration=calibration,
            fmr=fmr,
            method=method,
            landmarker=landmarker,
            largest_face=largest_face,
            across_cuts=across_cuts,
            revoked=revoked,
            device=device,
        ) as verifier,
    ):
        status = (
            _verify_folder(verifier, Path(video), out, as_json)
            if is_folder
            else _verify_one(verifier, video, as_json, timeline, follow)
        )
    sys.exit(status)


def _verify_one(verifier: Verifier, video: str, as_json: bool, timeline: Path | None, follow: bool) -> int:
    from benchmark.verification.timeline import write_timeline
    from nvfair_tools.media.live.sources import is_live
    from nvfair_tools.media.probing import stated_seconds
    from nvfair_tools.pipeline.progress_lines import task_progress

    total = 0 if is_live(video) else round(stated_seconds(Path(video)))
    with task_progress("verify", quiet=follow) as report:
        run = verifier.follow(video, progress=lambda seconds: report(round(seconds), total, "seconds"))
        if follow:
            _print_windows(run, as_json)
            # Nothing was kept: a live stream may be endless.
            result = run.result()
        else:
            result = run.result(tuple(run))
    if timeline is not None and not follow:
        write_timeline(timeline, result)
    if as_json:
        click.echo(json.dumps(result.to_json(), indent=None if follow else 1, ensure_ascii=False))
    else:
        head, *rest = result.lines()
        click.secho(f"{result.video}: {head}", bold=True)
        for line in rest:
            click.echo(f"  {line}")
        print_limits(result.limits)
        if timeline is not None and not follow:
            click.echo(f"{timeline} shows the score over time")
    return 0 if result.outcome in ("match", "scored") else NO_MATCH if result.outcome == "no_match" else NO_ANSWER


def _print_windows(run: FollowedVideo, as_json: bool) -> None:
    """A line for each window as it comes; Ctrl-C ends the stream, and the answer so far follows."""
    try:
        for window in run:
            if as_json:
                click.echo(json.dumps(vars(window) | {"score_so_far": run.score}))
            elif window.score is None:
                click.echo(f"{window.start:8.1f} s  {window.reason.replace('_', ' ')}")
            else:
                click.echo(f"{window.start:8.1f} s  {window.score:7.3f}  so far {run.score:7.3f}")
            sys.stdout.flush()
    except KeyboardInterrupt:
        click.echo("stopped", err=True)


def print_limits(limits: tuple[str, ...]) -> None:
    """Prints what an answer can and cannot prove."""
    click.echo("what this can and cannot prove:")
    for line in limits:
        click.echo(f"  - {line}")


def _verify_folder(verifier: Verifier, folder: Path, out: Path | None, as_json: bool) -> int:
    from benchmark.verification.many_videos import verify_many
    from benchmark.verification.results import ANSWERS, limits_text
    from nvfair_tools.errors import NvfairError
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.recipe.people_folder import VIDEO_SUFFIXES

    paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES and path.is_file())
    if not paths:
        raise NvfairError("no video in this folder", where=folder, expected=f"files such as {VIDEO_SUFFIXES[0]}")
    with task_progress("verify") as report:
        answers = list(verify_many(verifier, paths, store=out, progress=report))
    counts = Counter(answer.outcome for answer in answers)
    if as_json:
        rows: list[dict[str, Any]] = [{**answer.content, "path": str(answer.path)} for answer in answers]
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
    else:
        _print_table(folder, answers)
        earlier = sum(answer.earlier for answer in answers)
        listed = ", ".join(f"{count} {outcome}" for outcome, count in sorted(counts.items()))
        click.echo(
            f"{count_text(len(answers), 'video')}: {listed}"
            + (f"; {earlier} known from an earlier run" if earlier else "")
        )
        time = verifier.enrolment.protocol.time
        calibrated = verifier.calibration is not None
        print_limits(limits_text(float(time.window / time.rate), calibrated=calibrated))
    return 0 if all(outcome in ANSWERS for outcome in counts) else NO_ANSWER


def _print_table(folder: Path, answers: list[VideoAnswer]) -> None:
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("video", "outcome", "score", "likelihood ratio", "seconds", "mind")
    for answer in answers:
        content = answer.content
        score, ratio = content.get("score"), content.get("likelihood_ratio")
        table.add_row(
            escape(answer.path.relative_to(folder).as_posix()),
            answer.outcome.replace("_", " "),
            "" if score is None else f"{score:.3f}",
            "" if ratio is None else f"{ratio:.3g}",
            f"{content['seconds']:.1f}" if "seconds" in content else "",
            escape("; ".join(content.get("notes", ())) or (content["meaning"] if "seconds" not in content else "")),
        )
    Console(emoji=False, width=None if sys.stdout.isatty() else 160).print(table)
