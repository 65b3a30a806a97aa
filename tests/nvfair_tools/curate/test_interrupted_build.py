"""A build that is killed in the middle of each of its stages ends, after the same command again, in the same bytes."""

import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from nvfair_tools.dataset import Dataset
from tests.mediapipe_here import skip_without_landmarker
from tests.nvfair_tools.small_build import file_hashes, write_recipe, write_sources

skip_without_landmarker()
pytest.importorskip("cv2")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="this system has no SIGKILL"),
]

ROOT = Path(__file__).resolve().parents[3]
STAGES = ("track", "portrait", "original", "render", "landmarks", "shard")


@pytest.fixture(scope="module")
def sources(tmp_path_factory) -> Path:
    return write_sources(tmp_path_factory.mktemp("sources"))


def start(recipe: Path) -> subprocess.Popen:
    command = [sys.executable, "-m", "nvfair_tools", "build", "--quiet", str(recipe)]
    return subprocess.Popen(
        command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    )


def finished(journal: Path, stage: str) -> int:
    """How many items of a stage are recorded."""
    if not journal.exists():
        return 0
    try:
        with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True)) as connection:
            return connection.execute("SELECT COUNT(*) FROM items WHERE stage = ?", (stage,)).fetchone()[0]
    except sqlite3.OperationalError:  # the table is not there yet
        return 0


def interrupt(recipe: Path, stage: str, total: int, stop_signal: signal.Signals) -> bool:
    """Runs the build and stops it once a stage has begun to finish items; whether that was in the middle of it."""
    journal = recipe.parent / "dataset" / ".build" / "journal.sqlite"
    before = finished(journal, stage)
    process = start(recipe)
    while process.poll() is None and finished(journal, stage) == before:
        time.sleep(0.002)
    process.send_signal(stop_signal)
    output, _ = process.communicate(timeout=1500)
    assert process.returncode != 0, f"the build ended before it was stopped:\n{output}"
    return before < finished(journal, stage) < total


def children_left(folder: Path) -> list[str]:
    """Command lines of processes that still work in a folder."""
    lines = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except OSError:
                continue
            if str(folder) in line:
                lines.append(line)
    return lines


def test_a_build_killed_in_every_stage_ends_in_the_same_bytes(sources, tmp_path):
    whole = write_recipe(tmp_path / "whole" / "recipe.yaml", sources, workers=0)
    output, _ = (process := start(whole)).communicate(timeout=1500)
    assert process.returncode == 0, output
    expected = file_hashes(whole.parent / "dataset")
    totals = {stage: finished(whole.parent / "dataset" / ".build" / "journal.sqlite", stage) for stage in STAGES}
    assert all(total >= 2 for total in totals.values()), totals

    recipe = write_recipe(tmp_path / "killed" / "recipe.yaml", sources, workers=1)
    folder = recipe.parent / "dataset"
    for stage in STAGES:
        # Ctrl-C where it hurts most: while an encoder runs.
        stop_signal = signal.SIGINT if stage == "original" else signal.SIGKILL
        for _ in range(3):
            shutil.copytree(recipe.parent, tmp_path / "before", dirs_exist_ok=False)
            in_the_middle = interrupt(recipe, stage, totals[stage], stop_signal)
            if in_the_middle:
                break
            shutil.rmtree(recipe.parent)  # the machine was too slow to hit the middle: once more
            (tmp_path / "before").rename(recipe.parent)
        assert in_the_middle, f"{stage} was never caught in the middle"
        shutil.rmtree(tmp_path / "before")
        assert not (folder / "dataset.json").exists(), "an unfinished data set looks finished"
    last = start(recipe)
    output, _ = last.communicate(timeout=1500)
    assert last.returncode == 0, output
    assert file_hashes(folder) == expected
    first, second = Dataset.open(whole.parent / "dataset"), Dataset.open(folder)
    assert first.videos.equals(second.videos)
    assert first.identities.equals(second.identities)
    if Path("/proc").is_dir():
        assert children_left(recipe.parent) == []
