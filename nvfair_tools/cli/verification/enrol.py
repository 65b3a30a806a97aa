"""`nvfair enrol`, and `nvfair enrolment`, which shows and revokes what it wrote."""

from __future__ import annotations

from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.names import METHOD, PROTOCOL
from nvfair_tools.cli.paths import INPUT_FILE, OUTPUT_FILE
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from collections.abc import Iterator

    from benchmark.verification.enrolment import Enrolment
    from nvfair_tools.governance.uses import Consent
    from nvfair_tools.landmarks.landmarker import Landmarker

DAY = click.DateTime(formats=["%Y-%m-%d"])


@click.command()
@preflighted("verifier:enrol")
@click.argument("person")
@click.argument("videos", nargs=-1, required=True, type=INPUT_FILE)
@click.option("--out", required=True, type=OUTPUT_FILE, help="The file to write, such as ann.enrolment.")
@click.option("--consent", type=INPUT_FILE, help="A consent table with a column `enrolment`.")
@click.option("--evidence", help="Without a table: where the signed form lies.")
@click.option("--agreed", type=DAY, metavar="YYYY-MM-DD", help="With --evidence: the day of the agreement.")
@click.option("--until", type=DAY, metavar="YYYY-MM-DD", help="With --evidence: its last day.")
@click.option("--scope", multiple=True, help="With --evidence: research, education, commercial or any; repeatable.")
@click.option("--simulated", is_flag=True, help="The person is simulated, and needs no consent.")
@click.option(
    "--purpose",
    default="research",
    show_default=True,
    type=click.Choice(["research", "education", "commercial"]),
    help="What the enrolment is used for.",
)
@click.option(
    "--expires", type=DAY, metavar="YYYY-MM-DD", help="Its last day. [default: a year, or the consent's last day]"
)
@click.option(
    "--method", default="pretrained:motion-signature", show_default=True, type=METHOD, help="A checkpoint, or a method."
)
@click.option(
    "--protocol", type=PROTOCOL, help="Name, or a .json file: windows and scoring. [default: the checkpoint's own]"
)
@click.option("--largest-face", is_flag=True, help="Follow the largest face where others are in the picture.")
@click.option(
    "--task-file", type=INPUT_FILE, help="A FaceLandmarker bundle (.task) in place of the built-in landmarker."
)
@click.option("--device", default="cpu", show_default=True, help="Where to compute: cpu, cuda or auto.")
@dry_run_option
@reports
def enrol(
    person: str,
    videos: tuple[Path, ...],
    out: Path,
    consent: Path | None,
    evidence: str | None,
    agreed: datetime | None,
    until: datetime | None,
    scope: tuple[str, ...],
    simulated: bool,
    purpose: str,
    expires: datetime | None,
    method: str,
    protocol: str | None,
    largest_face: bool,
    task_file: Path | None,
    device: str,
    dry_run: bool,
) -> dict[str, Any]:
    """Enrol PERSON (namespace:id) from VIDEOS in which the person's own face moves.

    The person must have agreed to it: by a consent table, or by --evidence and --agreed. The file holds numbers that
    describe how the person moves, no picture; it is personal data, and expires. docs/verification.md explains it.
    """
    from benchmark.verification.enrol import enrol as enrol_person
    from benchmark.verification.enrol import quality_notes
    from nvfair_tools.media.probing import stated_seconds
    from nvfair_tools.pipeline.progress_lines import task_progress

    permission = _consent(person, consent, evidence, agreed, until, scope, simulated)
    total = round(sum(map(stated_seconds, videos)))
    finished: dict[str, float] = {}
    with task_progress("enrol") as report, opened_landmarker(task_file) as landmarker:

        def progress(video: str, seconds: float) -> None:
            finished[video] = seconds
            report(round(sum(finished.values())), total, f"seconds ({video})")

        enrolment = enrol_person(
            person,
            videos,
            consent=permission,
            out=None if dry_run else out,
            method=method,
            protocol=protocol,
            purpose=purpose,  # type: ignore[arg-type]
            expires=expires.date() if expires else None,
            landmarker=landmarker,
            largest_face=largest_face,
            device=device,
            progress=progress,
        )
    for line in describe(enrolment):
        click.echo(line)
    for note in quality_notes(enrolment):
        click.echo(f"note: {note}")
    content = {"file": out, "text": describe(enrolment), "notes": list(quality_notes(enrolment))}
    if dry_run:
        size = enrolment.embeddings.nbytes
        return would_write([Output(out, "the enrolment: numbers, which are personal data", size)], **content)
    click.echo(f"next: nvfair verify {out} VIDEO")
    return content


@click.group(cls=NearestGroup)
def enrolment() -> None:
    """Show or revoke an enrolment."""


@enrolment.command()
@click.argument("file", type=INPUT_FILE)
@reports
def show(file: Path) -> dict[str, Any]:
    """Say whom FILE enrols, by what, on which consent and until when."""
    from benchmark.verification.enrol import quality_notes
    from benchmark.verification.enrolment import Enrolment

    read = Enrolment.load(file)
    for line in [*describe(read), *(f"note: {note}" for note in quality_notes(read))]:
        click.echo(line)
    return {"file": file, "person": read.person, "expires": read.expires, "id": read.id, "text": describe(read)}


@enrolment.command()
@click.argument("file", type=INPUT_FILE)
@click.option("--yes/--dry-run", default=False, help="Delete it. [default: only say what would be done]")
@reports
def revoke(file: Path, yes: bool) -> dict[str, Any]:
    """Delete the enrolment FILE, and list it as revoked, so that a copy that comes back is refused."""
    from datetime import date

    from benchmark.verification.enrolment import REVOKED_LIST, Enrolment, revoke_enrolment

    read = Enrolment.load(file)
    if not yes:
        click.echo(f"would delete {file} ({read.person}) and list its id in {file.parent / REVOKED_LIST}; add --yes")
        return {"file": file, "person": read.person, "deleted": False, "dry_run": True}
    listed = revoke_enrolment(file, on=date.today())
    click.echo(f"deleted {file}; {listed} lists it")
    click.echo("copies elsewhere are out of reach: send their owners that list, for `nvfair verify --revoked`")
    return {"file": file, "person": read.person, "deleted": True, "list": listed}


def describe(enrolled: Enrolment) -> list[str]:
    """An enrolment in lines of text."""
    consent, time, method = enrolled.consent, enrolled.protocol.time, enrolled.method
    days = " ".join(f"{word} {day}" for word, day in (("agreed", consent.agreed), ("until", consent.expires)) if day)
    evidence = f", {consent.evidence}" if consent.evidence else ""
    return [
        f"{enrolled.person}: {count_text(len(enrolled.videos), 'video')}, {enrolled.seconds:.1f} s, "
        f"{count_text(len(enrolled.embeddings), 'window')} of {time.window} frames at {time.fps}",
        f"method {method.name} ({method.digest[:12] or 'no digest'}), protocol {enrolled.protocol.name}",
        f"consent for {consent.purpose}: {consent.basis}{evidence} {days}".rstrip(),
        f"made {enrolled.created}, until {enrolled.expires}; id {enrolled.id}",
    ]


@contextmanager
def opened_landmarker(task_file: Path | None) -> Iterator[Landmarker]:
    """The landmarker, which is closed in the end."""
    from nvfair_tools.landmarks.landmarker import create_landmarker

    landmarker = create_landmarker("auto", task_file)
    try:
        yield landmarker
    finally:
        landmarker.close()


def _consent(
    person: str,
    table: Path | None,
    evidence: str | None,
    agreed: datetime | None,
    until: datetime | None,
    scope: tuple[str, ...],
    simulated: bool,
) -> Consent:
    """What the options say of the consent; UsageError where they say nothing, or more than one thing."""
    from benchmark.verification.enrol import stated_consent
    from nvfair_tools.governance.uses import SIMULATED
    from nvfair_tools.recipe.consent_table import read_consent

    if sum((table is not None, evidence is not None, simulated)) != 1:
        raise click.UsageError(
            "nobody is enrolled without consent: give one of --consent TABLE, --evidence TEXT with --agreed DAY and "
            "--scope PURPOSE, or --simulated"
        )
    if table is not None:
        return read_consent(table, person)
    if simulated:
        return SIMULATED
    if agreed is None or evidence is None:
        raise click.UsageError("--evidence needs --agreed DAY, the day of the agreement (YYYY-MM-DD)")
    return stated_consent(evidence, agreed.date(), until=until.date() if until else None, scope=scope)
