"""The worker scores what is queued, gives up what cannot be scored, and survives being stopped."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import select

from leaderboard.server.accept_submission import SubmissionAcceptor
from leaderboard.server.worker import Worker
from leaderboard.store import job_queue as queue
from leaderboard.store.database import read_session
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.rescore import queue_rescoring
from leaderboard.store.results import Store
from leaderboard.store.tables import DONE, FAILED, LEASED, QUEUED, JobRow
from leaderboard.submission.examiner import Examiner
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from tests.leaderboard.board_process import (
    ROOT,
    Board,
    Process,
    copy_with_method,
    create_account,
    wait_until,
    zip_folder,
)


class Bench:
    """A board that accepts submissions, and workers in this process."""

    def __init__(self, folder: Path, url: str, dataset: Dataset, valid_submission: Path) -> None:
        self.board = Board(folder / "board", url, dataset, limits={"lease_seconds": 0.4, "attempts": 2})
        self.store: Store = self.board.store()
        self.submission_files = SubmissionFiles(self.board.settings.files)
        self.acceptor = SubmissionAcceptor(self.board.settings, self.store.engine, self.submission_files)
        self.ann = create_account(self.store, "ann")
        self._valid_submission, self._folder = valid_submission, folder

    def send(self, method: str) -> str:
        archive = zip_folder(
            copy_with_method(self._valid_submission, self._folder / method, method), self._folder / f"{method}.zip"
        )
        with self.submission_files.scratch_folder() as scratch:
            return self.acceptor.accept(
                Path(shutil.copy(archive, scratch)), scratch, self.ann, "development", private=False, address=""
            ).digest

    def job(self, digest: str) -> JobRow:
        with read_session(self.store.engine) as session:
            return session.scalars(select(JobRow).where(JobRow.submission == digest).order_by(JobRow.id.desc())).first()

    def results(self, digest: str) -> list[tuple[int, str]]:
        return [(r.entry, r.reason) for r in self.store.results() if r.digest == digest]


@pytest.fixture(scope="module")
def bench(
    tmp_path_factory: pytest.TempPathFactory, fresh_url: Callable[[], str], dataset: Dataset, valid_submission: Path
) -> Iterator[Bench]:
    module_bench = Bench(tmp_path_factory.mktemp("worker"), fresh_url(), dataset, valid_submission)
    yield module_bench
    module_bench.acceptor.stop()
    module_bench.store.close()


def steps(bench: Bench, count: int) -> None:
    """Does `count` jobs, one after the other."""
    worker = Worker(bench.board.settings, bench.store.engine, bench.submission_files)
    try:
        for _ in range(count):
            wait_until(worker.step)
    finally:
        worker.stop()
        worker._child.stop()


def test_a_job_becomes_one_result_an_entry(bench: Bench) -> None:
    digest = bench.send("scored")
    steps(bench, 1)
    assert bench.job(digest).state == DONE
    assert bench.results(digest) == [(0, "first scoring"), (1, "first scoring")]


def test_scoring_again_makes_new_results_with_their_reason_and_takes_no_quota(bench: Bench) -> None:
    digest = bench.send("again")
    steps(bench, 1)
    quotas_before = bench.acceptor.quotas(bench.ann)
    assert queue_rescoring(bench.store.engine, "the scorer was mended", submission=digest) == 1
    assert queue_rescoring(bench.store.engine, "the scorer was mended", submission=digest) == 0
    steps(bench, 1)
    assert bench.results(digest) == [
        (entry, reason) for reason in ("first scoring", "the scorer was mended") for entry in (0, 1)
    ]
    assert bench.acceptor.quotas(bench.ann) == quotas_before
    for reason in ("", "  ", "first scoring"):
        with pytest.raises(NvfairError, match="cannot be a reason"):
            queue_rescoring(bench.store.engine, reason)
    with pytest.raises(NvfairError, match="no scored submission"):
        queue_rescoring(bench.store.engine, "a reason", submission="0" * 64)


def test_files_that_are_gone_fail_the_job_in_words_and_give_the_quota_back(bench: Bench) -> None:
    used_before = bench.acceptor.quotas(bench.ann)["development"].used
    digest = bench.send("gone")
    assert bench.acceptor.quotas(bench.ann)["development"].used == used_before + 2
    (bench.submission_files.folder_of(digest) / "embeddings" / "test.parquet").unlink()
    steps(bench, 1)
    job = bench.job(digest)
    assert job.state == FAILED
    assert "is not there" in job.error
    assert str(bench.submission_files.folder) not in job.error
    assert bench.acceptor.quotas(bench.ann)["development"].used == used_before
    assert bench.results(digest) == []


class Deadly(Examiner):
    """Takes its process with it, as a library's crash does."""

    def score(self, folder: Path, dataset: Path, digest: str) -> list:
        os.abort()


def test_a_scoring_that_crashes_is_tried_again_and_then_given_up(bench: Bench) -> None:
    from leaderboard.submission.sandbox import BoundedChild

    used_before = bench.acceptor.quotas(bench.ann)["development"].used
    digest = bench.send("crashes")
    worker = Worker(bench.board.settings, bench.store.engine, bench.submission_files)
    worker._child = BoundedChild(Deadly, 1024)
    assert worker.step()
    assert (bench.job(digest).state, bench.job(digest).attempts) == (QUEUED, 1)
    wait_until(worker.step)
    worker._child.stop()
    assert (bench.job(digest).state, bench.job(digest).attempts) == (FAILED, 2)
    assert "the process ended with status -6" in bench.job(digest).error
    assert bench.acceptor.quotas(bench.ann)["development"].used == used_before


class Slow(Examiner):
    """Scores for a minute, which is longer than a lease."""

    def score(self, folder: Path, dataset: Path, digest: str) -> list:
        time.sleep(60)
        return []


def test_a_worker_that_is_stopped_gives_its_job_back_and_one_that_works_keeps_its_lease(bench: Bench) -> None:
    from leaderboard.submission.sandbox import BoundedChild

    digest = bench.send("stopped")
    worker = Worker(bench.board.settings, bench.store.engine, bench.submission_files)
    worker._child = BoundedChild(Slow, 1024)
    thread = threading.Thread(target=worker.run)
    thread.start()
    try:
        wait_until(lambda: bench.job(digest).state == LEASED)
        lease = bench.job(digest).leases
        for _ in range(10):  # for longer than a lease lasts
            threading.Event().wait(0.1)
            assert queue.lease_next_job(bench.store.engine, "other", 0, max_leases=100) is None
        assert bench.job(digest).leases == lease
    finally:
        worker.stop()
        thread.join(30)
    assert (bench.job(digest).state, bench.job(digest).leases) == (QUEUED, 0)
    steps(bench, 1)
    assert bench.results(digest) == [(0, "first scoring"), (1, "first scoring")]


_SLOW_WORKER = """
import sys
from pathlib import Path
from leaderboard.server import serve, worker
from leaderboard.settings import read_settings
from tests.leaderboard.server.test_worker import Slow

if __name__ == "__main__":
    worker.Examiner = Slow
    serve.run_worker(read_settings(Path(sys.argv[1])))
"""


def test_a_stop_of_the_whole_process_group_is_no_failed_attempt(bench: Bench, tmp_path: Path) -> None:
    digest = bench.send("group")
    script = tmp_path / "slow_worker.py"
    script.write_text(_SLOW_WORKER)
    process = subprocess.Popen(
        [sys.executable, str(script), str(bench.board.folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    wait_until(lambda: bench.job(digest).state == LEASED, 60)
    time.sleep(0.3)  # the child is at work
    os.killpg(process.pid, signal.SIGTERM)
    log, _ = process.communicate(timeout=1500)
    assert process.returncode == 0, log
    job = bench.job(digest)
    assert (job.state, job.attempts, job.leases, job.error) == (QUEUED, 0, 0, "")
    assert b"given back" in log
    steps(bench, 1)
    assert bench.job(digest).state == DONE


def test_the_command_scores_and_ends_in_order(bench: Bench) -> None:
    digest = bench.send("by command")
    process = Process(bench.board, "worker")
    try:
        wait_until(lambda: bench.job(digest).state == DONE)
    finally:
        status = process.stop()
    assert status == 0
    assert queue.count_jobs(bench.store.engine)[QUEUED] == 0
