"""The files of submissions, each submission in a folder named by its digest: FOLDER/ab/abcdef.../submission.yaml, ...

A folder appears whole or not at all: it is filled in a scratch folder, flushed to the disk and renamed.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nvfair_tools.files import make_folder

_SCRATCH = ".incoming"


def folder_in(folder: Path, digest: str) -> Path:
    """The folder of the submission with this digest among the files of all, whether or not it exists."""
    return folder / digest[:2] / digest


class SubmissionFiles:
    """The folder that holds the files of all submissions. It is created where it does not exist."""

    def __init__(self, folder: Path) -> None:
        is_new = not folder.exists()
        self.folder = make_folder(folder)
        if is_new:
            self.folder.chmod(0o700)
        self._scratch = make_folder(folder / _SCRATCH)

    def folder_of(self, digest: str) -> Path:
        """The folder of the submission with this digest, whether or not it exists."""
        return folder_in(self.folder, digest)

    @contextmanager
    def scratch_folder(self) -> Iterator[Path]:
        """A new empty folder on the same disk, which is deleted afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self._scratch))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    @property
    def scratch(self) -> Path:
        """The folder of what is under way, on the same disk."""
        return self._scratch

    def flush(self, folder: Path) -> None:
        """Flushes `folder` with all its files to the disk, which may take long for large ones."""
        for path in sorted(folder.rglob("*"), reverse=True):
            _flush_to_disk(path)
        _flush_to_disk(folder)

    def add(self, folder: Path, digest: str) -> None:
        """Moves `folder`, which lies in a scratch folder, to the place of `digest`, unless that is stored already."""
        self.flush(folder)
        self.place(folder, digest)

    def place(self, folder: Path, digest: str) -> bool:
        """Moves `folder`, which lies in a scratch folder and is flushed, to the place of `digest`.

        Returns False, and does nothing, where the submission is stored already.
        """
        target = self.folder_of(digest)
        if target.is_dir():
            return False
        make_folder(target.parent)
        os.rename(folder, target)
        _flush_to_disk(target.parent)
        _flush_to_disk(self.folder)
        return True

    def take_back(self, digest: str, folder: Path) -> None:
        """Moves the files of `digest` back to `folder`: the submission was not accepted in the end."""
        os.rename(self.folder_of(digest), folder)
        _flush_to_disk(self.folder_of(digest).parent)

    @contextmanager
    def locked(self, digest: str) -> Iterator[None]:
        """Keeps other threads and processes from adding the files of `digest`, or taking them back, meanwhile."""
        descriptor = os.open(make_folder(self.folder_of(digest).parent), os.O_RDONLY)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def remove_old_scratch(self, older_than: float = 24 * 3600) -> int:
        """Deletes what interrupted uploads left, unchanged for `older_than` seconds; returns the number of folders."""
        oldest_kept = time.time() - older_than
        old_folders = [folder for folder in self._scratch.iterdir() if folder.stat().st_mtime < oldest_kept]
        for folder in old_folders:
            shutil.rmtree(folder, ignore_errors=True)
        return len(old_folders)

    def digests(self) -> Iterator[str]:
        """The digests of all stored submissions, sorted."""
        for prefix_folder in sorted(self.folder.iterdir()):
            if prefix_folder.name != _SCRATCH and prefix_folder.is_dir():
                yield from sorted(folder.name for folder in prefix_folder.iterdir())


def _flush_to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
