"""`nvfair import`: published releases, read into our data-set format."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from nvfair_tools.cli.answers import Answer, reports
from nvfair_tools.cli.groups import NearestGroup
from nvfair_tools.cli.paths import INPUT_FILE, INPUT_FOLDER, output
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from nvfair_tools.releases.listing import Release
    from nvfair_tools.releases.settings import ReleaseSettings

_PATH = click.argument("path", type=INPUT_FOLDER)
_OUT = output()
_SETTINGS = click.option(
    "--settings", type=INPUT_FILE, help="YAML file: column names, labels, landmarks; docs/releases.md."
)
_DEMOGRAPHICS = click.option(
    "--demographics",
    type=INPUT_FILE,
    help="CREMA-D's VideoDemographics.csv: gender, age and ethnicity of its people, which the release does not have.",
)
_CHECK = click.option(
    "--check", "--dry-run", is_flag=True, help="Only list and judge the files; read no video, write nothing."
)


@click.group("import", cls=NearestGroup)
def import_release() -> None:
    """Read a published release into a data set: its videos are tracked, not rendered.

    Running a command again does what is missing or may now succeed.
    """


@import_release.command("nvfair")
@preflighted("curator:import_release")
@_PATH
@_OUT
@click.option("--spreadsheet", type=INPUT_FILE, help="The per-file spreadsheet. [default: the one in PATH]")
@_DEMOGRAPHICS
@_SETTINGS
@_CHECK
@reports
def nvfair(
    path: Path,
    out: Path,
    spreadsheet: Path | None,
    demographics: Path | None,
    settings: Path | None,
    check: bool,
) -> Answer:
    """Read NVFAIR, as unpacked in PATH, into OUT under its official split."""
    from nvfair_tools.releases.nvfair import list_nvfair
    from nvfair_tools.releases.settings import load_settings

    release_settings = load_settings(settings)
    release = _joined(list_nvfair(path, release_settings, spreadsheet), demographics)
    return _run(release, release_settings, out, check=check)


@import_release.command("avaprintdb")
@preflighted("curator:import_release")
@_PATH
@_OUT
@click.option(
    "--plan", "plans", type=INPUT_FILE, multiple=True, help="A generation plan; repeatable. [default: in PATH]"
)
@_DEMOGRAPHICS
@_SETTINGS
@_CHECK
@reports
def avaprintdb(
    path: Path,
    out: Path,
    plans: tuple[Path, ...],
    demographics: Path | None,
    settings: Path | None,
    check: bool,
) -> Answer:
    """Read AVAPrintDB's videos, as unpacked in PATH, into OUT under its plans' split."""
    from nvfair_tools.releases.avaprintdb import list_avaprintdb
    from nvfair_tools.releases.settings import load_settings

    release_settings = load_settings(settings)
    release = _joined(list_avaprintdb(path, release_settings, plans), demographics)
    return _run(release, release_settings, out, check=check)


def _joined(release: Release, demographics: Path | None) -> Release:
    from nvfair_tools.releases.demographics import join_demographics

    return release if demographics is None else join_demographics(release, demographics)


def _run(release: Release, settings: ReleaseSettings, out: Path, *, check: bool) -> Answer:
    from nvfair_tools.pipeline.progress import default_reporter
    from nvfair_tools.releases.importer import LEFT_OUT, import_release

    for note in release.notes:
        click.echo(note)
    if check:
        _show(release.name, release.counts())
        for file in release.files:
            if file.result.state != "ok":
                click.echo(f"{file.name}: {file.result.reason}: {file.result.detail}")
        for name, reason, detail in release.absent:
            click.echo(f"{name}: absent: {reason}: {detail}")
        click.echo("nothing was read or written: leave --check out to import")
        return Answer(
            {
                "release": release.name,
                "counts": _rows(release.counts()),
                "notes": release.notes,
                "absent": release.absent,
                "dry_run": True,
            }
        )
    outcome = import_release(release, settings, out, default_reporter())
    _show(release.name, outcome.counts)
    if outcome.left_out:
        click.echo(
            f"{count_text(outcome.left_out, 'file is', 'files are')} left out or absent, each with its reason: "
            f"{out / LEFT_OUT}"
        )
    click.echo(f"finished: {out}; next: nvfair dataset info {out}")
    return Answer(
        {"release": release.name, "folder": out, "counts": _rows(outcome.counts), "left_out": outcome.left_out}
    )


def _rows(counts: list[tuple[str, str, str, int]]) -> list[dict[str, object]]:
    return [dict(zip(("files", "state", "reason", "number"), row, strict=True)) for row in counts]


def _show(title: str, counts: list[tuple[str, str, str, int]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("files", "state", "reason", title=title)
    table.add_column("number", justify="right")
    for *labels, number in counts:
        table.add_row(*map(str, labels), f"{number:,}")
    Console(emoji=False, markup=False).print(table)  # names may have brackets and colons
