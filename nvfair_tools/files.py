"""Output files that appear whole or not at all, output folders, and the hash of a file.

A file is written under a temporary name, fsynced and renamed, so that an interrupted run leaves no half file behind.
"""

from __future__ import annotations

import errno
import hashlib
import os
import platform
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nvfair_tools.errors import NvfairError

_LONGEST_NAME = 255  # bytes of a file's name, in most file systems
# A disk that is full, beyond a quota, read-only or failing, and a process at its limit of open files.
_STORAGE_ERRORS = frozenset(
    (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO, errno.EFBIG, errno.EMFILE, errno.ENFILE)
)


class StorageError(NvfairError):
    """The machine cannot store what it was given: its disk is full or fails. No input is to blame."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(
            f"there is no room to store this now{f': {reason}' if reason else ''}",
            remedy="try again later; the maintainer must free disk space",
        )


def storage_error(error: BaseException) -> StorageError | None:
    """The StorageError for an error that comes from the disk rather than from an input; None for any other."""
    if isinstance(error, OSError) and error.errno in _STORAGE_ERRORS:
        return StorageError(os.strerror(error.errno))
    return None


@contextmanager
def storage_errors() -> Iterator[None]:
    """Raises StorageError for an OSError of the block that comes from the disk."""
    try:
        yield
    except OSError as error:
        if full_disk := storage_error(error):
            raise full_disk from error
        raise


@contextmanager
def atomic_output(path: Path) -> Iterator[Path]:
    """Yields a temporary path in the folder of `path`; on success the file there is fsynced and renamed to `path`.

    Where the body fails, the temporary file is removed and `path` stays as it was. The temporary name keeps the suffix,
    because encoders choose the container by it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    end = f".{_this_machine()}-{os.getpid()}.part{path.suffix}"
    stem = path.stem
    if len(os.fsencode(f".{stem}{end}")) > _LONGEST_NAME:
        stem = hashlib.sha256(os.fsencode(path.name)).hexdigest()
    temporary = path.with_name(f".{stem}{end}")
    try:
        yield temporary
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
        # The rename itself is on disk once the folder is synced.
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def remove_partial_outputs(folder: Path, *, recursive: bool = True) -> None:
    """Removes the temporary files that `atomic_output` left in `folder` because their process was killed.

    Files of a process that still runs are left alone: a worker may need a moment to notice the end of its main process.
    """
    for path in folder.rglob(".*.part*") if recursive else folder.glob(".*.part*"):
        if not _has_living_writer(path):
            path.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes `text` to `path` as UTF-8; the file appears whole or not at all."""
    with atomic_output(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Writes `content` to `path`; the file appears whole or not at all.

    Archives are made in memory and written so: on a full disk, `zipfile` tries to end one that it could not write once
    more, when nobody can catch its error, and prints a traceback.
    """
    with atomic_output(path) as temporary:
        temporary.write_bytes(content)


def sha256_of(path: Path) -> str:
    """The SHA-256 hash of a file's content, as a hex digest."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def make_folder(folder: Path) -> Path:
    """Makes `folder` where it does not exist, checks that files can be written in it, and returns it.

    Raises NvfairError where the folder cannot be made or written in. Commands call this before their work begins, so
    that hours of it are not lost at the end.
    """
    check_writable(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from error
    return folder


def check_writable(folder: Path) -> None:
    """Raises NvfairError where no file can be written in `folder`, or in the folder in which it would be made."""
    existing = folder.absolute()
    while not existing.exists():
        existing = existing.parent
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
    except OSError as error:
        raise _not_writable(folder, error) from error


def existing_parent(path: Path) -> Path:
    """The folder itself, or the nearest one above it that exists."""
    path = path.absolute()
    while not path.is_dir():
        path = path.parent
    return path


def folder_bytes(folder: Path) -> int:
    """Bytes of all files below a folder; 0 where there is none."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            try:
                total += os.lstat(os.path.join(place, name)).st_size
            except FileNotFoundError:  # a file that has just been renamed
                continue
    return total


def is_alive(pid: int) -> bool:
    """Whether a process of this machine runs."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _has_living_writer(path: Path) -> bool:
    """Returns whether the process that writes the temporary file `.name.MACHINE-PID.part.suffix` still runs.

    The processes of other machines cannot be asked for; they were workers of a run that has ended.
    """
    machine, _, pid = path.name.rpartition(".part")[0].rpartition(".")[2].rpartition("-")
    return machine in ("", _this_machine()) and pid.isdecimal() and is_alive(int(pid))


def _this_machine() -> str:
    """A short name of this machine: several may write in one folder, and number their processes alike."""
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]


def _not_writable(folder: Path, error: OSError) -> NvfairError:
    return NvfairError(
        f"nothing can be written here: {error.strerror}", where=folder, remedy="name another folder for the output"
    )
