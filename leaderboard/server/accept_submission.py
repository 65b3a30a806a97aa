"""From an uploaded archive to a job in the database: checked at once, stored by its digest, then queued.

The order makes it safe to be killed at any moment: the files are on the disk under their final name before the database
promises to score them. A crash in between leaves a folder that no row refers to, and the same upload finds it again.
What is refused, by the check or by the quota, is never stored.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from leaderboard.settings import PhaseSetting, Settings
from leaderboard.store.accounts import Account
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.method_names import refuse_taken_name
from leaderboard.store.quota import Quota, get_quota, lock_account
from leaderboard.store.results import add_submission
from leaderboard.store.tables import FAILED, FIRST_SCORING, QUEUED, JobRow, SubmissionRow, utc_now
from leaderboard.submission.examiner import CheckedUpload, Examiner
from leaderboard.submission.sandbox import BoundedChild, Fault, LimitReached
from leaderboard.submission.submission import Submission
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import StorageError, storage_errors
from nvfair_tools.quantities import count_text

_log = structlog.get_logger("intake")


class SubmissionRefused(NvfairError):
    """A submission is refused for a reason other than its content."""


class UnknownPhase(SubmissionRefused):
    """The board has no such phase."""


class PhaseClosed(SubmissionRefused):
    """The phase takes no submissions at this time."""


class SubmittedByOther(SubmissionRefused):
    """Another account has submitted the same files."""


class QuotaUsedUp(SubmissionRefused):
    """The account's quota has too few entries left for a submission.

    entries: of the submission. retry_seconds: until it may submit again; 0 where time alone does not help.
    """

    def __init__(self, phase: str, quota: Quota, entries: int, moment: datetime) -> None:
        is_daily = quota.used + entries <= quota.total and entries <= quota.per_day
        midnight = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.retry_seconds = int((midnight - moment).total_seconds()) + 1 if is_daily else 0
        used, allowed = (quota.used_today, quota.per_day) if is_daily else (quota.used, quota.total)
        if entries > quota.per_day:
            remedy = f"submit at most {count_text(quota.per_day, 'entry')} at once"
        elif is_daily:
            remedy = "come back after midnight UTC"
        else:
            remedy = "submit fewer entries, ask the maintainer for more, or wait for another phase"
        super().__init__(
            f"used: {used} of your {count_text(allowed, 'entry')} {'of today ' if is_daily else ''}to phase {phase!r}; "
            f"this submission has {entries}",
            remedy=remedy,
        )


@dataclass(frozen=True)
class AcceptedSubmission:
    """A submission that the board stored and will score. is_new: False where it was here already and did not count."""

    digest: str
    method: str
    phase: str
    state: str  # of its job
    is_new: bool
    private: bool
    quota: Quota
    left_out: tuple[str, ...] = ()  # names of the archive's entries that file managers add


class SubmissionAcceptor:
    """Checks uploads in `checks_at_once` child processes and queues them; further uploads wait for a free process."""

    def __init__(self, settings: Settings, engine: Engine, submission_files: SubmissionFiles) -> None:
        self._settings, self._engine, self.submission_files = settings, engine, submission_files
        self._children: Queue[BoundedChild] = Queue()
        for _ in range(settings.limits.checks_at_once):
            self._children.put(BoundedChild(Examiner, settings.limits.check_memory_mb))

    def start_child(self) -> None:
        """Starts a child process now, so that the first upload need not wait for it."""
        with self._child() as child:
            child.warm()

    def stop(self) -> None:
        """Ends all child processes of this object."""
        for _ in range(self._settings.limits.checks_at_once):
            self._children.get().stop()

    def accept(
        self, archive: Path, scratch: Path, account: Account, phase: str, *, private: bool, address: str
    ) -> AcceptedSubmission:
        """Checks the zip file `archive`, which lies in `scratch`, stores its files and queues it.

        Raises Problems where the check finds any, StorageError where the disk is full, and NameTaken or a subclass of
        SubmissionRefused otherwise. Only an accepted submission counts against the quota.
        """
        phase_setting = self.open_phase(phase)
        upload = self._check(archive, scratch, phase_setting, account, address)
        submission = Submission.model_validate_json(upload.declaration)
        with storage_errors():
            self.submission_files.flush(upload.folder)
            for is_last_attempt in (False, True):
                try:
                    return self._store(upload, submission, account, phase, private, address)
                except IntegrityError:  # another account sent the same files at this moment: now they are stored
                    if is_last_attempt:
                        raise
        raise AssertionError("the second attempt returns or raises")

    def _store(
        self,
        upload: CheckedUpload,
        submission: Submission,
        account: Account,
        phase: str,
        private: bool,
        address: str,
    ) -> AcceptedSubmission:
        """Queues the submission and moves its files to their place, in one transaction: both happen, or neither."""
        digest = upload.digest
        with ExitStack() as locks:
            was_added = False
            try:
                with write_session(self._engine) as session:
                    lock_account(session, account.id)
                    accepted = self._queue(session, digest, submission, account, phase, private, address)
                    # After the row was written, so that of two uploads of the same files only one comes here.
                    locks.enter_context(self.submission_files.locked(digest))
                    was_added = self.submission_files.place(upload.folder, digest)
                return replace(accepted, left_out=upload.left_out)
            except BaseException:
                if was_added and not self._is_stored(digest):
                    self.submission_files.take_back(digest, upload.folder)
                raise

    def _is_stored(self, digest: str) -> bool:
        """Whether the database has the submission, or may have it because it does not answer."""
        try:
            with read_session(self._engine) as session:
                return session.get(SubmissionRow, digest) is not None
        except SQLAlchemyError:
            return True

    def quotas(self, account: Account) -> dict[str, Quota]:
        """The account's quota in each phase."""
        with read_session(self._engine) as session:
            return {name: self._quota(session, account, name, utc_now()) for name in self._settings.phases}

    def open_phase(self, name: str) -> PhaseSetting:
        """The setting of the phase called `name`. Raises UnknownPhase, or PhaseClosed where it takes nothing now."""
        setting = self._settings.phases.get(name)
        if setting is None:
            raise UnknownPhase(f"phase {name!r} is unknown", expected=f"one of {', '.join(self._settings.phases)}")
        if not setting.open_at(utc_now()):
            raise PhaseClosed(
                f"phase {name!r} takes no submissions now",
                expected=f"a time from {setting.opens or 'the beginning'} to {setting.closes or 'the end'}",
            )
        return setting

    def _check(
        self, archive: Path, scratch: Path, phase: PhaseSetting, account: Account, address: str
    ) -> CheckedUpload:
        """Unpacks and checks an upload in a child process. Raises Problems, after a line in the audit log."""
        limits, dataset = self._settings.limits, self._settings.datasets[phase.dataset].folder
        try:
            with self._child() as child:
                upload: CheckedUpload = child.call(
                    "check_upload", archive, scratch, dataset, seconds=limits.check_seconds
                )
                return upload
        except LimitReached as error:
            problems = [f"the check was stopped: {error.what}; send smaller or plainer files"]
            self._record_refusal(account, address, problems)
            raise Problems("the upload", problems) from error
        except StorageError as error:
            _log.error("no room", account=account.name, error=str(error).splitlines()[0])
            raise
        except Problems as error:
            self._record_refusal(account, address, error.problems)
            raise
        except Fault as error:
            _log.error("the check failed", account=account.name, error=str(error))
            problems = [
                "the check failed on these files in a way that nobody foresaw; tell the maintainer, who has a log"
            ]
            self._record_refusal(account, address, problems)
            raise Problems("the upload", problems) from error
        except NvfairError as error:
            self._record_refusal(account, address, [str(error)])
            raise Problems("the upload", [str(error)]) from error

    def _record_refusal(self, account: Account, address: str, problems: list[str] | tuple[str, ...]) -> None:
        with write_session(self._engine) as session:
            first = problems[0][:300] if problems else ""
            details: dict[str, object] = {"problems": len(problems), "first": first}
            record_action(session, account.actor, "upload refused", "", address=address, details=details)

    def _queue(
        self,
        session: Session,
        digest: str,
        submission: Submission,
        account: Account,
        phase: str,
        private: bool,
        address: str,
    ) -> AcceptedSubmission:
        """Adds the submission and its job in the caller's transaction, unless it has a job that has not failed."""
        stored = session.get(SubmissionRow, digest)
        if stored is not None and stored.account != account.id:
            raise SubmittedByOther(
                "these very files were submitted by another account",
                remedy="change the declaration if the submission is yours too, or ask the maintainer",
            )
        if stored is None and not private:
            refuse_taken_name(session, submission.method, account.id)
        job = session.scalar(
            select(JobRow).where(JobRow.submission == digest, JobRow.phase == phase, JobRow.reason == FIRST_SCORING)
        )
        moment = utc_now()
        is_new = False
        if job is None or job.state == FAILED:
            is_new = True
            quota_before = self._quota(session, account, phase, moment)
            if quota_before.left < len(submission.entries):
                raise QuotaUsedUp(phase, quota_before, len(submission.entries), moment)
            add_submission(session, digest, submission, account=account.id, private=private)
            if job is None:
                job = JobRow(submission=digest, account=account.id, phase=phase, reason=FIRST_SCORING, created=moment)
                session.add(job)
            job.state, job.available, job.leases, job.attempts = QUEUED, moment, 0, 0
            job.entries = len(submission.entries)
            job.created, job.finished, job.error, job.lease_until, job.worker = moment, None, "", None, None
            details: dict[str, object] = {"phase": phase, "method": submission.method}
            record_action(session, account.actor, "submission accepted", digest, address=address, details=details)
            session.flush()
        else:
            details = {"phase": phase}
            record_action(session, account.actor, "submission repeated", digest, address=address, details=details)
        stored = session.get(SubmissionRow, digest)
        assert stored is not None
        quota = self._quota(session, account, phase, moment)
        return AcceptedSubmission(digest, submission.method, phase, job.state, is_new, stored.private, quota)

    def _quota(self, session: Session, account: Account, phase: str, moment: datetime) -> Quota:
        stuck_hours = self._settings.limits.stuck_hours
        return get_quota(session, account.id, phase, self._settings.phases[phase], moment, stuck_hours=stuck_hours)

    @contextmanager
    def _child(self) -> Iterator[BoundedChild]:
        child = self._children.get()
        try:
            yield child
        finally:
            self._children.put(child)
