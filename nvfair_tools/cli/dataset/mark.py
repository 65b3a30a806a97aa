"""`nvfair mark`: signs videos for publication, and checks the marks of videos."""

from __future__ import annotations

from pathlib import Path

import click

from nvfair_tools.cli.preflight import preflighted

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command()
@preflighted("curator:mark")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@click.option("--check", is_flag=True, help="Say for each video which marks are there and valid; sign nothing.")
@click.option("--certificate", type=_FILE, help="PEM: the signer's certificate first, then those above it.")
@click.option("--key", type=_FILE, help="PEM: the private key (NVFAIR_KEY_PASSPHRASE opens an encrypted one).")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Default: FOLDER-published.")
@click.option("--table", type=_FILE, help="With --check: the table of published files (default: FOLDER/marks.csv).")
@click.option("--trust", type=_FILE, help="With --check: PEM of certificates whose signatures are trusted.")
@click.option("--new-certificate", metavar="NAME", help="Write NAME's own certificate and its key to FOLDER.")
@click.option("-q", "--quiet", is_flag=True, help="Show no progress, and only files with problems.")
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
    quiet: bool,
) -> int:
    """Sign the videos of FOLDER for publication (C2PA), or check the marks of videos.

    Signed copies and marks.csv, a table with the hashes of both files, go to another folder. Nothing is asked over the
    network. With a certificate of your own a signature is "valid, untrusted". Exit status 1 where there is a problem.
    """
    _refuse_mixed(context, check=check, new_certificate=new_certificate)
    if new_certificate:
        return _write_certificate(folder, new_certificate)
    return _check(folder, table, trust, quiet) if check else _publish(folder, certificate, key, out, quiet)


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


def _write_certificate(folder: Path, name: str) -> int:
    from nvfair_tools.marks.credentials import write_own_certificate

    certificate, key = write_own_certificate(folder, name)
    click.echo(f"{certificate}: valid for ten years; signatures are valid, untrusted")
    click.echo(f"{key}: keep it secret, and away from the data set")
    return 0


def _publish(folder: Path, certificate: Path | None, key: Path | None, out: Path | None, quiet: bool) -> int:
    from nvfair_tools.marks.credentials import read_credentials
    from nvfair_tools.marks.manifest import VideoSigner
    from nvfair_tools.marks.publish import publish
    from nvfair_tools.pipeline.progress import Silent, default_reporter

    assert certificate is not None
    assert key is not None
    signer = VideoSigner(read_credentials(certificate, key))
    out = folder.with_name(f"{folder.resolve().name}-published") if out is None else out
    done = publish(folder, out, signer, Silent() if quiet else default_reporter())
    for problem in done.problems:
        click.echo(problem, err=True)
    before = f", {done.unchanged} were signed before" if done.unchanged else ""
    click.echo(f"{done.table}: {done.signed} videos signed{before}; {len(done.problems)} problems")
    return 1 if done.problems else 0


def _check(folder: Path, table: Path | None, trust: Path | None, quiet: bool) -> int:
    from nvfair_tools.marks.check import check_marks
    from nvfair_tools.pipeline.progress import Silent, default_reporter

    anchors = trust.read_text(encoding="utf-8") if trust is not None else ""
    result = check_marks(folder, table, anchors, Silent() if quiet else default_reporter())
    for file in result.files:
        if not quiet or file.problems:
            click.echo(file.line())
    for problem in result.problems:
        click.echo(problem, err=True)
    click.echo(f"{folder}: {len(result.files)} videos, {len(result.problems)} problems\n{result.counts()}")
    return 1 if result.problems else 0
