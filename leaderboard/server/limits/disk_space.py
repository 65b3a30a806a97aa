"""Whether the disk has room for a submission, asked before one is taken and by /readyz."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

from sqlalchemy.engine import make_url

from nvfair_tools.files import StorageError
from nvfair_tools.quantities import count_text

_MEBIBYTE = 2**20
_MIN_FREE_FILES = 1000
_PROBE_BYTES = b"x" * 4096  # an empty file can be made on a full disk
_SQLITE_FULL, _POSTGRESQL_FULL = "database or disk is full", "53100"  # SQLite's words, PostgreSQL's code


def disk_problems(folder: Path, free_bytes: int) -> list[str]:
    """Why no submission can be stored in `folder`; empty where one can be.

    free_bytes: that must be free. Something is written, because a quota or a file system in read-only mode shows at a
    write alone.
    """
    try:
        free = shutil.disk_usage(folder).free
        if free < free_bytes:
            return [f"the disk has {free // _MEBIBYTE} MB free; {free_bytes // _MEBIBYTE} MB are needed"]
        status = os.statvfs(folder)
        if status.f_files and status.f_favail < _MIN_FREE_FILES:
            return [f"the disk has room for {count_text(status.f_favail, 'more file')}; {_MIN_FREE_FILES} are needed"]
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(_PROBE_BYTES)
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        return [f"the folder of submissions cannot be written: {error.strerror}"]
    return []


def require_space(folder: Path, free_bytes: int) -> None:
    """Raises StorageError where `disk_problems` finds any."""
    if disk_problems(folder, free_bytes):
        raise StorageError()


def database_folder(url: str) -> Path | None:
    """The folder of an SQLite database's file; None for another database."""
    parsed = make_url(url)
    if parsed.get_backend_name() != "sqlite" or not parsed.database or parsed.database == ":memory:":
        return None
    return Path(parsed.database).absolute().parent


def is_full_database(error: BaseException) -> bool:
    """Whether a database's error says that its disk is full."""
    original = getattr(error, "orig", None)  # SQLAlchemy's own text repeats what a stranger sent
    return getattr(original, "sqlstate", None) == _POSTGRESQL_FULL or _SQLITE_FULL in str(original)
