"""`nvfair board demo`: a public simulated data set, and a board with the first scored entries on it."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from nvfair_tools.cli.answers import reports
from nvfair_tools.cli.board.auc_lines import auc_lines
from nvfair_tools.cli.paths import OUTPUT_FOLDER, either
from nvfair_tools.cli.preflight import preflighted

if TYPE_CHECKING:
    from leaderboard.submission.test_set import TestSet
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.simulate.settings import CohortSettings

# `content_digest` of the public simulated set. The hash of its dataset.json would differ with every release of pyarrow,
# which writes its version into each file.
PUBLIC_SET_DIGEST = "5f950ac2ac8ab5506339506e98f19ba13fbbcbc5909bbd883e1fa6f322fbcc8c"
_TRAINING_GENERATOR = "sim-keypoint"
_SETTINGS = """\
# The board of `nvfair board demo`. Start it with: nvfair board serve {folder}
title: Demo of the avatar fingerprinting leaderboard
store: sqlite:///board.sqlite
files: submissions               # by their content
datasets:
  simulated: {{folder: dataset}}
phases:
  demo: {{dataset: simulated}}
"""


def public_set_settings() -> CohortSettings:
    """The settings of the public simulated set: the people in it do not exist, and its seed is no secret."""
    from nvfair_tools.simulate.settings import CohortSettings, SourceSettings

    people = SourceSettings(name="sim", train=8, validation=3, test=8, texts=3, free=0.34)
    # People differ more clearly than real ones, because the set is small.
    return CohortSettings(
        name="public simulated set", seed=2311, difficulty=0.3, sources=(people,), clips=4, cross=3, frames=110
    )


def content_digest(dataset: Dataset) -> str:
    """The sha256 of the table of videos (who drives whom) and of all landmarks."""
    columns = ["video", "kind", "split", "target", "driver", "clip", "generator", "frames"]
    videos = dataset.videos.sort_values("video")
    digest = hashlib.sha256(videos[columns].to_csv(index=False, lineterminator="\n").encode())
    for part in sorted(videos["part"].unique()):
        digest.update(dataset.tracks(videos.loc[videos["part"] == part, "video"]).landmarks.astype("<f4").tobytes())
    return digest.hexdigest()


@click.command()
@preflighted("maintainer:demo")
@either("folder", "--board", OUTPUT_FOLDER, metavar="FOLDER", default=Path("board-demo"))
@click.option("--workers", type=click.IntRange(min=1), help="Processes that simulate. [default: one a core]")
@click.option("--dry-run", is_flag=True, help="Say what would be made, and make nothing.")
@reports
def demo(folder: Path, workers: int | None, dry_run: bool) -> dict[str, Any]:
    """Make a board with a public simulated set and first entries in FOLDER: two minutes, nothing downloaded.

    Each entry goes the whole way: submission.yaml, pack, unpack, check, score, store, page. What is there already is
    not made again. A folder in FOLDER/entries is what your own submission looks like, and `nvfair board serve FOLDER`
    takes it.
    """
    from leaderboard.pages.static_site import export_site
    from leaderboard.settings import SETTINGS_FILE, SITE, read_settings
    from leaderboard.store.add_folder import add_submission_folder
    from leaderboard.store.datasets import register_datasets
    from leaderboard.store.files import SubmissionFiles
    from leaderboard.store.results import Store
    from leaderboard.submission.test_set import TestSet
    from nvfair_tools.cli.curate.amounts import cohort_amount
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.files import make_folder, write_text

    if dry_run:
        click.echo(f"{folder}: {cohort_amount(public_set_settings())}, six entries and their pages; about a minute")
        click.echo("nothing was written")
        return {"folder": folder, "dry_run": True}
    start_time = time.monotonic()
    content: dict[str, Any] = {"folder": folder, "entries": []}
    if not (make_folder(folder) / SETTINGS_FILE).exists():
        write_text(folder / SETTINGS_FILE, _SETTINGS.format(folder=folder))
    _simulate_public_set(folder / "dataset", workers)
    dataset = Dataset.open(folder / "dataset")
    if content_digest(dataset) != PUBLIC_SET_DIGEST:
        click.secho(
            "this machine's arithmetic gives other last digits of the simulated landmarks: figures may differ a little",
            fg="yellow",
            err=True,
        )
    settings = read_settings(folder)
    test_set, store, submission_files = TestSet(dataset), Store(settings.store), SubmissionFiles(settings.files)
    try:
        register_datasets(store.engine, settings)
        for entry_folder in _write_entries(folder / "entries", test_set):
            submission, scores = add_submission_folder(entry_folder, test_set, store, submission_files)
            content["entries"].append(submission.method)
            for score in scores:
                for line in auc_lines(score.protocol, score.figures["generators"]):
                    click.echo(f"{submission.method}: {line}")
        page = export_site(store.public_results(), make_folder(folder / SITE), title=settings.title)
    finally:
        store.close()
    click.secho(f"\nDone in {time.monotonic() - start_time:.0f} seconds. Where to look:", bold=True)
    for path, description in (
        (page, "the board as a static site"),
        (folder / "entries", "what was submitted; copy one to make your own"),
        (folder / "dataset", "the public simulated set, for: nvfair train, embed, submit check --dataset"),
    ):
        click.echo(f"  {path}  {description}")
    click.echo(f"A token: nvfair board admin token create me --board {folder}\nServe it: nvfair board serve {folder}")
    return content | {"page": page}


def _simulate_public_set(folder: Path, workers: int | None) -> None:
    from nvfair_tools.pipeline.progress_lines import task_progress
    from nvfair_tools.simulate.cohort import write_cohort

    if (folder / "dataset.json").exists():
        return
    with task_progress("the public simulated set") as report:
        write_cohort(folder, public_set_settings(), workers=workers, progress=report)


def _write_entries(folder: Path, test_set: TestSet) -> Iterator[Path]:
    """Writes the first entries one after the other; those that need torch only where it is installed."""
    from leaderboard.submission.example_entries import demo_windows, write_baseline, write_controls_and_networks

    windows = demo_windows(test_set)
    yield write_baseline(folder, test_set, windows, trained_on=_TRAINING_GENERATOR)
    try:
        import torch  # noqa: F401
    except ImportError:
        click.secho(
            "without torch (pip install 'nvfair-tools[train]') the networks and controls are left out", err=True
        )
        return
    yield from write_controls_and_networks(folder, test_set, windows)
