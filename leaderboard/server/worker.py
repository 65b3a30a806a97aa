"""The worker: leases a job, scores it in a child process and stores the results. Any number of workers may run."""

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
from leaderboard.store import job_queue
from leaderboard.store.database import database_errors
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
_MAX_PAUSE_SECONDS = 30.0


class Worker:
    """Scores queued submissions until it is stopped."""

    def __init__(self, settings: Settings, engine: Engine, submission_files: SubmissionFiles) -> None:
        self._settings, self._engine, self._submission_files = settings, engine, submission_files
        self.name = f"{socket.gethostname()}:{os.getpid()}:{secrets.token_hex(3)}"
        self._child = BoundedChild(Examiner, settings.limits.score_memory_mb)
        self._stop = threading.Event()

    def run(self) -> None:
        """Works until `stop`. It keeps trying where the database does not answer, or a child process does not start."""
        with database_errors(self._settings.store):
            register_datasets(self._engine, self._settings)
        _log.info("started", worker=self.name)
        pause = _POLL_SECONDS
        try:
            while not self._stop.is_set():
                try:
                    did_job = self.step()
                    pause = _POLL_SECONDS
                except (SQLAlchemyError, LimitReached) as error:  # LimitReached: the child process did not start
                    pause = min(_MAX_PAUSE_SECONDS, pause * 2)
                    what = "database" if isinstance(error, SQLAlchemyError) else "child process"
                    _log.error(what, error=str(error).splitlines()[0], again_after=pause)
                    did_job = False
                if not did_job:
                    self._stop.wait(pause)
        finally:
            self._child.stop()
            _log.info("stopped", worker=self.name)

    def stop(self) -> None:
        """Ends `run` soon. A job that is being scored goes back into the queue."""
        self._stop.set()

    def step(self) -> bool:
        """Does one job; False when no job waits."""
        limits = self._settings.limits
        self._child.warm()  # before the lease begins: starting the process may take as long as a lease lasts
        lease = job_queue.lease_next_job(self._engine, self.name, limits.lease_seconds, max_leases=limits.leases)
        if lease is None:
            return False
        log = _log.bind(worker=self.name, job=lease.job, lease=lease.number, submission=lease.submission)
        log.info("leased", phase=lease.phase, reason=lease.reason)
        try:
            rows = self._score(lease)
        except Abandoned:
            is_released = self._stop.is_set() and job_queue.release_job(self._engine, lease)
            log.warning("given back" if is_released else "lease lost")
        except (LimitReached, Fault) as error:
            if self._stop.is_set() and job_queue.release_job(self._engine, lease):
                log.warning("given back")  # what stopped the worker may have ended its child first
            else:
                self._fail_attempt(lease, error, log)
        except NvfairError as error:  # the submission or the data set has changed: trying again would not help
            message = self._public_message(error, lease)
            job_queue.fail_job(self._engine, lease, message, retry_after=None)
            log.error("failed", error=str(error))
        else:
            is_stored = job_queue.finish_job(self._engine, lease, rows)
            log.info("scored" if is_stored else "lease lost", results=len(rows))
        return True

    def _score(self, lease: Lease) -> list[ResultRow]:
        """Scores a submission in the child process, and extends the lease meanwhile."""
        limits = self._settings.limits
        phase = self._settings.phases.get(lease.phase)
        if phase is None:
            raise NvfairError(f"phase {lease.phase!r} is no longer in the settings")
        extended_at = time.monotonic()

        def may_continue() -> bool:
            nonlocal extended_at
            if self._stop.is_set():
                return False
            if time.monotonic() - extended_at < limits.lease_seconds / 4:
                return True
            extended_at = time.monotonic()
            return job_queue.extend_lease(self._engine, lease, limits.lease_seconds)

        folder = self._submission_files.folder_of(lease.submission)
        dataset = self._settings.datasets[phase.dataset].folder
        scores = self._child.call(
            "score",
            folder,
            dataset,
            lease.submission,
            seconds=limits.score_seconds,
            should_continue=may_continue,
            poll_seconds=min(limits.lease_seconds / 8, 1.0),
        )
        return [result_row(score, reason=lease.reason, phase=lease.phase) for score in scores]

    def _public_message(self, error: NvfairError, lease: Lease) -> str:
        """Why a job has failed, for the author: of a hidden set, whose videos an error may name, only that it did."""
        phase = self._settings.phases.get(lease.phase)
        if phase is not None and self._settings.datasets[phase.dataset].feedback == "coarse":
            return "the scoring failed; the maintainer's log says why"
        return str(error).replace(str(self._submission_files.folder_of(lease.submission)), "the submission")

    def _fail_attempt(self, lease: Lease, error: Exception, log: structlog.stdlib.BoundLogger) -> None:
        """Records a failed attempt. The job is tried again later, unless this was the last attempt."""
        limits = self._settings.limits
        attempt = job_queue.count_failed_attempts(self._engine, lease) + 1
        retry_after = limits.lease_seconds / 4 * attempt if attempt < limits.attempts else None
        # The log has the traceback; authors read what happened, not where in the code.
        is_limit = isinstance(error, LimitReached)
        message = str(error) if is_limit else "the scoring failed; the maintainer's log says why"
        job_queue.fail_job(self._engine, lease, message, retry_after=retry_after)
        log.error("attempt failed", attempt=attempt, again_after=retry_after, error=str(error))
