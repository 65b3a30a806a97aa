"""A removal that could not end is refused before it begins; one that stops says what remains, and goes on."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from nvfair_tools.governance.revocation import Revocation
from tests.folder_texts import folder_state
from tests.nvfair_tools.cli.command_calls import Call, no_privileges

PERSON = "toy:01"


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> Path:
    """A data set, a folder of scores of its people, and a board."""
    for package in ("sqlalchemy", "torch", "av"):
        pytest.importorskip(package)
    from leaderboard.store.new_board import create_board
    from tests.benchmark.small_world import OPEN, make

    folder = tmp_path_factory.mktemp("made") / "work"
    data = make(folder / "data", replace(OPEN, people=(3, 2, 2), clips=1, frames=80))
    (folder / "scores").mkdir()
    data.videos[["video", "driver", "target"]].assign(score=0.5).to_csv(folder / "scores" / "scores.csv", index=False)
    create_board(folder / "board", data.folder, PERSON)
    return folder


@pytest.fixture
def work(made, tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("NVFAIR_REVOCATION_KEY", str(tmp_path / "settings" / "revocation.key"))
    return Path(shutil.copytree(made, tmp_path / "work"))


def revoke(work: Path, *words: str, folders: tuple[str, ...] = ("data", "scores")) -> Call:
    with no_privileges():
        return Call(["revoke", PERSON, *(str(work / name) for name in folders), *words])


def close(folder: Path) -> None:
    folder.chmod(0o500)


def open_again(folder: Path) -> None:
    folder.chmod(0o700)


def test_every_closed_folder_is_named_before_anything_is_removed(work):
    closed = [work / "data" / "frames" / "train" / "alpha", work / "scores"]
    before = folder_state(work)
    for folder in closed:
        close(folder)
    for words in ((), ("--yes",)):
        call = revoke(work, *words)
        assert call.status == 1
        assert "nothing was removed: 2 problems" in call.errors
        assert all(str(folder) in call.errors for folder in closed)
        assert "run the same command again" in call.errors
        assert folder_state(work) == before
    for folder in closed:
        open_again(folder)
    assert revoke(work, "--yes").status == 0


def test_files_that_may_not_be_changed_are_removed_where_their_folder_can_be_written(work):
    for path in (work / "data").rglob("*.parquet"):
        path.chmod(0o400)
    assert revoke(work, "--yes").status == 0
    assert PERSON not in set(pd.read_parquet(work / "data" / "identities.parquet")["identity"])


def test_a_removal_that_stops_says_what_remains_and_goes_on(work, monkeypatch):
    scores = work / "scores" / "scores.csv"
    rows = sum(PERSON in line for line in scores.read_text().splitlines())
    close(work / "scores")
    with monkeypatch.context() as patch:  # as where the folder is closed after it was looked at
        patch.setattr(Revocation, "obstacles", lambda self, key: [])
        call = revoke(work, "--yes", "--json")
    assert call.status == 1
    text = json.loads(call.out)["error"]["message"]
    assert f"all done: {work / 'data'}" in text
    assert f"remains in {work / 'scores'}: rows of embeddings, scores and evidence: {rows} of {rows}" in text
    assert "run the same command again" in text
    assert PERSON not in set(pd.read_parquet(work / "data" / "identities.parquet")["identity"])
    assert PERSON in scores.read_text()

    before = folder_state(work)
    open_again(work / "scores")
    dry = revoke(work)
    assert dry.status == 1
    assert "was interrupted" in dry.out
    assert {path: state and state[2] for path, state in folder_state(work).items()} == {
        path: state and state[2] for path, state in before.items()
    }
    again = revoke(work, "--yes")
    assert again.status == 0, again
    assert "completing a removal that was interrupted" in again.out
    assert PERSON not in scores.read_text()
    assert not list((work.parent / "settings" / "revocations").iterdir())


def test_a_removal_that_stops_in_a_data_set_counts_what_is_left_of_it(work, monkeypatch):
    close(work / "data" / "frames" / "train" / "beta")
    with monkeypatch.context() as patch:
        patch.setattr(Revocation, "obstacles", lambda self, key: [])
        call = revoke(work, "--yes")
    assert call.status == 1
    assert f"remains in {work / 'data'}: people: 1 of 1" in call.errors
    assert f"not begun: {work / 'scores'}" in call.errors
    before, left = (int(number.replace(",", "")) for number in reversed(frames_left(call.errors)))
    assert 0 < left < before  # the parts of the first generator were written anew
    open_again(work / "data" / "frames" / "train" / "beta")
    assert revoke(work, "--yes").status == 0
    assert revoke(work, "--prove").status == 0


def frames_left(text: str) -> tuple[str, str]:
    import re

    match = re.search(r"rows of frames: ([\d,]+) of ([\d,]+)", text)
    assert match is not None, text
    return match[1], match[2]


@pytest.mark.skipif(os.name != "posix", reason="another program's lock is tried with POSIX locks")
def test_a_board_in_use_and_a_build_at_work_are_named_before_anything_is_removed(work, monkeypatch):
    import fcntl
    import platform

    monkeypatch.setattr("leaderboard.store.revocation_holder._PATIENCE", 0.1)
    lock = work / "data" / ".build" / "lock"
    lock.parent.mkdir()
    before = None
    with (
        closing(sqlite3.connect(work / "board" / "board.sqlite", isolation_level=None)) as database,
        open(lock, "w") as file,
    ):
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(f"{os.getpid()} {platform.node()}")
        file.flush()
        database.execute("BEGIN IMMEDIATE")
        before = folder_state(work / "data")
        call = revoke(work, "--yes", folders=("data", "scores", "board"))
        assert call.status == 1
        assert "a build is at work here" in call.errors
        assert "stop the board" in call.errors
        assert folder_state(work / "data") == before
    assert revoke(work, "--yes", folders=("data", "scores", "board")).status == 0
