"""`kill -9` of server and worker at any moment: no submission lost, none scored twice, none stuck."""

from __future__ import annotations

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import func, select

from leaderboard.client import Client
from leaderboard.store.database import read_session
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.job_queue import count_jobs
from leaderboard.store.tables import AuditRow, JobRow, ResultRow
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.leaderboard.board_process import Board, Process, Server, copy_with_method, zip_folder
from tests.waiting import free_port, wait_until


class Siege:
    """A board whose processes are killed and started again while authors submit."""

    def __init__(self, folder: Path, url: str, dataset: Dataset, valid_submission: Path, seed: int) -> None:
        self.board = Board(folder / "board", url, dataset, limits={"lease_seconds": 1.5})
        self.random = random.Random(seed)
        self.port, self.folder, self.valid_submission = free_port(), folder, valid_submission
        self.token = self.board.token("ann")
        self.accepted: set[str] = set()
        self.over = threading.Event()
        self.server = Server(self.board, port=self.port)
        self.worker = Process(self.board, "worker")

    def submit(self, count: int) -> None:
        """Submits until each is accepted; whoever gets no answer sends the same again."""
        with Client(f"http://127.0.0.1:{self.port}", self.token, seconds=30) as client:
            for n in range(count):
                folder = self.folder / f"s{n}"
                archive = zip_folder(
                    copy_with_method(self.valid_submission, folder, f"method {n}"), self.folder / f"s{n}.zip"
                )
                shutil.rmtree(folder)
                while True:
                    try:
                        self.accepted.add(client.submit(archive, phase="development").digest)
                        break
                    except NvfairError as error:
                        if "does not answer" not in str(error):
                            raise
                        time.sleep(0.1)

    def kill(self, longest: float) -> None:
        """Waits for a moment, kills one of the two, and starts it again."""
        time.sleep(self.random.uniform(0, longest))
        if self.random.random() < 0.4:
            self.server.kill()
            self.server = Server(self.board, port=self.port, wait=False)
        else:
            self.worker.kill()
            self.worker = Process(self.board, "worker")

    def judge(self, count: int) -> None:
        """Waits for the queue to drain, and counts."""
        assert len(self.accepted) == count
        store = self.board.store()
        wait_until(lambda: count_jobs(store.engine)["done"] == count, poll_seconds=0.5)
        with read_session(store.engine) as session:
            jobs = Counter(session.scalars(select(JobRow.submission)))
            results = Counter(session.execute(select(ResultRow.submission, ResultRow.entry)).all())
            closed = session.scalar(select(func.count()).select_from(AuditRow).where(AuditRow.action == "job done"))
        assert dict(jobs) == dict.fromkeys(self.accepted, 1)
        assert dict(results) == {(digest, entry): 1 for digest in self.accepted for entry in (0, 1)}
        assert closed == count
        stored_digests = set(SubmissionFiles(self.board.settings.files).digests())
        assert self.accepted <= stored_digests
        store.close()

    def end(self) -> None:
        """Kills server and worker."""
        self.server.kill()
        self.worker.kill()


def besieged(siege: Siege, *, submissions: int, kills: int, longest: float) -> None:
    """Kills while authors submit and jobs are scored, then judges."""
    failures: list[BaseException] = []

    def author() -> None:
        try:
            siege.submit(submissions)
        except BaseException as error:  # noqa: BLE001 - handed to the test
            failures.append(error)

    thread = threading.Thread(target=author)
    thread.start()
    try:
        for _ in range(kills):
            siege.kill(longest)
        thread.join(240)
        assert not thread.is_alive()
        assert not failures, failures
        siege.judge(submissions)
    finally:
        siege.end()


@pytest.mark.slow
def test_a_few_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, fresh_url: Callable[[], str], dataset: Dataset, valid_submission: Path
) -> None:
    besieged(Siege(tmp_path, fresh_url(), dataset, valid_submission, seed=1), submissions=8, kills=4, longest=5)


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_fifty_kills_lose_nothing_and_double_nothing(
    tmp_path: Path, fresh_url: Callable[[], str], dataset: Dataset, valid_submission: Path
) -> None:
    besieged(Siege(tmp_path, fresh_url(), dataset, valid_submission, seed=2), submissions=150, kills=50, longest=6)
