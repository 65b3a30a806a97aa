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
from leaderboard.store.quota import set_quota
from leaderboard.store.results import Store
from leaderboard.store.tables import FAILED, JobRow, SubmissionRow, utc_now
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import Problems
from tests.leaderboard.board_process import Board, copy_with_method, create_account, zip_folder


class Desk:
    """Accepts submissions without a server."""

    def __init__(self, board: Board, store: Store, scratch: Path) -> None:
        self.board, self.store, self.scratch = board, store, scratch
        self.submission_files = SubmissionFiles(board.settings.files)
        self.acceptor = SubmissionAcceptor(board.settings, store.engine, self.submission_files)
        self.ann, self.bob = create_account(store, "ann"), create_account(store, "bob")

    def send(self, archive: Path, phase: str = "tight", *, who=None, private: bool = False) -> AcceptedSubmission:
        with self.submission_files.scratch_folder() as aside:
            shutil.copy(archive, aside / "upload.zip")
            return self.acceptor.accept(
                aside / "upload.zip", aside, who or self.ann, phase, private=private, address="127.0.0.1"
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
def shared_desk(tmp_path_factory: pytest.TempPathFactory, dataset: Dataset, fresh_url) -> Iterator[Desk]:
    """The child process is kept over the module; each test gets a person's fresh quota."""
    folder = tmp_path_factory.mktemp("desk")
    board = Board(folder / "board", fresh_url(), dataset)
    store = board.store()
    desk = Desk(board, store, folder)
    yield desk
    desk.acceptor.stop()
    store.close()


@pytest.fixture
def desk(shared_desk: Desk, request: pytest.FixtureRequest) -> Desk:
    name = request.node.name[:60]
    shared_desk.ann, shared_desk.bob = (
        create_account(shared_desk.store, f"a {name}"),
        create_account(shared_desk.store, f"b {name}"),
    )
    return shared_desk


def test_an_upload_is_kept_by_its_content_and_queued(desk: Desk, archives) -> None:
    accepted = desk.send(archives("kept"))
    assert (accepted.is_new, accepted.state, accepted.quota.left) == (True, "queued", 1)
    folder = desk.submission_files.folder_of(accepted.digest)
    assert sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()) == [
        "embeddings/test.parquet",
        "submission.yaml",
    ]
    assert list((desk.submission_files.folder / ".incoming").iterdir()) == []
    assert [row.action for row in read_audit_log(desk.store.engine, subject=accepted.digest)] == ["submission accepted"]


def test_a_folder_within_the_archive_and_files_beside_are_of_no_matter(
    desk: Desk, archives, valid_submission, tmp_path
) -> None:
    folder = copy_with_method(valid_submission, tmp_path / "inside", "inside")
    plain = desk.send(zip_folder(folder, tmp_path / "plain.zip"))
    (folder / "notes.txt").write_text("not named by the declaration")
    again = desk.send(zip_folder(folder, tmp_path / "wrapped.zip", inside="my-submission/"))
    assert (again.digest, again.is_new) == (plain.digest, False)


def test_the_same_files_again_cost_nothing(desk: Desk, archives) -> None:
    first = desk.send(archives("replayed"))
    for _ in range(3):
        again = desk.send(archives("replayed"))
        assert (again.digest, again.is_new, again.quota) == (first.digest, False, first.quota)
    assert len([job for job in desk.jobs() if job.submission == first.digest]) == 1


def test_a_refused_upload_is_free_and_leaves_nothing(desk: Desk, valid_submission: Path, tmp_path: Path) -> None:
    folder = copy_with_method(valid_submission, tmp_path / "bad", "bad")
    (folder / "embeddings" / "test.parquet").write_bytes(b"PAR1 and nothing else")
    before, stored = len(desk.jobs()), set(desk.submission_files.digests())
    with pytest.raises(Problems) as caught:
        desk.send(zip_folder(folder, tmp_path / "bad.zip"))
    assert len(caught.value.problems) == 1  # two entries, one file
    assert str(desk.submission_files.folder) not in str(caught.value)
    assert len(desk.jobs()) == before
    assert set(desk.submission_files.digests()) == stored
    assert desk.acceptor.quotas(desk.ann)["tight"].used == 0


def test_the_quota_is_the_persons_and_the_phases(desk: Desk, archives) -> None:
    desk.send(archives("q1"))
    desk.send(archives("q2"))
    with pytest.raises(QuotaUsedUp, match="your 2 submissions to phase 'tight' are used"):
        desk.send(archives("q3"))
    assert desk.send(archives("q3"), "development").is_new
    assert not desk.send(archives("q1")).is_new  # a replay is answered even now
    assert desk.send(archives("q4"), who=desk.bob).is_new


def test_a_days_quota_says_when_it_comes_back(desk: Desk, archives) -> None:
    with write_session(desk.store.engine) as session:
        set_quota(session, desk.ann.id, "tight", 10, 1)
    desk.send(archives("day1"))
    with pytest.raises(QuotaUsedUp, match=r"(?s)of today.*midnight UTC") as caught:
        desk.send(archives("day2"))
    assert 0 < caught.value.retry_seconds <= 24 * 3600 + 1
    with write_session(desk.store.engine) as session:
        session.execute(
            update(JobRow)
            .where(JobRow.account == desk.ann.id)
            .values(created=utc_now() - timedelta(days=1), state="done")
        )
    assert desk.send(archives("day2")).is_new


def test_a_failed_job_gives_its_quota_back_and_may_be_tried_again(desk: Desk, archives) -> None:
    digest = desk.send(archives("fails")).digest
    with write_session(desk.store.engine) as session:
        session.execute(update(JobRow).where(JobRow.submission == digest).values(state=FAILED, error="crashed"))
    assert desk.acceptor.quotas(desk.ann)["tight"].used == 0
    again = desk.send(archives("fails"))
    assert (again.is_new, again.state, again.quota.used) == (True, "queued", 1)


def test_a_job_that_waits_for_very_long_does_not_eat_quota(desk: Desk, archives) -> None:
    digest = desk.send(archives("stuck")).digest
    hours = desk.board.settings.limits.stuck_hours
    with write_session(desk.store.engine) as session:
        long_ago = utc_now() - timedelta(hours=hours, minutes=1)
        session.execute(update(JobRow).where(JobRow.submission == digest).values(created=long_ago))
    assert desk.acceptor.quotas(desk.ann)["tight"].used == 0


def test_two_uploads_at_once_cannot_both_be_the_last(desk: Desk, archives) -> None:
    made = [archives(f"race{n}") for n in range(4)]

    def send(archive: Path) -> bool:
        try:
            return desk.send(archive).is_new
        except QuotaUsedUp:
            return False

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(send, made)) == [False, False, True, True]


def test_anothers_files_are_refused_and_change_nothing(desk: Desk, archives) -> None:
    digest = desk.send(archives("mine")).digest
    with pytest.raises(SubmittedByOther, match="another account"):
        desk.send(archives("mine"), who=desk.bob)
    with read_session(desk.store.engine) as session:
        assert session.get(SubmissionRow, digest).account == desk.ann.id
    assert desk.acceptor.quotas(desk.bob)["tight"].used == 0


def test_unknown_and_closed_phases_are_refused(desk: Desk, archives) -> None:
    with pytest.raises(UnknownPhase, match="'no such'"):
        desk.send(archives("phases"), "no such")
    with pytest.raises(PhaseClosed, match="no submissions now"):
        desk.send(archives("phases"), "over")


def test_the_declaration_is_kept_whole(desk: Desk, archives) -> None:
    digest = desk.send(archives("whole")).digest
    with read_session(desk.store.engine) as session:
        declaration = json.loads(session.get(SubmissionRow, digest).declaration)
    assert (declaration["method"], declaration["contact"]) == ("whole", "private@example.org")


def test_files_that_a_crash_left_without_a_row_are_found_again(desk: Desk, archives) -> None:
    digest = desk.send(archives("crash"), "development").digest
    with write_session(desk.store.engine) as session:  # as if the database had never heard of it
        session.execute(JobRow.__table__.delete().where(JobRow.submission == digest))
        session.execute(SubmissionRow.__table__.delete().where(SubmissionRow.digest == digest))
    assert desk.submission_files.folder_of(digest).is_dir()
    assert desk.send(archives("crash"), "development").is_new
    assert queue.count_jobs(desk.store.engine)["queued"] >= 1
