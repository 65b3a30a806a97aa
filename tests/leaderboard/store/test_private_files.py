"""The files of a board are for its own account on the machine alone."""

from __future__ import annotations

import stat
from pathlib import Path

import httpx

from leaderboard.hidden.blind_key import BlindKey, write_key
from leaderboard.settings import read_settings
from leaderboard.store.backup import write_backup
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.new_board import create_board
from leaderboard.store.private_files import readable_by_others
from leaderboard.store.results import Store
from nvfair_tools.dataset import Dataset
from tests.leaderboard.board_process import Board, Server


def mode(path: Path) -> int:
    """The rights of a file or folder, such as 0o600."""
    return stat.S_IMODE(path.stat().st_mode)


def test_what_a_new_board_writes_is_private(tmp_path: Path, dataset: Dataset) -> None:
    create_board(tmp_path / "board", dataset.folder, "ann")
    settings = read_settings(tmp_path / "board")
    store, submission_files = Store(settings.store), SubmissionFiles(settings.files)
    write_backup(store.engine, submission_files, tmp_path / "backup.tar")
    write_key(tmp_path / "key.json", BlindKey("d", {}))
    database = tmp_path / "board" / "board.sqlite"
    files = [tmp_path / "board" / "board.yaml", database, tmp_path / "backup.tar", tmp_path / "key.json"]
    files += list(database.parent.glob("board.sqlite-*"))
    assert {path.name: oct(mode(path)) for path in files} == {path.name: "0o600" for path in files}
    assert mode(settings.files) == 0o700
    assert readable_by_others(settings, tmp_path / "board") == []
    store.close()


def test_a_server_closes_what_an_earlier_release_left_open_and_says_what_is_opened_again(
    tmp_path: Path, dataset: Dataset
) -> None:
    board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset)
    board.token("ann")
    database, settings_file = board.folder / "board.sqlite", board.folder / "board.yaml"
    board.settings.files.mkdir()
    for path in (database, settings_file, board.settings.files):
        path.chmod(0o755)
    assert len(readable_by_others(board.settings, board.folder)) == 3
    server = Server(board)
    try:
        assert [oct(mode(path)) for path in (database, settings_file, board.settings.files)] == ["0o700"] * 3
        assert readable_by_others(board.settings, board.folder) == []
        database.chmod(0o644)
        answer = httpx.get(f"{server.url}/readyz", timeout=300)
        assert answer.status_code == 503
        assert "board.sqlite may be used by other accounts of the machine (mode 644)" in answer.text
        assert httpx.get(f"{server.url}/rules/", headers={"Host": "evil.example"}).status_code == 404  # no redirect
    finally:
        server.stop()
