"""A stage runs what is missing or may now succeed, keeps the rest, and stores nothing of this machine."""

import os
import shutil
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import pytest

from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.id_template import pack_ids
from nvfair_tools.pipeline.items import ItemResult, failed, item_id, ok, rejected
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.progress import Silent
from nvfair_tools.pipeline.stage import StageRunner

RUNS: Counter[str] = Counter()


class FileWriter:
    """Writes the file that its payload names; items share nothing."""

    def run(self, path: Path) -> ItemResult:
        RUNS[path.name] += 1
        if path.name == "later":
            return failed("missing_file", f"there is no {path}", retryable=True)
        if path.name == "never":
            return rejected("no_face")
        path.write_text("content")
        return ok(path=path.name, bytes=7, pid=os.getpid())


class SharedWriter:
    """The same where items share a folder."""

    def prepare(self, folder: Path) -> Path:
        RUNS["prepare"] += 1
        return folder

    def run(self, folder: Path, name: str) -> ItemResult:
        return FileWriter().run(folder / name)


@pytest.fixture
def runner(tmp_path):
    RUNS.clear()
    with Journal(tmp_path / "journal.sqlite") as journal:
        yield StageRunner(tmp_path, journal, LocalEngine(0), Silent(), 60.0, (tmp_path,))


def write(runner: StageRunner, *names: str, **options) -> dict[str, ItemResult]:
    paths = {f"id-{name}": runner.dataset / name for name in names}
    return runner.run_items(
        "write", FileWriter, paths, outputs={id: path.name for id, path in paths.items()}, **options
    )


def test_settled_items_are_kept_and_retryable_ones_are_run_again(runner):
    first = write(runner, "a", "never", "later")
    again = write(runner, "a", "never", "later", "b")
    assert RUNS == {"a": 1, "never": 1, "later": 2, "b": 1}
    assert {id: result.state for id, result in again.items()} == {
        "id-a": "ok",
        "id-never": "rejected",
        "id-later": "failed",
        "id-b": "ok",
    }
    assert again["id-a"] == first["id-a"]


def test_an_item_whose_output_is_gone_or_changed_is_run_again(runner):
    write(runner, "a", "b", "c")
    (runner.dataset / "a").unlink()
    (runner.dataset / "b").write_text("longer than it was")
    write(runner, "a", "b", "c")
    assert RUNS == {"a": 2, "b": 2, "c": 1}


def test_an_item_whose_output_was_overwritten_by_another_item_is_run_again(runner):
    outputs = {"first": "a", "second": "a"}
    for id in ("first", "second", "first", "first"):
        runner.run_items("write", FileWriter, {id: runner.dataset / "a"}, outputs=outputs)
    assert RUNS == {"a": 3}


def test_a_data_set_is_unfinished_as_soon_as_an_item_is_run_again(runner):
    write(runner, "a")
    (runner.dataset / "dataset.json").touch()
    write(runner, "a")
    assert (runner.dataset / "dataset.json").exists()
    write(runner, "a", "b")
    assert not (runner.dataset / "dataset.json").exists()


def test_the_machines_folders_are_cut_out_of_what_is_stored(runner):
    assert write(runner, "later")["id-later"].detail == "there is no later"


def test_shared_work_is_done_once_for_the_items_that_are_missing(runner):
    batches = [Batch((("1", "a"), ("2", "b")), runner.dataset), Batch((("3", "c"),), runner.dataset)]
    runner.run("write", SharedWriter, batches[:1])
    runner.run("write", SharedWriter, batches)
    assert RUNS == {"prepare": 2, "a": 1, "b": 1, "c": 1}


class PathsOnDemand(dict):
    """Payloads that are counted when they are asked for."""

    def __getitem__(self, id: str) -> Path:
        RUNS[f"payload of {id}"] += 1
        return super().__getitem__(id)


def test_a_payload_is_made_for_an_item_that_runs_and_no_earlier(runner):
    write(runner, "a", "never")
    payloads = PathsOnDemand({f"id-{name}": runner.dataset / name for name in ("a", "b", "never", "c", "d")})
    outputs = {id: dict.__getitem__(payloads, id).name for id in payloads}
    RUNS.clear()

    class Watching(FileWriter):
        def run(self, path: Path) -> ItemResult:
            made = sum(count for name, count in RUNS.items() if name.startswith("payload"))
            assert made == RUNS["b"] + RUNS["c"] + RUNS["d"] + 1, "the payload of a later item was made"
            return super().run(path)

    results = runner.run_items("write", Watching, payloads, outputs=outputs)
    assert {result.state for result in results.values()} == {"ok", "rejected"}
    assert {name: 1 for item in "bcd" for name in (item, f"payload of id-{item}")} == RUNS


def test_single_items_run_in_worker_processes_as_well(runner):
    results = write(runner, "a", "b", engine=LocalEngine(1))
    assert {result.state for result in results.values()} == {"ok"}
    assert os.getpid() not in {result.facts["pid"] for result in results.values()}


def test_a_journal_of_version_0_1_0_is_continued(tmp_path):
    """The file was written by that version; its items "a" and "b" wrote files of seven bytes, "later" is retryable."""
    shutil.copy(Path(__file__).with_name("journal_0_1_0.sqlite"), tmp_path / "journal.sqlite")
    (tmp_path / "a").write_text("content")
    RUNS.clear()
    with Journal(tmp_path / "journal.sqlite") as journal:
        runner = StageRunner(tmp_path, journal, LocalEngine(0), Silent(), 60.0)
        results = write(runner, "a", "b", "never", "broken", "later")
    assert RUNS == {"b": 1, "later": 1}, "the file of b is gone; all others but the retryable item are settled"
    facts = {"path": "a", "bytes": 7, "valid_share": 0.875, "pose_cost": None, "flags": ["truncated"]}
    assert results["id-a"] == ok(**facts)
    assert results["id-never"] == rejected("no_face", "no face in any of 8 frames")
    assert results["id-broken"] == failed("truncated", "after 5 whole frames", retryable=False)


@dataclass(frozen=True)
class Planned:
    """The file that a planned item writes."""

    path: str
    folder: Path


class PlannedWriter:
    """Writes the file of a planned item."""

    def run(self, task: Planned) -> ItemResult:
        return FileWriter().run(task.folder / task.path)


def write_planned(runner: StageRunner, names: dict[str, str]) -> list[ItemResult | None]:
    """names: {item: file that it writes}."""
    ids = [item_id("planned", item=item) for item in names]
    _, done = runner.planned_results("write", pack_ids(ids))
    items = zip(ids, names.values(), done, strict=True)
    payloads = ((id, Planned(name, runner.dataset)) for id, name, finished in items if not finished)
    runner.run_planned_items("write", PlannedWriter, payloads, total=len(ids), finished=int(done.sum()))
    return list(runner.planned_results("write", pack_ids(ids))[0])


def test_planned_items_are_run_where_they_are_missing_retryable_or_without_their_file(runner):
    names = {name: name for name in ("a", "b", "never", "later")}
    assert [result.state for result in write_planned(runner, names)] == ["ok", "ok", "rejected", "failed"]
    (runner.dataset / "a").unlink()
    (runner.dataset / "dataset.json").touch()
    results = write_planned(runner, names | {"new": "c"})
    assert RUNS == {"a": 2, "b": 1, "never": 1, "later": 2, "c": 1}
    assert [result.reason for result in results] == ["", "", "no_face", "missing_file", ""]
    assert results[3].detail == "there is no later", "the machine's folder is cut out"
    assert not (runner.dataset / "dataset.json").exists(), "items were run, so the data set is unfinished"


def test_nothing_is_run_where_all_planned_items_are_done(runner):
    for _ in range(2):
        write_planned(runner, {"a": "a", "never": "never"})
        (runner.dataset / "dataset.json").touch()
    assert RUNS == {"a": 1, "never": 1}
    assert (runner.dataset / "dataset.json").exists()


def test_a_planned_item_whose_file_another_one_wrote_is_run_again(runner):
    for item in ("first", "second", "first", "first"):
        write_planned(runner, {item: "a"})
    assert RUNS == {"a": 3}
