"""`nvfair board demo`: a public simulated set and the first scored entries, made in the way that every author goes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from benchmark.windows.window_set import WindowSet
    from leaderboard.store.files import SubmissionFiles
    from leaderboard.store.results import Store
    from leaderboard.submission.test_set import TestSet
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.simulate.settings import CohortSettings

# sha256 of the public simulated set's tables and landmarks (`content_of`). dataset.json's own hash would be another
# with every release of pyarrow, which writes its version into each file.
CONTENT = "e5bba3c4de84695ff302e85ab5c339c048efcfe43d76a4ffdbddbd16d780b94f"
TRAINED_ON = "sim-keypoint"
# Networks that ship (benchmark/pretrained): name -> (kind, words).
PRETRAINED = {
    "temporal-cnn": ("baseline", "A temporal CNN over centred landmark distances."),
    "motion-signature": ("method", "Which movements of a face come together, and how strongly."),
}
SETTINGS = """\
# The board of `nvfair board demo`. Start it with: nvfair board serve {folder}
title: Demo of the avatar fingerprinting leaderboard
store: sqlite:///board.sqlite
files: submissions               # by their content
datasets:
  simulated: {{folder: dataset}}
phases:
  demo: {{dataset: simulated}}
"""


def public_set() -> CohortSettings:
    """The recipe of the public simulated set: nobody in it exists, and its seed is no secret."""
    from nvfair_tools.simulate.settings import CohortSettings, SourceSettings

    people = SourceSettings(name="sim", train=8, validation=3, test=8, texts=3, free=0.34)
    # People who differ more clearly than real ones: little data has to be enough.
    return CohortSettings(
        name="public simulated set", seed=2311, difficulty=0.3, sources=(people,), clips=4, cross=3, frames=110
    )


def content_of(dataset: Dataset) -> str:
    """sha256 of who drives whom in which video, and of all landmarks."""
    columns = ["video", "kind", "split", "target", "driver", "clip", "generator", "frames"]
    videos = dataset.videos.sort_values("video")
    total = hashlib.sha256(videos[columns].to_csv(index=False, lineterminator="\n").encode())
    for part in sorted(videos["part"].unique()):
        total.update(dataset.tracks(videos.loc[videos["part"] == part, "video"]).landmarks.astype("<f4").tobytes())
    return total.hexdigest()


@click.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), default=Path("board-demo"))
@click.option("--workers", type=click.IntRange(min=1), help="Processes that simulate (default: one a core).")
def demo(folder: Path, workers: int | None) -> None:
    """Make a board with a public simulated set and first entries in FOLDER: two minutes, nothing downloaded.

    Each entry goes the whole way: submission.yaml, pack, unpack, check, score, store, page. What is there already is
    not made again. A folder in FOLDER/entries is what your own submission looks like, and `nvfair board serve FOLDER`
    takes it.
    """
    from leaderboard.pages.static_site import export_site
    from leaderboard.settings import SETTINGS_FILE, read_settings
    from leaderboard.store.datasets import register_datasets
    from leaderboard.store.files import SubmissionFiles
    from leaderboard.store.results import Store
    from leaderboard.submission.test_set import TestSet
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.files import make_folder, write_text

    begun = time.monotonic()
    if not (make_folder(folder) / SETTINGS_FILE).exists():
        write_text(folder / SETTINGS_FILE, SETTINGS.format(folder=folder))
    _simulated(folder / "dataset", workers)
    dataset = Dataset.open(folder / "dataset")
    if content_of(dataset) != CONTENT:
        click.secho(
            "this machine's arithmetic gives other last digits of the simulated landmarks: figures may differ a little",
            fg="yellow",
            err=True,
        )
    settings = read_settings(folder)
    test, store, submission_files = TestSet(dataset), Store(settings.store), SubmissionFiles(settings.files)
    try:
        register_datasets(store.engine, settings)
        for made in _entries(folder / "entries", test):
            _through(made, test, store, submission_files)
        public = [result for result in store.results() if not result.private]
        page = export_site(public, make_folder(folder / "site"), title=settings.title)
    finally:
        store.close()
    click.secho(f"\nDone in {time.monotonic() - begun:.0f} seconds. Where to look:", bold=True)
    for place, text in (
        (page, "the board as a static site"),
        (folder / "entries", "what was submitted; copy one to make your own"),
        (folder / "dataset", "the public simulated set, for: nvfair train, embed, submit check --dataset"),
    ):
        click.echo(f"  {place}  {text}")
    click.echo(f"A token: nvfair board admin token create me --board {folder}\nServe it: nvfair board serve {folder}")


def _simulated(folder: Path, workers: int | None) -> None:
    from rich.progress import Progress

    from nvfair_tools.simulate.cohort import write_cohort

    if (folder / "dataset.json").exists():
        return
    with Progress() as bars:
        task = bars.add_task("the public simulated set", total=None)
        write_cohort(
            folder,
            public_set(),
            workers=workers,
            progress=lambda done, total: bars.update(task, completed=done, total=total),
        )


def _entries(folder: Path, test: TestSet) -> Iterator[Path]:
    """The first submissions, one after the other; those that need torch are left out, with a word, without it."""
    from benchmark import protocols
    from leaderboard.submission.example_entries import landmark_spread, write_embeddings_submission
    from leaderboard.submission.test_set import windows_under_test

    windows = windows_under_test(test.dataset, protocols.load("nvfair-seen"))
    yield write_embeddings_submission(
        folder / "landmark-spread",
        windows,
        landmark_spread(windows),
        trained_on=[TRAINED_ON],
        method="landmark spread",
        kind="baseline",
        parameters=0,
        description="How far each landmark moves within a window; nothing is trained. Named as trained on one "
        "generator, so that it stands in both tables beside the networks.",
        training={"datasets": [], "people": [], "generators": [TRAINED_ON], "data": "open"},
    )
    try:
        import torch  # noqa: F401
    except ImportError:
        click.secho(
            "without torch (pip install 'nvfair-tools[train]') the networks and controls are left out", err=True
        )
        return
    yield from _with_torch(folder, test, windows)


def _with_torch(folder: Path, test: TestSet, windows: WindowSet) -> Iterator[Path]:
    from benchmark import controls
    from leaderboard.submission.example_entries import write_scores_submission

    for name, make in (
        (controls.SHAPE, controls.shape_scorer),
        (controls.STILL, controls.still_scorer),
        (controls.POSE, controls.pose_scorer),
    ):
        yield write_scores_submission(
            folder / name.replace(" ", "-"),
            test,
            make(windows),
            method=name,
            kind="control",
            parameters=0,
            description=f"A control: {controls.DESCRIPTIONS[name]}.",
        )
    for name in PRETRAINED:
        yield _pretrained(folder / name, name, windows)


def _pretrained(folder: Path, name: str, windows: WindowSet) -> Path:
    """A network that ships with the package; its own record says on whom it was trained."""
    from benchmark.methods.checkpoint import RECORD_FILE, load_checkpoint
    from benchmark.pretrained import PRETRAINED_PREFIX, checkpoint_folder
    from leaderboard.submission.example_entries import write_embeddings_submission

    kind, about = PRETRAINED[name]
    checkpoint = load_checkpoint(PRETRAINED_PREFIX + name)
    made = checkpoint.declaration
    training: dict[str, Any] = {
        "datasets": [made.data["name"]],
        **made.training.to_json(),
        "data": "open",
        "selection": made.selection.to_json(),
    }
    return write_embeddings_submission(
        folder,
        windows,
        checkpoint.embed_all(windows),
        trained_on=sorted(made.training.generators or ()),
        meta={"checkpoint": checkpoint.digest},
        reproduce=[checkpoint_folder(PRETRAINED_PREFIX + name) / RECORD_FILE],
        method=name,
        kind=kind,
        parameters=checkpoint.describe()["parameters"],
        description=f"{about} It ships as {PRETRAINED_PREFIX}{name}, trained on other people, simulated as well.",
        training=training,
    )


def _through(folder: Path, test: TestSet, store: Store, submission_files: SubmissionFiles) -> None:
    """One submission the whole way: packed, unpacked elsewhere, checked, scored, kept, stored."""

    from leaderboard.submission.archive import pack, unpack
    from leaderboard.submission.scoring import score_submission

    archive = pack(folder, folder.with_suffix(".zip"))
    with submission_files.scratch_folder() as aside:
        unpacked = unpack(archive, aside / "unpacked")
        identity, submission, rows = score_submission(unpacked, test)
        submission_files.add(unpacked, identity)
    told = [(row.protocol, row.figures["generators"]) for row in rows]
    store.add(identity, submission, rows)
    for protocol, generators in told:
        for generator, figures in generators.items():
            mean = figures["auc_mean"]
            span = "" if mean["low"] is None else f" ({mean['low']:.3f} to {mean['high']:.3f})"
            click.echo(f"{submission.method}: {protocol}, {generator}: AUC {mean['value']:.3f}{span}")
