"""`nvfair calibrate`: what the scores of `nvfair verify` mean."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.names import GENERATOR, METHOD, PROTOCOL
from nvfair_tools.cli.paths import DATASET, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("verifier:calibrate")
@click.argument("dataset", type=DATASET)
@click.option("--out", required=True, type=OUTPUT_FILE, help="The file to write, such as people.calibration.")
@click.option(
    "--method", default="pretrained:motion-signature", show_default=True, type=METHOD, help="That of the enrolments."
)
@click.option("--protocol", type=PROTOCOL, help="Name, or a .json file. [default: the checkpoint's own]")
@click.option("--split", default="validation", show_default=True, help='Split of the people; "" for all.')
@click.option("--generators", "-g", multiple=True, type=GENERATOR, help="Only these; repeatable. [default: all]")
@click.option("--without", multiple=True, metavar="PERSON", help="Leave out this person; repeatable.")
@click.option(
    "--faces",
    type=click.Choice(["own", "any"]),
    default="own",
    show_default=True,
    help="Impostors appear on the enrolled person's own face, or on any face.",
)
@click.option(
    "--collection",
    "collections",
    multiple=True,
    metavar="NAME",
    help="Only people of this collection (NAME:... in their names); repeatable. [default: all]",
)
@click.option(
    "--impostors",
    type=click.Choice(["any", "own-collection"]),
    default="any",
    show_default=True,
    help="Impostors are anybody, or people of the enrolled person's own collection.",
)
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda or auto.")
@dry_run_option
@reports
def calibrate(
    dataset: Path,
    out: Path,
    method: str,
    protocol: str | None,
    split: str,
    generators: tuple[str, ...],
    without: tuple[str, ...],
    faces: str,
    collections: tuple[str, ...],
    impostors: str,
    device: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Score the people of DATASET (of `nvfair build`), none of whom is verified later, and write what scores mean.

    Its number of people bounds what may be said: no threshold below a false match rate of 3 / n with n impostors, and
    no likelihood ratio above n / 3. Cllr and its minimum are given for each generator, left out in turn; and for each
    collection, left out in turn, the false match rate at the threshold of the others.
    """
    from benchmark.verification.calibrate import calibrate as calibrate_people
    from nvfair_tools.pipeline.progress_lines import step_progress

    with step_progress() as begin:
        made = calibrate_people(
            dataset,
            out=None if dry_run else out,
            method=method,
            protocol=protocol,
            split=split,
            generators=generators,
            without=without,
            faces=faces,  # type: ignore[arg-type]
            collections=collections,
            impostors=impostors,  # type: ignore[arg-type]
            device=device,
            progress=begin,
        )
    for line in made.lines():
        click.echo(line)
    if dry_run:
        return would_write(
            [Output(out, f"the calibration of {count_text(len(made.scores), 'trial')}")], **made.to_json()
        )
    click.echo(f"next: nvfair verify PERSON.enrolment VIDEO --calibration {out}")
    return made.to_json()
