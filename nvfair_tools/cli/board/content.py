"""`nvfair board add | export`: a submission without a server, and the pages as files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.board.place import BOARD, STORE, opened_board, opened_database
from nvfair_tools.cli.dry_run import Output, dry_run_option, would_write
from nvfair_tools.cli.paths import INPUT_FOLDER, OUTPUT_FOLDER
from nvfair_tools.cli.preflight import preflighted
from nvfair_tools.quantities import count_text

if TYPE_CHECKING:
    from leaderboard.settings import Settings
    from leaderboard.store.results import Store


@click.command()
@preflighted("maintainer:add")
@click.argument("folder", metavar="SUBMISSION", type=INPUT_FOLDER)
@BOARD
@click.option(
    "--dataset", metavar="NAME", help="Which of the board's data sets, by its name or folder. [default: its only one]"
)
@STORE
@dry_run_option
@reports
def add(folder: Path, board: Path, dataset: str | None, store: str | None, dry_run: bool) -> dict[str, Any]:
    """Check, score and store the submission in the folder SUBMISSION on a board. Adding it again changes nothing."""
    from leaderboard.store.datasets import dataset_digests, register_datasets

    if store is not None:
        if dataset is None:
            raise click.UsageError("--store names no data set: add --dataset FOLDER, or name a board with --board")
        with opened_database(store, dry_run=dry_run) as database:
            return _add(folder, Path(dataset), database, store if dry_run else "")
    with opened_board(board, dry_run=dry_run) as (settings, database):
        place = _dataset_of(settings, dataset, board)
        if dry_run:
            dataset_digests(settings)
        else:
            register_datasets(database.engine, settings)
        return _add(folder, place, database, str(board) if dry_run else "")


def _add(folder: Path, dataset: Path, store: Store, would_be_in: str) -> dict[str, Any]:
    """Scores a submission and stores it; or, where it only would be in a board with a name, says so."""
    from leaderboard.store.datasets import register_hidden_dataset
    from leaderboard.submission.scoring import score_submission
    from leaderboard.submission.test_set import TestSet
    from nvfair_tools.dataset import Dataset

    test_set = TestSet(Dataset.open(dataset))
    digest, submission, scores = score_submission(folder, test_set)
    if would_be_in:
        is_new = all(result.digest != digest for result in store.results())
        click.echo(
            f"{submission.method}: {count_text(len(scores), 'entry')} "
            f"{'would be stored' if is_new else 'are stored already'}"
        )
        rows = [Output(Path(would_be_in), f"{count_text(len(scores), 'result')} in its database")] if is_new else []
        return would_write(rows, method=submission.method, digest=digest, entries=len(scores), new=is_new)
    if test_set.hidden:
        register_hidden_dataset(store.engine, test_set.digest, test_set.dataset.name)
    is_new = store.add(digest, submission, scores)
    click.echo(
        f"{submission.method}: {count_text(len(scores), 'entry')} scored"
        if is_new
        else f"{submission.method}: nothing new"
    )
    click.echo("next: nvfair board export, or nvfair board serve")
    return {"method": submission.method, "digest": digest, "entries": len(scores), "new": is_new}


def _dataset_of(settings: Settings, named: str | None, board: Path) -> Path:
    """The folder of the board's data set with a name or at a path; its only one where none is named."""
    from nvfair_tools.errors import NvfairError

    folders = {name: dataset.folder for name, dataset in settings.datasets.items()}
    if named is None and len(folders) == 1:
        return next(iter(folders.values()))
    if named in folders:
        return folders[named]
    matching = [
        folder for folder in folders.values() if named is not None and folder.resolve() == Path(named).resolve()
    ]
    if matching:
        return matching[0]
    raise NvfairError(
        "the board has several data sets" if named is None else f"the board has no data set {named!r}",
        where=board,
        expected=f"one of {', '.join(folders)}",
        remedy="name one with --dataset, or add it to `datasets` in board.yaml",
    )


@click.command()
@preflighted("maintainer:export")
@click.argument("out", metavar="[OUT]", type=OUTPUT_FOLDER, required=False)
@click.option(
    "--out", "out_option", type=OUTPUT_FOLDER, help="The same as OUT. [default: the folder site of the board]"
)
@BOARD
@STORE
@dry_run_option
@reports
def export(out: Path | None, out_option: Path | None, board: Path, store: str | None, dry_run: bool) -> dict[str, Any]:
    """Write a board's pages as a static site (HTML, JSON, CSV) to OUT."""
    from leaderboard.settings import SETTINGS_FILE, SITE

    if out is not None and out_option is not None:
        raise click.UsageError("the output is named twice, as OUT and with --out: name it once")
    place = out or out_option
    if place is not None and (place / SETTINGS_FILE).exists():
        raise click.UsageError(
            f"{str(place)!r} is a board, not a place for its pages: nvfair board export --board {place}, "
            f"which writes to {place / SITE}"
        )
    if store is not None:
        if place is None:
            raise click.UsageError("Missing argument 'OUT': name the folder for the pages, as OUT or with --out")
        with opened_database(store, dry_run=dry_run) as database:
            return _export(place, database, store, {}, dry_run)
    with opened_board(board, dry_run=dry_run) as (settings, database):
        folder = board if board.is_dir() else board.parent
        return _export(place or folder / SITE, database, str(folder), {"title": settings.title}, dry_run)


def _export(folder: Path, store: Store, source: str, options: dict[str, str], dry_run: bool) -> dict[str, Any]:
    from leaderboard.pages.static_site import export_site, site_files
    from nvfair_tools.files import make_folder

    results = store.public_results()
    if dry_run:
        sizes = [len(text.encode()) for _, text in site_files(results, **options)]  # type: ignore[arg-type]
        content = {"page": folder / "index.html", "results": len(list(results))}
        return would_write([Output(folder, f"{count_text(len(sizes), 'file')} of the site", sum(sizes))], **content)
    page = export_site(results, make_folder(folder), **options)  # type: ignore[arg-type]
    click.echo(page)
    if not results:
        click.echo(f"{source} holds no result yet: `nvfair board add` makes some", err=True)
    return {"page": page, "results": len(list(results))}
