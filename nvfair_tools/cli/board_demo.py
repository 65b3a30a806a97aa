"""`nvfair board demo`: a public simulated set and the first scored entries, made in the way that every author goes."""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from benchmark.method import Touched
    from benchmark.windows import WindowSet
    from leaderboard.expected import TestSet
    from leaderboard.store import Store
    from nvfair_tools.dataset import Dataset
    from nvfair_tools.simulate.settings import CohortSettings

# sha256 of the public simulated set's tables and landmarks (`content_of`). dataset.json's own hash would be another
# with every release of pyarrow, which writes its version into each file.
CONTENT = "e5bba3c4de84695ff302e85ab5c339c048efcfe43d76a4ffdbddbd16d780b94f"
TRAINED_ON = "sim-keypoint"
# The network's budget: some twenty seconds on two cores.
_WINDOWS = 3000


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
    """Make the public simulated set and score the first entries on it, in FOLDER: two minutes, nothing downloaded.

    Each entry goes the whole way: submission.yaml, pack, unpack, check, score, store, page. What is there already is
    not made again. A file in FOLDER/submissions is what your own submission looks like.
    """
    from leaderboard.expected import TestSet
    from leaderboard.pages import export
    from leaderboard.store import Store
    from nvfair_tools.atomic import made_folder
    from nvfair_tools.dataset import Dataset

    begun = time.monotonic()
    made_folder(folder)
    _simulated(folder / "dataset", workers)
    dataset = Dataset.open(folder / "dataset")
    if content_of(dataset) != CONTENT:
        click.secho(
            "this machine's arithmetic gives other last digits of the simulated landmarks: figures may differ a little",
            fg="yellow",
            err=True,
        )
    test, store = TestSet(dataset), Store(f"sqlite:///{(folder / 'board.sqlite').resolve()}")
    try:
        for made in _entries(folder / "submissions", test):
            _through(made, test, store)
        page = export(store.results(), made_folder(folder / "site"))
    finally:
        store.close()
    click.secho(f"\nDone in {time.monotonic() - begun:.0f} seconds. Where to look:", bold=True)
    for place, text in (
        (page, "the board's page"),
        (folder / "submissions", "the submissions; copy one to make your own"),
        (folder / "dataset", "the public simulated set, for: nvfair train, embed, submit check --dataset"),
    ):
        click.echo(f"  {place}  {text}")


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
    from leaderboard.expected import test_windows
    from leaderboard.first_content import embedded, spread

    windows = test_windows(test.dataset, protocols.load("nvfair-seen"))
    yield embedded(
        folder / "landmark-spread",
        windows,
        spread(windows),
        trained_on=[TRAINED_ON],
        method="landmark spread",
        kind="baseline",
        parameters=0,
        description="How far each landmark moves within a window; nothing is trained. Named as trained on one "
        "generator, so that it stands in both tables beside the network.",
        training={"datasets": [], "people": [], "generators": [TRAINED_ON], "data": "open"},
    )
    try:
        import torch  # noqa: F401
    except ImportError:
        click.secho("without torch (pip install 'nvfair-tools[train]') the network and controls are left out", err=True)
        return
    yield from _with_torch(folder, test, windows)


def _with_torch(folder: Path, test: TestSet, windows: WindowSet) -> Iterator[Path]:
    from benchmark import controls
    from leaderboard.first_content import scored

    for name, make in ((controls.SHAPE, controls.shape_scorer), (controls.STILL, controls.still_scorer)):
        yield scored(
            folder / name.replace(" ", "-"),
            test,
            make(windows),
            method=name,
            kind="control",
            parameters=0,
            description=f"A control: {controls.ABOUT[name]}.",
        )
    yield _network(folder, test.dataset, windows)


def _network(folder: Path, dataset: Dataset, windows: WindowSet) -> Path:
    """The temporal network after a short training; the data set and the declaration of its checkpoint say on whom."""
    from rich.progress import Progress

    from benchmark import protocols
    from benchmark.checkpoint import load
    from benchmark.train import train
    from benchmark.training_options import TrainOptions
    from leaderboard.first_content import embedded

    # Centred distances: the published input needs more data than this to look past whose face it is.
    options = TrainOptions(generators=(TRAINED_ON,), input="distances-centred", windows=_WINDOWS, validate_every=1000)
    place = folder.parent.parent / "checkpoint"
    with Progress() as bars:
        task = bars.add_task("the temporal network", total=None)
        train(
            dataset,
            place,
            options,
            protocols.load("nvfair-seen"),
            progress=lambda done, total, text: bars.update(task, completed=done, total=total, description=text),
        )
    checkpoint = load(place)
    made = checkpoint.declaration
    training: dict[str, Any] = {"datasets": [dataset.meta["name"]], **_touched(made.training), "data": "open"}
    return embedded(
        folder / "short-training",
        windows,
        checkpoint.embed_all(windows),
        trained_on=[TRAINED_ON],
        meta={"checkpoint": checkpoint.digest},
        method="temporal network, trained for seconds",
        kind="baseline",
        parameters=checkpoint.about()["parameters"],
        hardware="a CPU",
        description=f"The temporal network after {_WINDOWS} windows: it shows the way, not what can be reached.",
        training=training | {"selection": _touched(made.selection)},
    )


def _touched(role: Touched) -> dict[str, Any]:
    return {
        "people": "unknown" if role.people is None else sorted(role.people),
        "generators": "unknown" if role.generators is None else sorted(role.generators),
    }


def _through(folder: Path, test: TestSet, store: Store) -> None:
    """One submission the whole way: packed, unpacked elsewhere, checked, scored, stored."""

    from leaderboard.archive import pack, unpack
    from leaderboard.scoring import score

    archive = pack(folder, folder.with_suffix(".zip"))
    with tempfile.TemporaryDirectory() as aside:
        identity, submission, rows = score(unpack(archive, Path(aside) / "unpacked"), test)
    told = [(row.protocol, json.loads(row.figures)["generators"]) for row in rows]
    store.add(identity, submission, rows)
    for protocol, generators in told:
        for generator, figures in generators.items():
            mean = figures["auc_mean"]
            span = "" if mean["low"] is None else f" ({mean['low']:.3f} to {mean['high']:.3f})"
            click.echo(f"{submission.method}: {protocol}, {generator}: AUC {mean['value']:.3f}{span}")
