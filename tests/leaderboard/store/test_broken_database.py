"""A database that cannot be used is said in words by every command, with what to do, and is left as it is."""

from __future__ import annotations

import random
import shutil
import sqlite3
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import CliRunner

from leaderboard.store import database
from leaderboard.store.results import Store
from nvfair_tools.cli import cli
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.leaderboard.board_process import Board

COMMANDS = {
    "serve": ["board", "serve", "{board}"],
    "worker": ["board", "worker", "{board}"],
    "tokens": ["board", "admin", "token", "list", "--board", "{board}"],
    "backup": ["board", "admin", "backup", "{board}/backup.tar", "--board", "{board}"],
    "export": ["board", "export", "{board}/pages", "--store", "sqlite:///{board}/board.sqlite"],
}


@pytest.fixture(scope="module")
def empty_board(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset) -> Path:
    board = Board(tmp_path_factory.mktemp("broken") / "board", "sqlite:///board.sqlite", dataset)
    board.store().close()
    return board.folder


@pytest.fixture
def board(empty_board: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(empty_board, tmp_path / "board"))


def run(board: Path, command: str) -> str:
    """What a command says, which must be a user's error."""
    words = [word.format(board=board) for word in COMMANDS[command]]
    error = CliRunner().invoke(cli, words).exception
    assert isinstance(error, NvfairError), error
    return str(error)


def overwrite(file: Path) -> None:
    file.write_bytes(b"no database at all" * 1000)


def cut(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:5000])


def scramble(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[4096:] = random.Random(0).randbytes(len(content) - 4096)
    file.write_bytes(content)


def replace_by_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def make_newer(file: Path) -> None:
    execute(file, "UPDATE alembic_version SET version_num = '9999'")


def drop_table(file: Path) -> None:
    execute(file, "DROP TABLE jobs")


def execute(file: Path, statement: str) -> None:
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute(statement)


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (overwrite, "file is not a database"),
        (cut, "malformed"),
        (scramble, "malformed"),
        (replace_by_folder, "unable to open database file"),
        (make_newer, "revision 9999, which this program does not know"),
        (drop_table, "lacks the tables jobs"),
    ],
)
def test_a_broken_database_is_said_in_words(
    board: Path, command: str, damage: Callable[[Path], None], message: str
) -> None:
    damage(board / "board.sqlite")
    text = run(board, command)
    assert message in text
    assert "\n  to fix it: " in text or "\n  expected: " in text


def test_a_database_that_is_locked_for_long_is_said_in_words(board: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_SECONDS", 0.2)
    with closing(sqlite3.connect(board / "board.sqlite", isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        for command in ("serve", "worker"):
            text = run(board, command)
            assert "database is locked" in text
            assert "end that program" in text


def test_a_database_that_may_not_be_written_is_said_in_words(board: Path) -> None:
    file = board / "board.sqlite"
    if shutil.which("chattr") is None:
        pytest.skip("chattr (Debian: e2fsprogs) is absent")
    if subprocess.run(["chattr", "+i", str(file)], capture_output=True, check=False).returncode:
        pytest.skip("this file system has no files that cannot be changed")
    try:
        for command in ("serve", "worker"):
            text = run(board, command)
            assert "attempt to write a readonly database" in text
            assert "the right to write this file" in text
    finally:
        subprocess.run(["chattr", "-i", str(file)], check=True)


def test_asking_whether_it_can_be_written_changes_nothing(fresh_url: Callable[[], str]) -> None:
    from leaderboard.store import schema

    store = Store(fresh_url())
    schema.check_writable(store.engine)
    assert schema.database_revision(store.engine) == schema.newest_revision()
    store.close()
