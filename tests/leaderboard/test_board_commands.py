"""The commands of a board, as a maintainer and an author type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from leaderboard.settings import read_settings
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError, Problems
from tests.leaderboard.board_process import ROOT, Board, Server


def nvfair(*words: object, status: int = 0, **environment: str) -> str:
    """Runs the command; returns its standard output and standard error."""
    done = subprocess.run(
        [sys.executable, "-m", "nvfair_tools", *map(str, words)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == status, done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done.stdout + done.stderr


def secret(output: str) -> str:
    """The only token in the output of a command."""
    (token,) = re.findall(r"nvf_[0-9a-f]{12}_[\w-]{43}", output)
    return token


@pytest.mark.slow
def test_from_nothing_to_a_scored_submission(tmp_path: Path, dataset: Dataset, valid_submission: Path) -> None:
    folder = tmp_path / "board"
    output = nvfair("board", "admin", "init", folder, "--dataset", dataset.folder)
    token = secret(output)
    assert read_settings(folder).datasets["main"].folder == dataset.folder.resolve()
    board = Board.__new__(Board)
    board.folder, board.settings = folder, read_settings(folder)
    server = Server(board, "--with-worker")
    try:
        pushed = nvfair("submit", "push", valid_submission, "--url", server.url, "--wait", NVFAIR_TOKEN=token)
        assert "accepted, queued; 8 more entries today" in pushed
        assert "nvfair-seen, alpha: AUC" in pushed
        assert f"its page: {server.url}/method/" in pushed
        assert "was here already, done" in nvfair(
            "submit", "push", valid_submission, "--url", server.url, NVFAIR_TOKEN=token
        )
        dry = nvfair("submit", "push", valid_submission, "--url", server.url, "--dry-run", NVFAIR_TOKEN=token)
        assert "nothing was sent" in dry
        wrong = nvfair("submit", "push", valid_submission, "--url", server.url, NVFAIR_TOKEN="nvf_wrong", status=1)
        assert "token is not valid" in wrong
        assert "set NVFAIR_TOKEN" in wrong
    finally:
        assert server.stop() == 0
    nvfair("board", "admin", "backup", tmp_path / "b.tar", "--board", folder)
    assert "1 queued" in nvfair("board", "admin", "rescore", "--reason", "a check", "--board", folder)
    audit_output = nvfair("board", "admin", "audit", "--board", folder)
    assert all(word in audit_output for word in ("token created", "submission accepted", "job done", "rescore"))
    other = tmp_path / "other"
    nvfair("board", "admin", "init", other, "--dataset", dataset.folder)
    assert "not empty" in nvfair("board", "admin", "restore", tmp_path / "b.tar", "--board", other, status=1)
    (other / "board.sqlite").unlink()
    assert "back: 1 submission, 2 results" in nvfair("board", "admin", "restore", tmp_path / "b.tar", "--board", other)
    assert "tables: 0003" in nvfair("board", "admin", "upgrade", "--board", other)


def test_tokens_and_quotas_are_managed_by_command(tmp_path: Path, dataset: Dataset) -> None:
    board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset)
    board_option = ("--board", board.folder)
    output = nvfair("board", "admin", "token", "create", "ann", "--days", "30", *board_option)
    id = secret(output).split("_")[1]
    assert f"{id}  ann  default  valid until" in nvfair("board", "admin", "token", "list", *board_option)
    nvfair("board", "admin", "token", "revoke", id, *board_option)
    assert f"{id}  ann  default  revoked" in nvfair("board", "admin", "token", "list", *board_option)
    quota = ("board", "admin", "quota", "ann", "--total", "7", "--per-day", "3")
    assert "ann: 7 in tight, 3 a day" in nvfair(*quota, "--phase", "tight", *board_option)
    assert "phase 'none' is unknown" in nvfair(*quota, "--phase", "none", *board_option, status=1)


def test_a_client_without_a_token_or_a_board_reports_the_remedy(valid_submission: Path) -> None:
    output = nvfair("submit", "push", valid_submission, "--url", "http://127.0.0.1:9", NVFAIR_TOKEN="", status=1)
    assert "export NVFAIR_TOKEN" in output
    output = nvfair("submit", "push", valid_submission, "--url", "http://127.0.0.1:9", NVFAIR_TOKEN="nvf_x", status=1)
    assert "the board does not answer" in output


def test_everything_that_keeps_a_submission_from_being_sent_is_named_at_once(submission: Path) -> None:
    content = (submission / "submission.yaml").read_text()
    (submission / "submission.yaml").write_text(content.replace("embeddings/test", "embeddings/other", 1))
    (submission / "embeddings" / "test.parquet").unlink()
    output = nvfair("submit", "push", submission, "--url", "http://127.0.0.1:9", NVFAIR_TOKEN="", status=1)
    assert "for 3 reasons" in output
    for text in ("'embeddings/other.parquet' is not there", "'embeddings/test.parquet' is not there"):
        assert text in output
    assert "export NVFAIR_TOKEN" in output
    assert "the board does not answer" in output
    output = nvfair("submit", "pack", submission, submission.parent / "s.zip", status=1)
    assert "2 problems" in output
    assert not (submission.parent / "s.zip").exists()


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("datasets: {}", "datasets"),
        ("datasets: {a: {folder: x}}\nphases: {p: {dataset: b}}", "names the data set 'b'"),
        ("datasets: {a: {folder: x}}\nphases: {'P P': {dataset: a}}", "phases"),
        ("datasets: {a: {folder: x}}\nphases: {p: {dataset: a}}\nsurprise: 1", "surprise"),
        ("datasets: [", "not valid YAML"),
        ("limits: {attempts: 0}\ndatasets: {a: {folder: x}}\nphases: {p: {dataset: a}}", "limits.attempts"),
    ],
)
def test_every_mistake_in_the_settings_is_named(tmp_path: Path, text: str, word: str) -> None:
    (tmp_path / "board.yaml").write_text(text)
    with pytest.raises((NvfairError, Problems), match=word):
        read_settings(tmp_path)


def test_a_folder_without_a_board_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(NvfairError, match="board admin init"):
        read_settings(tmp_path)
