"""Whatever is sent, the board says good or says why not: no traceback, bounded time and memory, nothing left behind."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest
import yaml

from benchmark import protocols
from benchmark.methods.embedding_files import write_embeddings
from leaderboard.submission.archive import unpack
from leaderboard.submission.check import find_problems
from leaderboard.submission.sandbox import BoundedChild, LimitReached
from leaderboard.submission.scoring import score_submission
from leaderboard.submission.test_set import TestSet
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.benchmark.small_world import World, make
from tests.leaderboard.mutations.catalogue import make_mutation
from tests.leaderboard.mutations.outcomes import ANY, BAD, SAME, YAML, Files, zip_bytes

SEED = 20
MEMORY_MB = 1500
SECONDS = 150.0  # of wall-clock time on a machine that may be busy with much else


class Gate:
    """What a board does with an upload, in a child process."""

    def __init__(self, dataset: Path) -> None:
        self._test = TestSet(Dataset.open(dataset))

    def judge(self, archive: Path, into: Path) -> tuple[bool, Any]:
        """(True, figures of every entry) or (False, problems)."""
        try:
            folder = unpack(archive, into)
        except Problems as error:
            return False, list(error.problems)
        except NvfairError as error:
            return False, [str(error)]
        result = find_problems(folder, self._test)
        if result:
            return False, result
        return True, [row.figures["generators"] for row in score_submission(folder, self._test)[2]]


@pytest.fixture(scope="module")
def goods(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Files]]:
    """A data set, and good submissions to it: embeddings and scores, as Parquet and as CSV."""
    dataset = make(tmp_path_factory.mktemp("fuzz"), World(people=(1, 1, 3), clips=2, generators=("alpha",)))
    protocol = protocols.load("nvfair-seen")
    expected = TestSet(dataset).expected_rows(protocol)
    from leaderboard.submission.test_set import windows_under_test

    windows = windows_under_test(dataset, protocol)
    values = np.random.default_rng(3).normal(size=(len(windows), 6)).astype(np.float32)
    path = dataset.folder / "embeddings.parquet"
    write_embeddings(path, windows, values, {})
    table = pq.read_table(path)
    flat = pd.DataFrame(values, columns=[f"embedding_{n}" for n in range(6)])
    wide = pa.concat_tables([table.drop_columns(["embedding"])])
    for name in flat:
        wide = wide.append_column(name, pa.array(flat[name]))
    keys = expected.trial_keys(["alpha"])
    count = len(expected.videos)
    names = [f"{expected.public_ids[key // count]}|{expected.public_ids[key % count]}" for key in keys]
    scores = pa.table({"trial": names, "score": np.random.default_rng(4).normal(size=len(keys))})
    made = []
    for kind, content, suffix in (
        ("embeddings", table, "parquet"),
        ("embeddings", wide, "csv"),
        ("scores", scores, "parquet"),
        ("scores", scores, "csv"),
    ):
        out = pa.BufferOutputStream()
        pyarrow.csv.write_csv(content, out) if suffix == "csv" else pq.write_table(content, out)
        declaration = {
            "format_version": 1,
            "method": "m",
            "authors": ["a"],
            "contact": "a@b.example",
            "training": {"datasets": [], "people": ["toy:00"], "generators": ["alpha"]},
            "entries": [{"protocol": "nvfair-seen", kind: f"test.{suffix}", "trained_on_generators": ["alpha"]}],
        }
        files = {YAML: yaml.safe_dump(declaration).encode(), f"test.{suffix}": out.getvalue().to_pybytes()}
        made.append(files)
    return dataset.folder, made


def run(goods: tuple[Path, list[Files]], count: int, folder: Path, first: int = 0) -> dict[str, Any]:
    """Judges `count` mutations; returns what was counted and measured. Fails on the first that is judged wrongly."""
    dataset, submissions = goods
    child = BoundedChild(partial(Gate, dataset), MEMORY_MB)
    counted: Counter[str] = Counter()
    slowest, ended = (0.0, ""), []
    try:
        figures = []
        for files in submissions:
            (folder / "good.zip").write_bytes(zip_bytes(files))
            good, text = child.call("judge", folder / "good.zip", folder / "out", seconds=SECONDS)
            assert good, text
            figures.append(text)
            remove(folder / "out")
        for number in range(first, first + count):
            which = number % len(submissions)
            made = make_mutation(submissions[which], SEED, number)
            label = f"mutation {number} of submission {which}, {made.name}"
            (folder / "sent.zip").write_bytes(made.archive)
            begun = time.monotonic()
            try:
                good, text = child.call("judge", folder / "sent.zip", folder / "out", seconds=SECONDS)
            except LimitReached as error:  # a crash within a library, or a bound: the board says so and goes on
                good, text = False, [f"submission.yaml: {error}"]
                ended.append(f"{label}: {error}")
            taken = time.monotonic() - begun
            slowest = max(slowest, (taken, label))
            check(label, made.expected, good, text, figures[which])
            counted[f"{made.expected}: {'accepted' if good else 'refused'}"] += 1
            remove(folder / "out")
    finally:
        child.stop()
    return {"counted": dict(counted), "slowest": slowest, "ended": ended}


def check(label: str, expected: str, good: bool, text: Any, figures: Any) -> None:
    """Whether a mutation was judged as it must be."""
    assert not (expected == BAD and good), f"{label}: was accepted"
    assert not (expected == SAME and not good), f"{label}: was refused: {text}"
    if expected == SAME:
        assert text == figures, f"{label}: has other figures"
    if good:
        values = [item["auc_mean"]["value"] for entry in text for item in entry.values()]
        assert values, label
        assert all(0 <= value <= 1 for value in values), label
        return
    assert text, f"{label}: was refused without a word"
    for problem in text:
        assert "Traceback" not in problem, (label, problem)
        assert len(problem) < 2000, (label, problem)
        assert problem.replace("\n", "").isprintable(), (label, problem)
        place = ("submission.yaml", "test.parquet", "test.csv", "the archive", "archive says", "bytes; at most")
        assert any(item in problem for item in place) or label.split(", ")[-1].startswith(("archive", "damage")), (
            label,
            problem,
        )


def remove(folder: Path) -> None:
    """What a mutation left unpacked."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def test_some_hundreds_of_mutations_are_judged_rightly(goods, tmp_path: Path) -> None:
    done = run(goods, 240, tmp_path)
    assert done["slowest"][0] < SECONDS
    assert set(done["counted"]) >= {f"{SAME}: accepted", f"{BAD}: refused", f"{ANY}: accepted", f"{ANY}: refused"}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_mutations_are_judged_rightly(goods, tmp_path: Path) -> None:
    count = int(os.environ.get("NVFAIR_MUTATIONS", "10000"))
    done = run(goods, count, tmp_path, first=10_000)
    print(json.dumps(done, indent=1))
    assert sum(done["counted"].values()) == count
    assert len(done["ended"]) <= count / 1000, done["ended"]
