"""The worker: leases a job, scores it in a child process, stores what came out. Any number of them may run."""

from __future__ import annotations

import os
import secrets
import socket
import threading
import time

import structlog
from sqlalchemy import Engine
from sqlalchemy.exc import SQLAlchemyError

from leaderboard.settings import Settings
from leaderboard.store import job_queue as queue
from leaderboard.store.datasets import register_datasets
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.job_queue import Lease
from leaderboard.store.results import result_row
from leaderboard.store.tables import ResultRow
from leaderboard.submission.examiner import Examiner
from leaderboard.submission.sandbox import Abandoned, BoundedChild, Fault, LimitReached
from nvfair_tools.errors import NvfairError

_log = structlog.get_logger("worker")
_POLL_SECONDS = 0.5
_LONGEST_PAUSE = 30.0


class Worker:
    """Scores what is queued until it is told to stop."""

    def __init__(self, settings: Settings, engine: Engine, submission_files: SubmissionFiles) -> None:
        self._settings, self._engine, self._submission_files = settings, engine, submission_files
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._child = BoundedChild(Examiner, settings.limits.score_memory_mb)
        self._stop = threading.Event()

    def run(self) -> None:
        """Works until `stop`. A database that does not answer is waited for."""
        register_datasets(self._engine, self._settings)
        _log.info("started", worker=self.name)
        pause = _POLL_SECONDS
        try:
            while not self._stop.is_set():
                try:
                    worked = self.step()
                    pause = _POLL_SECONDS
                except SQLAlchemyError as error:
                    pause = min(_LONGEST_PAUSE, pause * 2)
                    _log.error("database", error=str(error).splitlines()[0], again_after=pause)
                    worked = False
                if not worked:
                    self._stop.wait(pause)
        finally:
            self._child.stop()
            _log.info("stopped", worker=self.name)

    def stop(self) -> None:
        """Ends `run` soon; a job in hand is given back."""
        self._stop.set()

    def step(self) -> bool:
        """Does one job; False when none waits."""
        limits = self._settings.limits
        self._child.warm()  # before the lease begins: starting it may take as long as one lasts
        lease = queue.lease_next_job(self._engine, self.name, limits.lease_seconds, max_leases=limits.leases)
        if lease is None:
            return False
        log = _log.bind(worker=self.name, job=lease.job, lease=lease.number, submission=lease.submission)
        log.info("leased", phase=lease.phase, reason=lease.reason)
        try:
            rows = self._score(lease)
        except Abandoned:
            given = self._stop.is_set() and queue.release_job(self._engine, lease)
            log.warning("given back" if given else "lease lost")
        except (LimitReached, Fault) as error:
            self._failed(lease, error, log)
        except NvfairError as error:  # the submission or the data set is not what it was: trying again changes nothing
            told = str(error).replace(str(self._submission_files.folder_of(lease.submission)), "the submission")
            queue.fail_job(self._engine, lease, told, retry_after=None)
            log.error("failed", error=str(error))
        else:
            kept = queue.finish_job(self._engine, lease, rows)
            log.info("scored" if kept else "lease lost", results=len(rows))
        return True

    def _score(self, lease: Lease) -> list[ResultRow]:
        limits = self._settings.limits
        phase = self._settings.phases.get(lease.phase)
        if phase is None:
            raise NvfairError(f"phase {lease.phase!r} is no longer in the settings")
        extended = time.monotonic()

        def beat() -> bool:
            nonlocal extended
            if self._stop.is_set():
                return False
            if time.monotonic() - extended < limits.lease_seconds / 4:
                return True
            extended = time.monotonic()
            return queue.extend_lease(self._engine, lease, limits.lease_seconds)

        folder, dataset = (
            self._submission_files.folder_of(lease.submission),
            self._settings.datasets[phase.dataset].folder,
        )
        every = min(limits.lease_seconds / 8, 1.0)
        scores = self._child.call(
            "score",
            folder,
            dataset,
            lease.submission,
            seconds=limits.score_seconds,
            should_continue=beat,
            poll_seconds=every,
        )
        return [result_row(score, reason=lease.reason, phase=lease.phase) for score in scores]

    def _failed(self, lease: Lease, error: Exception, log: structlog.stdlib.BoundLogger) -> None:
        limits = self._settings.limits
        tried = queue.count_failed_attempts(self._engine, lease) + 1
        again = limits.lease_seconds / 4 * tried if tried < limits.attempts else None
        # A traceback is for the log; the author is told what happened, not where in our code.
        text = str(error) if isinstance(error, LimitReached) else "the scoring failed; the maintainer's log says why"
        queue.fail_job(self._engine, lease, text, retry_after=again)
        log.error("attempt failed", attempt=tried, again_after=again, error=str(error))
