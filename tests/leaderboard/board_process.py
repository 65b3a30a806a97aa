"""A board on disk, submissions to it, and its server and worker as real processes."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import httpx
import yaml

from leaderboard.settings import Settings, read_settings
from leaderboard.store.accounts import Account, authenticate, create_token
from leaderboard.store.results import Store
from nvfair_tools.dataset import Dataset
from tests.leaderboard.conftest import VALID_DECLARATION
from tests.waiting import free_port, wait_until

ROOT = Path(__file__).resolve().parents[2]


class Board:
    """A board's folder with its settings."""

    def __init__(self, folder: Path, store: str, dataset: Dataset, **changes: Any) -> None:
        self.folder = folder
        folder.mkdir(parents=True)
        content: dict[str, Any] = {
            "store": store,
            "datasets": {"toy": {"folder": str(dataset.folder)}},
            "phases": {
                "development": {"dataset": "toy", "total": 1000, "per_day": 1000},
                "tight": {"dataset": "toy", "total": 4, "per_day": 4},  # two submissions of two entries
                "over": {"dataset": "toy", "closes": "2020-01-01"},
            },
            "limits": {"lease_seconds": 2, "check_seconds": 60, "checks_at_once": 1, "upload_bytes": 4_000_000},
            "rates": {
                "uploads_per_token": 0,
                "requests_per_token": 0,
                "requests_per_address": 0,
                "failed_tokens_per_address": 0,
            },
            "refresh_seconds": 0.2,
        }
        for key, value in changes.items():
            content[key] = {**content[key], **value} if isinstance(value, dict) and key in content else value
        (folder / "board.yaml").write_text(yaml.safe_dump(content))
        self.settings: Settings = read_settings(folder)

    def store(self) -> Store:
        """The database of the board, opened."""
        return Store(self.settings.store)

    def token(self, account: str, **options: Any) -> str:
        """Creates a token of an account."""
        store = self.store()
        try:
            return create_token(store.engine, account, **options)
        finally:
            store.close()


class Process:
    """`nvfair board serve` or `worker` of a board, as a process."""

    def __init__(self, board: Board, *words: str) -> None:
        self.log = board.folder / f"{words[0]}.log"
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "nvfair_tools", "board", words[0], str(board.folder), *words[1:]]
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)

    def kill(self) -> None:
        """Ends the process by SIGKILL, as `kill -9` does."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Stops the process by SIGTERM, as a service manager does; returns its status."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(600)
        except subprocess.TimeoutExpired:
            self.kill()
            raise


class Server(Process):
    """The server as a process, which is ready when the object is made."""

    def __init__(self, board: Board, *words: str, port: int | None = None, wait: bool = True) -> None:
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(board, "serve", "--port", str(self.port), *(words or ("--without-worker",)))
        if wait:
            self.wait()

    def wait(self, seconds: float = 600) -> None:
        """Waits until the server is ready."""

        def ready() -> bool:
            assert self.process.poll() is None, self.log.read_text()
            try:
                return httpx.get(f"{self.url}/readyz", timeout=5).status_code == 200
            except httpx.TransportError:
                return False

        wait_until(ready, seconds)


def copy_with_method(folder: Path, into: Path, method: str) -> Path:
    """A copy of the valid submission in `folder` under another method name, and so with another digest."""
    shutil.copytree(folder, into)
    (into / "submission.yaml").write_text(yaml.safe_dump({**VALID_DECLARATION, "method": method}))
    return into


def zip_folder(folder: Path, path: Path, inside: str = "") -> Path:
    """The folder as a zip file; `inside`: under this folder's name."""
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted(entry for entry in folder.rglob("*") if entry.is_file()):
            archive.write(file, f"{inside}{file.relative_to(folder)}")
    return path


def create_account(store: Store, name: str = "ann") -> Account:
    """Creates an account with one token."""
    new_account = authenticate(store.engine, create_token(store.engine, name))
    assert new_account is not None
    return new_account


def dump_database(store: Store) -> str:
    """The rows of all tables, as text."""
    from leaderboard.store.tables import Base

    with store.engine.connect() as connection:
        return json.dumps(
            [[str(row) for row in connection.execute(table.select())] for table in Base.metadata.sorted_tables]
        )


def get_with_token(url: str, token: str) -> str:
    """The body of a GET request that sends the token."""
    answer = httpx.get(url, headers={"Authorization": f"Bearer {token}"}, timeout=300)
    assert answer.status_code == 200, answer.text
    return answer.text
