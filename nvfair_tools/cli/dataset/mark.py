"""`nvfair mark`: signs videos for publication, and checks the marks of videos."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.paths import INPUT_FILE, INPUT_FOLDER, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text


@click.command()
@preflighted("curator:mark")
@click.argument("folder", type=OUTPUT_FOLDER)
@click.option("--check", is_flag=True, help="Say for each video which marks are there and valid; sign nothing.")
@click.option("--certificate", type=INPUT_FILE, help="PEM: the signer's certificate first, then those above it.")
@click.option("--key", type=INPUT_FILE, help="PEM: the private key (NVFAIR_KEY_PASSPHRASE opens an encrypted one).")
@click.option("--out", type=OUTPUT_FOLDER, help="Folder of the signed copies. [default: FOLDER-published]")
@click.option(
    "--table", type=INPUT_FILE, help="With --check: the table of published files. [default: FOLDER/marks.csv]"
)
@click.option("--trust", type=INPUT_FILE, help="With --check: PEM of certificates whose signatures are trusted.")
@click.option("--new-certificate", metavar="NAME", help="Write NAME's own certificate and its key to FOLDER.")
@click.option("--dry-run", is_flag=True, help="Say which videos would be signed, and write nothing.")
@reports
@click.pass_context
def mark(
    context: click.Context,
    folder: Path,
    check: bool,
    certificate: Path | None,
    key: Path | None,
    out: Path | None,
    table: Path | None,
    trust: Path | None,
    new_certificate: str | None,
    dry_run: bool,
) -> Answer:
    """Sign the videos of FOLDER for publication (C2PA), or check the marks of videos.

    Signed copies and marks.csv, a table with the hashes of both files, go to another folder. Nothing is asked over the
    network. With a certificate of your own a signature is "valid, untrusted". --quiet lists only files with problems.
    Exit status 1 where there is a problem.
    """
    _refuse_mixed(context, check=check, new_certificate=new_certificate)
    if new_certificate:
        return _write_certificate(folder, new_certificate)
    INPUT_FOLDER.convert(folder, next(iter(context.command.params)), context)
    return _check(folder, table, trust) if check else _publish(folder, certificate, key, out, dry_run)


def _refuse_mixed(context: click.Context, *, check: bool, new_certificate: str | None) -> None:
    """Raises UsageError where options of two purposes are given together, or those of signing are missing."""
    present = {name for name in ("certificate", "key", "out", "table", "trust") if context.params[name] is not None}
    if check and new_certificate:
        raise click.UsageError("--check and --new-certificate are two purposes; give one")
    if check:
        allowed, purpose = {"table", "trust"}, "--check"
    elif new_certificate:
        allowed, purpose = set(), "--new-certificate"
    else:
        allowed, purpose = {"certificate", "key", "out"}, "signing"
        if missing := sorted({"certificate", "key"} - present):
            raise click.UsageError(
                f"signing needs {' and '.join(f'--{name}' for name in missing)} (or give --check, or --new-certificate)"
            )
    if wrong := sorted(present - allowed):
        raise click.UsageError(f"{', '.join(f'--{name}' for name in wrong)} has no meaning with {purpose}")


def _write_certificate(folder: Path, name: str) -> Answer:
    from nvfair_tools.marks.credentials import write_own_certificate

    certificate, key = write_own_certificate(folder, name)
    click.echo(f"{certificate}: valid for ten years; signatures are valid, untrusted")
    click.echo(f"{key}: keep it secret, and away from the data set")
    return Answer({"certificate": certificate, "key": key})


def _publish(folder: Path, certificate: Path | None, key: Path | None, out: Path | None, dry_run: bool) -> Answer:
    from nvfair_tools.marks.credentials import read_credentials
    from nvfair_tools.marks.manifest import VideoSigner
    from nvfair_tools.marks.publish import SUFFIX, publish
    from nvfair_tools.pipeline.progress import default_reporter

    assert certificate is not None
    assert key is not None
    signer = VideoSigner(read_credentials(certificate, key))
    out = folder.with_name(f"{folder.resolve().name}-published") if out is None else out
    if dry_run:
        videos = sorted(path.relative_to(folder).as_posix() for path in folder.rglob(f"*{SUFFIX}"))
        click.echo(f"{count_text(len(videos), 'video')} would be signed into {out}; nothing was written")
        return Answer({"folder": out, "videos": videos, "dry_run": True})
    done = publish(folder, out, signer, default_reporter())
    for problem in done.problems:
        click.echo(problem, err=True)
    before = f", {done.unchanged} were signed before" if done.unchanged else ""
    click.echo(
        f"{done.table}: {count_text(done.signed, 'video')} signed{before}; {count_text(len(done.problems), 'problem')}"
    )
    return Answer(done, 1 if done.problems else 0)


def _check(folder: Path, table: Path | None, trust: Path | None) -> Answer:
    from nvfair_tools.marks.check import check_marks
    from nvfair_tools.pipeline.progress import default_reporter
    from nvfair_tools.pipeline.progress_lines import is_silent

    anchors = "" if trust is None else _certificates(trust)
    result = check_marks(folder, table, anchors, default_reporter())
    for file in result.files:
        if not is_silent() or file.problems:
            click.echo(file.line())
    for problem in result.problems:
        click.echo(problem, err=True)
    click.echo(
        f"{folder}: {count_text(len(result.files), 'video')}, "
        f"{count_text(len(result.problems), 'problem')}\n{result.counts()}"
    )
    content = {"files": result.files, "problems": result.problems, "counts": result.counts()}
    return Answer(content, 1 if result.problems else 0)


def _certificates(path: Path) -> str:
    """The text of a file of certificates. Raises NvfairError where it holds none."""
    from nvfair_tools.errors import NvfairError

    text = path.read_bytes().decode("ascii", errors="replace")
    if "-----BEGIN CERTIFICATE-----" not in text:
        raise NvfairError(
            "there is no certificate in it",
            where=path,
            expected="PEM: text with -----BEGIN CERTIFICATE-----",
            remedy="name the file of the certificates whose signatures you trust",
        )
    return text
