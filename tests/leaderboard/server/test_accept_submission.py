"""Uploads are checked, kept and queued; quotas are a person's, and only what is accepted counts."""

import json
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update

from leaderboard.server.accept_submission import (
    AcceptedSubmission,
    PhaseClosed,
    QuotaUsedUp,
    SubmissionAcceptor,
    SubmittedByOther,
    UnknownPhase,
)
from leaderboard.store import job_queue as queue
from leaderboard.store.audit_log import read_audit_log
from leaderboard.store.database import read_session, write_session
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.method_names import NameTaken
from leaderboard.store.quota import set_quota
from leaderboard.store.results import Store
from leaderboard.store.tables import FAILED, JobRow, SubmissionRow, utc_now
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from tests.leaderboard.board_process import Board, copy_with_method, create_account, zip_folder


class Uploader:
    """Accepts submissions without a server."""

    def __init__(self, board: Board, store: Store, scratch: Path) -> None:
        self.board, self.store, self.scratch = board, store, scratch
        self.submission_files = SubmissionFiles(board.settings.files)
        self.acceptor = SubmissionAcceptor(board.settings, store.engine, self.submission_files)
        self.ann, self.bob = create_account(store, "ann"), create_account(store, "bob")

    def send(self, archive: Path, phase: str = "tight", *, account=None, private: bool = False) -> AcceptedSubmission:
        with self.submission_files.scratch_folder() as scratch:
            shutil.copy(archive, scratch / "upload.zip")
            return self.acceptor.accept(
                scratch / "upload.zip", scratch, account or self.ann, phase, private=private, address="127.0.0.1"
            )

    def jobs(self) -> list[JobRow]:
        with read_session(self.store.engine) as session:
            return list(session.scalars(select(JobRow).order_by(JobRow.id)))


@pytest.fixture(scope="module")
def archives(
    tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, valid_submission: Path
) -> Callable[[str], Path]:
    scratch = tmp_path_factory.mktemp("archives")

    def make(method: str) -> Path:
        path = scratch / f"{method}.zip"
        return path if path.exists() else zip_folder(copy_with_method(valid_submission, scratch / method, method), path)

    return make


@pytest.fixture(scope="module")
def shared_uploader(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, fresh_url) -> Iterator[Uploader]:
    """Its child process serves the whole module; each test gets new accounts."""
    folder = tmp_path_factory.mktemp("uploader")
    board = Board(folder / "board", fresh_url(), dataset)
    store = board.store()
    uploader = Uploader(board, store, folder)
    yield uploader
    uploader.acceptor.stop()
    store.close()


@pytest.fixture
def uploader(shared_uploader: Uploader, request: pytest.FixtureRequest) -> Uploader:
    name = request.node.name[:60]
    shared_uploader.ann, shared_uploader.bob = (
        create_account(shared_uploader.store, f"a {name}"),
        create_account(shared_uploader.store, f"b {name}"),
    )
    return shared_uploader


def test_an_upload_is_stored_by_its_content_and_queued(uploader: Uploader, archives) -> None:
    accepted = uploader.send(archives("kept"))
    assert (accepted.is_new, accepted.state, accepted.quota.left) == (True, "queued", 2)
    folder = uploader.submission_files.folder_of(accepted.digest)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "embeddings/test.parquet",
        "submission.yaml",
    ]
    assert list((uploader.submission_files.folder / ".incoming").iterdir()) == []
    assert [row.action for row in read_audit_log(uploader.store.engine, subject=accepted.digest)] == [
        "submission accepted"
    ]


def test_a_folder_within_the_archive_and_files_that_are_not_named_do_not_matter(
    uploader: Uploader, archives, valid_submission, tmp_path
) -> None:
    folder = copy_with_method(valid_submission, tmp_path / "inside", "inside")
    plain = uploader.send(zip_folder(folder, tmp_path / "plain.zip"))
    (folder / "notes.txt").write_text("not named by the declaration")
    again = uploader.send(zip_folder(folder, tmp_path / "wrapped.zip", inside="my-submission/"))
    assert (again.digest, again.is_new) == (plain.digest, False)


def test_the_same_files_again_cost_nothing(uploader: Uploader, archives) -> None:
    first = uploader.send(archives("replayed"))
    for _ in range(3):
        again = uploader.send(archives("replayed"))
        assert (again.digest, again.is_new, again.quota) == (first.digest, False, first.quota)
    assert len([job for job in uploader.jobs() if job.submission == first.digest]) == 1


def test_a_refused_upload_is_free_and_leaves_nothing(
    uploader: Uploader, valid_submission: Path, tmp_path: Path
) -> None:
    folder = copy_with_method(valid_submission, tmp_path / "bad", "bad")
    (folder / "embeddings" / "test.parquet").write_bytes(b"PAR1 and nothing else")
    jobs_before, digests_before = len(uploader.jobs()), set(uploader.submission_files.digests())
    with pytest.raises(Problems) as caught:
        uploader.send(zip_folder(folder, tmp_path / "bad.zip"))
    assert len(caught.value.problems) == 1  # two entries, one file
    assert str(uploader.submission_files.folder) not in str(caught.value)
    assert len(uploader.jobs()) == jobs_before
    assert set(uploader.submission_files.digests()) == digests_before
    assert uploader.acceptor.quotas(uploader.ann)["tight"].used == 0


def test_the_quota_is_the_persons_and_the_phases(uploader: Uploader, archives) -> None:
    uploader.send(archives("q1"))
    uploader.send(archives("q2"))
    with pytest.raises(QuotaUsedUp, match="used: 4 of your 4 entries to phase 'tight'; this submission has 2"):
        uploader.send(archives("q3"))
    assert uploader.send(archives("q3"), "development").is_new
    assert not uploader.send(archives("q1")).is_new  # a replay is answered even now
    assert uploader.send(archives("q4"), account=uploader.bob).is_new


def test_a_days_quota_says_when_it_comes_back(uploader: Uploader, archives) -> None:
    with write_session(uploader.store.engine) as session:
        set_quota(session, uploader.ann.id, "tight", 10, 3)
    uploader.send(archives("day1"))
    with pytest.raises(QuotaUsedUp, match=r"(?s)2 of your 3 entries of today.*has 2.*midnight UTC") as caught:
        uploader.send(archives("day2"))
    assert 0 < caught.value.retry_seconds <= 24 * 3600 + 1
    with write_session(uploader.store.engine) as session:
        session.execute(
            update(JobRow)
            .where(JobRow.account == uploader.ann.id)
            .values(created=utc_now() - timedelta(days=1), state="done")
        )
    assert uploader.send(archives("day2")).is_new


def test_a_submission_with_more_entries_than_a_day_has_is_told_so(uploader: Uploader, archives) -> None:
    with write_session(uploader.store.engine) as session:
        set_quota(session, uploader.ann.id, "tight", 10, 1)
    with pytest.raises(QuotaUsedUp, match=r"(?s)this submission has 2.*at most 1 entry at once") as caught:
        uploader.send(archives("large"))
    assert caught.value.retry_seconds == 0
    assert uploader.acceptor.quotas(uploader.ann)["tight"].used == 0


def test_a_failed_job_gives_its_quota_back_and_may_be_tried_again(uploader: Uploader, archives) -> None:
    digest = uploader.send(archives("fails")).digest
    with write_session(uploader.store.engine) as session:
        session.execute(update(JobRow).where(JobRow.submission == digest).values(state=FAILED, error="crashed"))
    assert uploader.acceptor.quotas(uploader.ann)["tight"].used == 0
    again = uploader.send(archives("fails"))
    assert (again.is_new, again.state, again.quota.used) == (True, "queued", 2)


def test_a_job_that_waits_for_very_long_does_not_count_against_the_quota(uploader: Uploader, archives) -> None:
    digest = uploader.send(archives("stuck")).digest
    hours = uploader.board.settings.limits.stuck_hours
    with write_session(uploader.store.engine) as session:
        long_ago = utc_now() - timedelta(hours=hours, minutes=1)
        session.execute(update(JobRow).where(JobRow.submission == digest).values(created=long_ago))
    assert uploader.acceptor.quotas(uploader.ann)["tight"].used == 0


def test_two_uploads_at_once_cannot_both_be_the_last(uploader: Uploader, archives) -> None:
    race_archives = [archives(f"race{n}") for n in range(4)]

    def send(archive: Path) -> bool:
        try:
            return uploader.send(archive).is_new
        except QuotaUsedUp:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, race_archives)) == [False, False, True, True]


def test_anothers_files_are_refused_and_change_nothing(uploader: Uploader, archives) -> None:
    digest = uploader.send(archives("mine")).digest
    with pytest.raises(SubmittedByOther, match="another account"):
        uploader.send(archives("mine"), account=uploader.bob)
    with read_session(uploader.store.engine) as session:
        assert session.get(SubmissionRow, digest).account == uploader.ann.id
    assert uploader.acceptor.quotas(uploader.bob)["tight"].used == 0


def test_a_name_like_that_of_anothers_method_is_refused(uploader: Uploader, archives) -> None:
    uploader.send(archives("Famous Net"))
    with pytest.raises(NameTaken, match="'FamousNet' looks like 'Famous Net', a method of another account"):
        uploader.send(archives("FamousNet"), account=uploader.bob)
    assert uploader.acceptor.quotas(uploader.bob)["tight"].used == 0
    assert uploader.send(archives("FamousNet")).is_new  # of the same account


def test_unknown_and_closed_phases_are_refused(uploader: Uploader, archives) -> None:
    with pytest.raises(UnknownPhase, match="'no such'"):
        uploader.send(archives("phases"), "no such")
    with pytest.raises(PhaseClosed, match="no submissions now"):
        uploader.send(archives("phases"), "over")


def test_the_declaration_is_stored_whole(uploader: Uploader, archives) -> None:
    digest = uploader.send(archives("whole")).digest
    with read_session(uploader.store.engine) as session:
        declaration = json.loads(session.get(SubmissionRow, digest).declaration)
    assert (declaration["method"], declaration["contact"]) == ("whole", "private@example.org")


def test_files_that_a_crash_left_without_a_row_are_found_again(uploader: Uploader, archives) -> None:
    digest = uploader.send(archives("crash"), "development").digest
    with write_session(uploader.store.engine) as session:  # as if the database had never heard of it
        session.execute(JobRow.__table__.delete().where(JobRow.submission == digest))
        session.execute(SubmissionRow.__table__.delete().where(SubmissionRow.digest == digest))
    assert uploader.submission_files.folder_of(digest).is_dir()
    assert uploader.send(archives("crash"), "development").is_new
    assert queue.count_jobs(uploader.store.engine)["queued"] >= 1
