"""A build that is killed at random moments, and whose disk is full once, comes out as if nothing had happened.

Simulated people drive each other at a tiny size. `make soak` does it with 2,700 videos and 20 kills.
"""

import random
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

import pandas as pd
import pytest

from nvfair_tools.dataset import Dataset
from nvfair_tools.simulate.settings import SourceSettings
from nvfair_tools.simulate.videos import PeopleSettings, write_people
from nvfair_tools.simulate.world import PERMITTED_USE
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import file_hashes, write_recipe
from tests.small_disk import enlarge_disk, small_disk

psutil = pytest.importorskip("psutil")
skip_without_landmarker()
pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL")

ROOT = Path(__file__).resolve().parents[3]
PLENTY = 4_000_000  # kilobytes


@dataclass(frozen=True)
class Size:
    """How many people with how many clips each drive all of them, how often the build is killed, and its processes."""

    people: int
    clips: int
    kills: int
    workers: int

    @property
    def videos(self) -> int:
        return self.people**2 * self.clips


SMALL, LARGE = Size(3, 2, 2, 1), Size(30, 3, 20, 2)


@dataclass(frozen=True)
class Whole:
    """A build that nothing interrupted. items: recorded ones. kilobytes: of all its files."""

    size: Size
    sources: Path
    folder: Path
    items: int
    kilobytes: int


@pytest.fixture(
    scope="module", params=[pytest.param(SMALL, marks=pytest.mark.slow), pytest.param(LARGE, marks=pytest.mark.soak)]
)
def whole(request, tmp_path_factory) -> Whole:
    size, folder = request.param, tmp_path_factory.mktemp("whole")
    people = SourceSettings(name="sim", train=size.people, validation=0, test=0, texts=size.clips)
    settings = PeopleSettings(sources=(people,), clips=size.clips, frames=10, size=64)
    sources = write_people(folder / "sources", settings, workers=1)
    process = start(recipe_in(folder, sources, 0 if size == SMALL else size.workers))
    output, _ = process.communicate()
    assert process.returncode == 0, output
    stored = sum(path.stat().st_blocks for path in (folder / "dataset").rglob("*")) // 2
    return Whole(size, sources, folder / "dataset", recorded(folder / "dataset"), stored)


@pytest.fixture
def disk(whole, tmp_path) -> Iterator[Path]:
    """Half as large as what the build stores."""
    with small_disk(tmp_path / "disk", whole.kilobytes // 2) as folder:
        yield folder


def recipe_in(folder: Path, sources: Path, workers: int) -> Path:
    return write_recipe(
        folder / "recipe.yaml",
        sources,
        rights={"render_if": [PERMITTED_USE]},
        generators=[{"name": "warp-dense", "settings": {"size": 64}}],
        features={"distances": "none", "rows_per_part": 5_000},
        # In pictures of 64 pixels a face is missed now and then; every clip is to drive.
        policy={"min_frames": 8, "min_valid_share": 0.5, "max_gap": 1.0},
        workers=workers,
    )


def start(recipe: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "nvfair_tools", "build", "--quiet", "--no-preflight", str(recipe)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def query(dataset: Path, text: str) -> list[tuple]:
    """Rows of a build's journal; none while its tables are not there."""
    try:
        with closing(sqlite3.connect(f"file:{dataset}/.build/journal.sqlite?mode=ro", uri=True)) as connection:
            return connection.execute(text).fetchall()
    except sqlite3.OperationalError:
        return []


def recorded(dataset: Path) -> int:
    return (query(dataset, "SELECT COUNT(*) FROM items") or [(0,)])[0][0]


def kill(process: subprocess.Popen, *, with_children: bool) -> None:
    """Ends a build without a warning, alone (its workers notice) or together with workers and encoders."""
    children = psutil.Process(process.pid).children(recursive=True) if with_children else []
    process.kill()
    for child in children:
        with suppress(psutil.NoSuchProcess):
            child.kill()
    process.communicate()
    psutil.wait_procs(children)


def stop_at_random_moments(recipe: Path, whole: Whole, disk: Path) -> dict[str, int]:
    """Runs the build and kills it, again and again; the disk, once it is full, is enlarged.

    Returns {path: time of change} of what was recorded as finished at some stop.
    """
    dataset, moments = recipe.parent / "dataset", random.Random(14)
    finished: dict[str, int] = {}
    kills = sorted(moments.sample(range(whole.items - 2), whole.size.kills))
    number, disks_filled = 0, 0
    while number < len(kills):
        already = recorded(dataset)
        process = start(recipe)
        while process.poll() is None and max(recorded(dataset), already + 1) <= kills[number]:
            time.sleep(0.02)
        # Where an earlier run came so far, this one is killed as it begins.
        time.sleep(moments.uniform(0, 4 if already > kills[number] else 0.1))
        if process.poll() is not None:
            assert_full_disk(process)
            enlarge_disk(disk, PLENTY)
            disks_filled += 1
        else:
            kill(process, with_children=number % 2 == 1)
            number += 1
        assert not (dataset / "dataset.json").exists(), "an unfinished data set looks finished"
        finished = times_of_finished(dataset) | finished
    assert disks_filled == 1
    return finished


def assert_full_disk(process: subprocess.Popen) -> None:
    """A build ended by itself, and said why and what to do."""
    output, _ = process.communicate()
    assert process.returncode == 1, output
    assert "No space left on device" in output or "disk is full" in output, output
    assert "run the same command again" in " ".join(output.split())
    assert "Traceback" not in output


def times_of_finished(dataset: Path) -> dict[str, int]:
    """{path: time of change} of the files whose items are recorded."""
    paths = [dataset / path for (path,) in query(dataset, "SELECT path FROM outputs")]
    return {str(path): path.stat().st_mtime_ns for path in paths}


def check(recipe: Path, whole: Whole, finished: dict[str, int]) -> None:
    """Runs the build to its end, and asserts that it is the very same as the whole one, and nothing was done twice."""
    process = start(recipe)
    output, _ = process.communicate()
    assert process.returncode == 0, output
    dataset = recipe.parent / "dataset"
    assert {path: Path(path).stat().st_mtime_ns for path in finished} == finished, "finished work was done again"

    videos = Dataset.open(dataset).videos
    planned = pd.read_parquet(dataset / ".build" / "plan.parquet")["video"]
    made = videos[videos["kind"] != "real"]
    assert len(planned) == whole.size.videos
    assert sorted(made["video"]) == sorted(planned), "a planned video is missing, or is there twice"
    assert set(videos["state"]) == {"ok"}
    assert videos["path"].is_unique
    for stage in ("render", "landmarks"):
        assert query(dataset, f"SELECT state, COUNT(*) FROM items WHERE stage = '{stage}' GROUP BY 1") == [
            ("ok", whole.size.videos)
        ]
    assert file_hashes(dataset) == file_hashes(whole.folder)
    assert names_in(dataset / ".build") == names_in(whole.folder / ".build")


def names_in(folder: Path) -> set[str]:
    """Of all files but the journal's own."""
    names = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    return {name for name in names if not name.startswith("journal.sqlite")}


@pytest.mark.timeout(7200)  # a hang ends; a machine with ten other jobs takes longer than a quiet one
def test_a_build_that_is_killed_and_whose_disk_is_full_makes_every_planned_video_once(whole, disk):
    recipe = recipe_in(disk, whole.sources, whole.size.workers)
    check(recipe, whole, stop_at_random_moments(recipe, whole, disk))
