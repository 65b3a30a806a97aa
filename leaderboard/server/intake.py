"""From an uploaded archive to a durable job: checked at once, kept by its content, then queued.

The order is what makes it safe to be killed at any moment: the files are on the disk under their final name before the
database promises to score them. What is left by a crash in between is a folder that nobody refers to, and the same
upload finds it again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import Queue

import structlog
from sqlalchemy import Engine, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from leaderboard.settings import PhaseSetting, Settings
from leaderboard.store.accounts import Account
from leaderboard.store.audit_log import record_action
from leaderboard.store.database import read_session, write_session
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.quota import Quota, get_quota, lock_account
from leaderboard.store.results import add_submission
from leaderboard.store.tables import FAILED, FIRST_SCORING, QUEUED, JobRow, SubmissionRow, utc_now
from leaderboard.submission.examiner import CheckedUpload, Examiner
from leaderboard.submission.sandbox import BoundedChild, Fault, LimitReached
from leaderboard.submission.submission import Submission
from nvfair_tools.errors import NvfairError, Problems

_log = structlog.get_logger("intake")


class Refused(NvfairError):
    """A submission that is not taken for a reason other than its content."""


class UnknownPhase(Refused):
    """There is no such phase."""


class PhaseClosed(Refused):
    """Submissions are not taken now."""


class Taken(Refused):
    """Another account has submitted the same files."""


class QuotaUsed(Refused):
    """Nothing is left of the person's quota; `seconds` until there may be."""

    def __init__(self, phase: str, state: Quota, moment: datetime) -> None:
        daily = state.used < state.total
        midnight = (moment + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
        self.seconds = int((midnight - moment).total_seconds()) + 1 if daily else 0
        used, of = (state.used_today, state.per_day) if daily else (state.used, state.total)
        super().__init__(
            f"your {of} submissions {'of today ' if daily else ''}to phase {phase!r} are used ({used})",
            remedy="come back after midnight UTC"
            if daily
            else "ask the maintainer for more, or wait for another phase",
        )


@dataclass(frozen=True)
class Accepted:
    """A submission that is on the board's books."""

    digest: str
    method: str
    phase: str
    state: str  # of its job
    new: bool  # False: it was here already, and nothing was counted
    private: bool
    quota: Quota


class Intake:
    """Takes uploads. Keeps `checks_at_once` child processes; further uploads wait for one."""

    def __init__(self, settings: Settings, engine: Engine, submission_files: SubmissionFiles) -> None:
        self._settings, self._engine, self.submission_files = settings, engine, submission_files
        self._children: Queue[BoundedChild] = Queue()
        for _ in range(settings.limits.checks_at_once):
            self._children.put(BoundedChild(Examiner, settings.limits.check_memory_mb))

    def warm(self) -> None:
        """Starts the child processes now."""
        with self._child() as child:
            child.warm()

    def stop(self) -> None:
        """Ends the child processes."""
        for _ in range(self._settings.limits.checks_at_once):
            self._children.get().stop()

    def accept(
        self, archive: Path, aside: Path, account: Account, phase: str, *, private: bool, address: str
    ) -> Accepted:
        """Checks the zip file `archive`, which lies in `aside`, and queues it.

        Raises Problems where the check finds any, and a kind of Refused otherwise. Only what is accepted counts.
        """
        settings = self._phase(phase)
        examined = self._examine(archive, aside, settings, account, address)
        self.submission_files.add(examined.folder, examined.digest)
        submission = Submission.model_validate_json(examined.declaration)
        for last in (False, True):
            try:
                with write_session(self._engine) as session:
                    lock_account(session, account.id)
                    return self._book(session, examined.digest, submission, account, phase, private, address)
            except IntegrityError:  # another account sent the same files at this very moment: now they are there
                if last:
                    raise
        raise AssertionError("the second round returns or raises")

    def quotas(self, account: Account) -> dict[str, Quota]:
        """The account's quota in each phase."""
        with read_session(self._engine) as session:
            return {name: self._quota(session, account, name, utc_now()) for name in self._settings.phases}

    def _phase(self, name: str) -> PhaseSetting:
        settings = self._settings.phases.get(name)
        if settings is None:
            raise UnknownPhase(f"phase {name!r} is unknown", expected=f"one of {', '.join(self._settings.phases)}")
        if not settings.open_at(utc_now()):
            raise PhaseClosed(
                f"phase {name!r} takes no submissions now",
                expected=f"a time from {settings.opens or 'the beginning'} to {settings.closes or 'the end'}",
            )
        return settings

    def _examine(
        self, archive: Path, aside: Path, phase: PhaseSetting, account: Account, address: str
    ) -> CheckedUpload:
        limits, dataset = self._settings.limits, self._settings.datasets[phase.dataset].folder
        try:
            with self._child() as child:
                examined: CheckedUpload = child.call(
                    "check_upload", archive, aside, dataset, seconds=limits.check_seconds
                )
                return examined
        except LimitReached as error:
            told = [f"the check was stopped: {error.what}; send smaller or plainer files"]
            self._refusal(account, address, told)
            raise Problems("the upload", told) from error
        except Problems as error:
            self._refusal(account, address, error.problems)
            raise
        except Fault as error:
            _log.error("the check failed", account=account.name, error=str(error))
            told = ["the check failed on these files in a way that nobody foresaw; tell the maintainer, who has a log"]
            self._refusal(account, address, told)
            raise Problems("the upload", told) from error
        except NvfairError as error:
            self._refusal(account, address, [str(error)])
            raise Problems("the upload", [str(error)]) from error

    def _refusal(self, account: Account, address: str, problems: list[str] | tuple[str, ...]) -> None:
        with write_session(self._engine) as session:
            first = problems[0][:300] if problems else ""
            details: dict[str, object] = {"problems": len(problems), "first": first}
            record_action(session, account.actor, "upload refused", "", address=address, details=details)

    def _book(
        self,
        session: Session,
        digest: str,
        submission: Submission,
        account: Account,
        phase: str,
        private: bool,
        address: str,
    ) -> Accepted:
        known = session.get(SubmissionRow, digest)
        if known is not None and known.account != account.id:
            raise Taken(
                "these very files were submitted by another account",
                remedy="change the declaration if the submission is yours too, or ask the maintainer",
            )
        job = session.scalar(
            select(JobRow).where(JobRow.submission == digest, JobRow.phase == phase, JobRow.reason == FIRST_SCORING)
        )
        moment = utc_now()
        if job is None or job.state == FAILED:
            before = self._quota(session, account, phase, moment)
            if not before.left:
                raise QuotaUsed(phase, before, moment)
            add_submission(session, digest, submission, account=account.id, private=private)
            new = True
            if job is None:
                job = JobRow(submission=digest, account=account.id, phase=phase, reason=FIRST_SCORING, created=moment)
                session.add(job)
            job.state, job.available, job.leases, job.attempts = QUEUED, moment, 0, 0
            job.created, job.finished, job.error, job.lease_until, job.worker = moment, None, "", None, None
            details: dict[str, object] = {"phase": phase, "method": submission.method}
            record_action(session, account.actor, "submission accepted", digest, address=address, details=details)
            session.flush()
        else:
            new = False
            record_action(
                session, account.actor, "submission repeated", digest, address=address, details={"phase": phase}
            )
        kept = session.get(SubmissionRow, digest)
        assert kept is not None
        after = self._quota(session, account, phase, moment)
        return Accepted(digest, submission.method, phase, job.state, new, kept.private, after)

    def _quota(self, session: Session, account: Account, phase: str, moment: datetime) -> Quota:
        stuck = self._settings.limits.stuck_hours
        return get_quota(session, account.id, phase, self._settings.phases[phase], moment, stuck_hours=stuck)

    @contextmanager
    def _child(self) -> Iterator[BoundedChild]:
        child = self._children.get()
        try:
            yield child
        finally:
            self._children.put(child)
