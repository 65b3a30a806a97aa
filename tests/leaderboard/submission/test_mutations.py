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


class UploadJudge:
    """What a board does with an upload, in a child process."""

    def __init__(self, dataset: Path) -> None:
        self._test = TestSet(Dataset.open(dataset))

    def judge(self, archive: Path, into: Path) -> tuple[bool, Any]:
        """(True, figures of every entry) or (False, problems)."""
        try:
            folder = unpack(archive, into).folder
        except Problems as error:
            return False, list(error.problems)
        except NvfairError as error:
            return False, [str(error)]
        problems = find_problems(folder, self._test)
        if problems:
            return False, problems
        return True, [row.figures["generators"] for row in score_submission(folder, self._test).entries]


@pytest.fixture(scope="module")
def valid_submissions(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Files]]:
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


def run(valid_submissions: tuple[Path, list[Files]], count: int, folder: Path, first: int = 0) -> dict[str, Any]:
    """Judges `count` mutations; returns what was counted and measured. Fails on the first that is judged wrongly."""
    dataset, submissions = valid_submissions
    child = BoundedChild(partial(UploadJudge, dataset), MEMORY_MB)
    counts: Counter[str] = Counter()
    slowest, ended = (0.0, ""), []
    try:
        figures = []
        for files in submissions:
            (folder / "good.zip").write_bytes(zip_bytes(files))
            accepted, outcome = child.call("judge", folder / "good.zip", folder / "out", seconds=SECONDS)
            assert accepted, outcome
            figures.append(outcome)
            remove_folder(folder / "out")
        for number in range(first, first + count):
            index = number % len(submissions)
            made = make_mutation(submissions[index], SEED, number)
            label = f"mutation {number} of submission {index}, {made.name}"
            (folder / "sent.zip").write_bytes(made.archive)
            start = time.monotonic()
            try:
                accepted, outcome = child.call("judge", folder / "sent.zip", folder / "out", seconds=SECONDS)
            except LimitReached as error:  # a crash within a library, or a bound: the board says so and goes on
                accepted, outcome = False, [f"submission.yaml: {error}"]
                ended.append(f"{label}: {error}")
            elapsed = time.monotonic() - start
            slowest = max(slowest, (elapsed, label))
            assert_judged_rightly(label, made.expected, accepted, outcome, figures[index])
            counts[f"{made.expected}: {'accepted' if accepted else 'refused'}"] += 1
            remove_folder(folder / "out")
    finally:
        child.stop()
    return {"counted": dict(counts), "slowest": slowest, "ended": ended}


def assert_judged_rightly(label: str, expected: str, accepted: bool, outcome: Any, figures: Any) -> None:
    """Whether a mutation was judged as it must be."""
    assert not (expected == BAD and accepted), f"{label}: was accepted"
    assert not (expected == SAME and not accepted), f"{label}: was refused: {outcome}"
    if expected == SAME:
        assert outcome == figures, f"{label}: has other figures"
    if accepted:
        values = [figures["auc_mean"]["value"] for entry in outcome for figures in entry.values()]
        assert values, label
        assert all(0 <= value <= 1 for value in values), label
        return
    assert outcome, f"{label}: was refused without a word"
    for problem in outcome:
        assert "Traceback" not in problem, (label, problem)
        assert len(problem) < 2000, (label, problem)
        assert problem.replace("\n", "").isprintable(), (label, problem)
        place = ("submission.yaml", "test.parquet", "test.csv", "the archive", "archive says", "bytes; at most")
        assert any(word in problem for word in place) or label.split(", ")[-1].startswith(("archive", "damage")), (
            label,
            problem,
        )


def remove_folder(folder: Path) -> None:
    """What a mutation left unpacked."""
    import shutil

    shutil.rmtree(folder, ignore_errors=True)


def test_some_hundreds_of_mutations_are_judged_rightly(valid_submissions, tmp_path: Path) -> None:
    done = run(valid_submissions, 240, tmp_path)
    assert done["slowest"][0] < SECONDS
    assert set(done["counted"]) >= {f"{SAME}: accepted", f"{BAD}: refused", f"{ANY}: accepted", f"{ANY}: refused"}


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_ten_thousand_mutations_are_judged_rightly(valid_submissions, tmp_path: Path) -> None:
    count = int(os.environ.get("NVFAIR_MUTATIONS", "10000"))
    done = run(valid_submissions, count, tmp_path, first=10_000)
    print(json.dumps(done, indent=1))
    assert sum(done["counted"].values()) == count
    assert len(done["ended"]) <= count / 1000, done["ended"]
