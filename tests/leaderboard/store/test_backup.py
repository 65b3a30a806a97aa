"""A backup holds the whole board, moves it between databases, and is refused when anything in it was changed."""

import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest

from leaderboard.store import schema
from leaderboard.store.accounts import authenticate, create_token
from leaderboard.store.backup import check_backup, restore_backup, write_backup
from leaderboard.store.database import write_session
from leaderboard.store.files import SubmissionFiles
from leaderboard.store.results import Store, add_submission
from leaderboard.store.tables import FIRST_SCORING, JobRow, ResultRow, utc_now
from leaderboard.submission.submission import read_submission
from nvfair_tools.errors import NvfairError
from tests.leaderboard.board_process import copy_with_method, dump_database

FIGURES = '{"generators": {}, "overlap": []}'


def filled(url: str, folder: Path, valid_submission: Path) -> tuple[Store, SubmissionFiles, str]:
    """A board with something in every table, and a token of it."""
    store, submission_files = Store(url), SubmissionFiles(folder)
    token = create_token(store.engine, "ann")
    account = authenticate(store.engine, token)
    assert account is not None
    for n in range(3):
        digest = f"{n}" * 64
        with submission_files.scratch_folder() as scratch:
            submission_files.add(copy_with_method(valid_submission, scratch / "plain", f"method {n}"), digest)
        with write_session(store.engine) as session:
            add_submission(
                session, digest, read_submission(submission_files.folder_of(digest)), account=account.id, private=n == 1
            )
            moment = utc_now()
            session.add(
                JobRow(
                    submission=digest,
                    account=account.id,
                    phase="p",
                    reason=FIRST_SCORING,
                    state="done",
                    created=moment,
                    available=moment,
                    leases=1,
                    attempts=0,
                    finished=moment,
                )
            )
            session.add(
                ResultRow(
                    submission=digest,
                    entry=0,
                    protocol="p",
                    protocol_digest="p",
                    dataset_digest="s",
                    scorer="1",
                    reason=FIRST_SCORING,
                    figures=FIGURES,
                    phase="p",
                )
            )
    return store, submission_files, token


def without_audit(store: Store) -> str:
    """Everything but the audit log, which tells of the restoring too."""
    tables = json.loads(dump_database(store))
    return json.dumps([rows for rows in tables if not any("'admin'" in row for row in rows)])


@pytest.mark.parametrize("into", ["sqlite", "postgresql"])
def test_a_board_comes_back_whole_in_either_database(
    fresh_url: Callable[[], str], into: str, valid_submission: Path, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = (
        request.getfixturevalue("postgres").fresh() if into == "postgresql" else f"sqlite:///{tmp_path / 'new.sqlite'}"
    )
    store, submission_files, token = filled(fresh_url(), tmp_path / "files", valid_submission)
    manifest = write_backup(store.engine, submission_files, tmp_path / "board.tar")
    assert manifest.rows == {**manifest.rows, "submissions": 3, "results": 3, "jobs": 3, "tokens": 1, "accounts": 1}
    new_store, files = Store(url), SubmissionFiles(tmp_path / "new-files")
    assert restore_backup(new_store.engine, files, tmp_path / "board.tar") == manifest
    assert without_audit(new_store) == without_audit(store)
    assert list(new_store.results()) == list(store.results())
    assert authenticate(new_store.engine, token) == authenticate(store.engine, token)
    for digest in submission_files.digests():
        old, new = submission_files.folder_of(digest), files.folder_of(digest)
        contents = [{p.relative_to(f): p.read_bytes() for p in f.rglob("*") if p.is_file()} for f in (old, new)]
        assert contents[0] == contents[1] != {}
    create_token(new_store.engine, "bob")  # numbers go on after those that were restored
    with pytest.raises(NvfairError, match="the board is not empty"):
        restore_backup(new_store.engine, files, tmp_path / "board.tar")
    store.close()
    new_store.close()


def rewritten(path: Path, change: Callable[[str, bytes], list[tuple[str, bytes]]]) -> Path:
    """The backup with its members changed."""
    out = path.with_name("changed.tar")
    with tarfile.open(path) as old, tarfile.open(out, "w") as new:
        for member in old.getmembers():
            for name, content in change(member.name, old.extractfile(member).read()):
                fresh = tarfile.TarInfo(name)
                fresh.size = len(content)
                new.addfile(fresh, io.BytesIO(content))
    return out


@pytest.mark.parametrize("damage", ["changed", "missing", "surplus", "twice", "escape", "cut", "none", "newer"])
def test_a_damaged_backup_is_refused_and_nothing_is_restored(
    valid_submission: Path, tmp_path: Path, damage: str
) -> None:
    store, submission_files, _ = filled(f"sqlite:///{tmp_path / 'a.sqlite'}", tmp_path / "files", valid_submission)
    write_backup(store.engine, submission_files, tmp_path / "board.tar")
    store.close()

    def change(name: str, content: bytes) -> list[tuple[str, bytes]]:
        target = name.endswith("submission.yaml") and "/000" in name
        if damage == "changed" and target:
            return [(name, content + b" ")]
        if damage == "missing" and target:
            return []
        if damage == "surplus" and target:
            return [(name, content), ("extra", b"x")]
        if damage == "twice" and target:
            return [(name, content), (name, b"x")]
        if name == "manifest.json" and damage in ("escape", "newer"):
            manifest = json.loads(content)
            if damage == "newer":
                manifest["revision"] = "9999"
            else:
                manifest["members"][f"submissions/{'0' * 64}/../../../evil"] = "0" * 64
            return [(name, json.dumps(manifest).encode())]
        return [(name, content)]

    path = rewritten(tmp_path / "board.tar", change)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    elif damage == "none":
        path.write_bytes(b"no tar at all")
    new_store, files = Store(f"sqlite:///{tmp_path / 'b.sqlite'}"), SubmissionFiles(tmp_path / "new-files")
    with pytest.raises(NvfairError) as caught:
        restore_backup(new_store.engine, files, path)
    word = {"changed": "not what was backed up", "missing": "is missing", "surplus": "not in the manifest"}
    word |= {"twice": "is there twice", "escape": "not a name of a backup", "newer": "9999"}
    assert word.get(damage, "") in str(caught.value)
    assert list(new_store.results()) == []
    assert list(files.digests()) == []
    assert not (tmp_path / "evil").exists()
    new_store.close()


def test_a_backup_of_a_board_at_work_is_of_one_moment(
    fresh_url: Callable[[], str], valid_submission: Path, tmp_path: Path
) -> None:
    import threading

    store, submission_files, _ = filled(fresh_url(), tmp_path / "files", valid_submission)
    over, account = threading.Event(), 1

    def work() -> None:
        n = 100
        while not over.is_set():
            digest, n = f"{n:064d}", n + 1
            with write_session(store.engine) as session:
                add_submission(session, digest, read_submission(valid_submission), account=account)
                session.add(
                    JobRow(
                        submission=digest,
                        account=account,
                        phase="p",
                        reason=FIRST_SCORING,
                        state="queued",
                        created=utc_now(),
                        available=utc_now(),
                        leases=0,
                        attempts=0,
                    )
                )

    thread = threading.Thread(target=work)
    thread.start()
    try:
        for n in range(5):
            manifest = write_backup(store.engine, submission_files, tmp_path / f"{n}.tar")
            assert manifest.rows["submissions"] == manifest.rows["jobs"]  # each is written with its job
            assert check_backup(tmp_path / f"{n}.tar") == manifest
    finally:
        over.set()
        thread.join()
        store.close()
    assert schema.newest_revision() == manifest.revision
