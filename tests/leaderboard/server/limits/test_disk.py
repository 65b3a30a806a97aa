"""What is refused takes no disk; a full disk is said in plain words, before and during a submission."""

import shutil
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import numpy as np
import pytest
from sqlalchemy import event

from leaderboard.server.limits.disk_space import disk_problems
from leaderboard.server.limits.upload_slots import UploadSlots
from nvfair_tools.dataset import Dataset
from nvfair_tools.files import StorageError
from tests.leaderboard.board_process import Board, Server, copy_with_method, dump_database, zip_folder
from tests.leaderboard.server.test_accept_submission import Uploader
from tests.small_disk import small_disk
from tests.waiting import wait_until


def bytes_below(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.fixture
def uploader(tmp_path: Path, dataset: Dataset) -> Iterator[Uploader]:
    board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset, limits={"free_disk_bytes": 1})
    store = board.store()
    made = Uploader(board, store, tmp_path)
    yield made
    made.acceptor.stop()
    store.close()


def test_what_the_quota_refuses_is_not_stored(uploader: Uploader, valid_submission: Path, tmp_path: Path) -> None:
    from leaderboard.server.accept_submission import QuotaUsedUp

    archives = [
        zip_folder(copy_with_method(valid_submission, tmp_path / f"s{n}", f"method {n}"), tmp_path / f"s{n}.zip")
        for n in range(5)
    ]
    for archive in archives[:2]:
        uploader.send(archive)
    stored_bytes, digests = bytes_below(uploader.submission_files.folder), set(uploader.submission_files.digests())
    for archive in archives[2:]:
        with pytest.raises(QuotaUsedUp):
            uploader.send(archive)
    assert bytes_below(uploader.submission_files.folder) == stored_bytes
    assert set(uploader.submission_files.digests()) == digests
    assert uploader.send(archives[2], "development").is_new  # the same files may come in another phase


def test_a_transaction_that_fails_at_its_end_takes_the_files_back(
    uploader: Uploader, valid_submission: Path, tmp_path: Path
) -> None:
    archive = zip_folder(copy_with_method(valid_submission, tmp_path / "s", "late failure"), tmp_path / "s.zip")

    def fail(_connection: object) -> None:
        raise OSError(28, "No space left on device")

    event.listen(uploader.store.engine, "commit", fail)
    with pytest.raises(StorageError, match="no room to store this now"):
        uploader.send(archive)
    event.remove(uploader.store.engine, "commit", fail)
    assert list(uploader.submission_files.digests()) == []
    assert uploader.jobs() == []
    assert uploader.send(archive).is_new


def test_a_disk_that_fills_during_the_check_is_not_the_authors_fault_and_leaves_nothing(
    tmp_path: Path, dataset: Dataset, valid_submission: Path
) -> None:
    with small_disk(tmp_path / "disk", 4 * 1024) as disk:
        board = Board(tmp_path / "board", "sqlite:///board.sqlite", dataset, files=str(disk / "submissions"))
        store = board.store()
        uploader = Uploader(board, store, tmp_path)
        try:
            folder = copy_with_method(valid_submission, tmp_path / "s", "on a full disk")
            archive = zip_folder(folder, tmp_path / "s.zip")
            (folder / "noise.bin").write_bytes(np.random.default_rng(0).bytes(1_500_000))
            large = zip_folder(folder, tmp_path / "large.zip")
            filler = disk / "filler"
            filler.write_bytes(bytes(1_500_000))
            with pytest.raises(StorageError, match="no room to store this now: No space left on device"):
                uploader.send(large)  # arrives, and does not fit once more beside itself
            assert list(uploader.submission_files.digests()) == []
            assert list(uploader.submission_files.scratch.iterdir()) == []
            assert uploader.jobs() == []
            filler.unlink()
            assert uploader.send(archive).is_new
        finally:
            uploader.acceptor.stop()
            store.close()


def test_problems_of_a_disk_are_named(tmp_path: Path) -> None:
    assert disk_problems(tmp_path, 1) == []
    assert "MB free; " in disk_problems(tmp_path, 2**60)[0]
    assert "cannot be written" in disk_problems(tmp_path / "absent", 1)[0]
    with small_disk(tmp_path / "disk", 2 * 1024) as disk:
        (disk / "filler").write_bytes(bytes(2 * 2**20 - 8192))
        assert disk_problems(disk, 0) == []
        (disk / "more").write_bytes(bytes(8192))
        assert disk_problems(disk, 0) == ["the folder of submissions cannot be written: No space left on device"]
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        assert disk_problems(disk, 0) == ["the folder of submissions cannot be written: Read-only file system"]


def test_a_server_on_a_full_disk_is_not_ready_and_refuses_with_507(
    tmp_path: Path, dataset: Dataset, valid_submission: Path
) -> None:
    with small_disk(tmp_path / "disk", 8 * 1024) as disk:
        board = Board(
            tmp_path / "board", f"sqlite:///{disk}/board.sqlite", dataset, files=str(disk / "submissions"),
            limits={"free_disk_bytes": 2_000_000},
        )  # fmt: skip
        token = board.token("ann")
        archive = zip_folder(copy_with_method(valid_submission, tmp_path / "s", "no room"), tmp_path / "s.zip")
        server = Server(board)
        try:
            free = shutil.disk_usage(disk).free
            (disk / "filler").write_bytes(bytes(free - 1_000_000))
            ready = httpx.get(f"{server.url}/readyz")
            assert ready.status_code == 503
            assert ready.json()["problems"] == ["the disk has 0 MB free; 1 MB are needed"]
            answer = post(server, archive, token)
            assert answer.status_code == 507, answer.text
            assert "no room to store this now" in answer.json()["error"]
            assert int(answer.headers["retry-after"]) > 0
            store = board.store()
            assert "no room" not in dump_database(store)
            store.close()
            assert bytes_below(disk / "submissions") == 0
            (disk / "filler").unlink()
            wait_until(lambda: httpx.get(f"{server.url}/readyz").status_code == 200, 20)
            assert post(server, archive, token).status_code == 201
            assert "Traceback" not in server.log.read_text()
        finally:
            server.kill()


def post(server: Server, archive: Path, token: str) -> httpx.Response:
    return httpx.post(
        f"{server.url}/api/v1/submissions",
        headers={"Authorization": f"Bearer {token}"},
        data={"phase": "development"},
        files={"file": ("s.zip", archive.read_bytes())},
        timeout=1500,
    )


def test_an_account_has_a_bounded_number_of_uploads_under_way() -> None:
    from fastapi import HTTPException

    slots = UploadSlots(2)
    with slots.count_upload(1), slots.count_upload(1), slots.count_upload(2), pytest.raises(HTTPException) as caught:
        slots.count_upload(1).__enter__()
    assert "uploads of this account under way: 2" in caught.value.detail
    with slots.count_upload(1):
        pass
    unlimited = UploadSlots(0)

    def send(_: int) -> None:
        with unlimited.count_upload(1):
            pass

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(send, range(100)))
    assert not slots._under_way
    assert not unlimited._under_way
