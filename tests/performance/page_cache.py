"""Makes the next reading of files a cold one."""

from __future__ import annotations

import os
from pathlib import Path


def forget(path: Path) -> None:
    """Asks the system to drop a file, or all files of a folder, from its cache of pages.

    Pages that are not on disk yet are written first; pages that a process has mapped stay, so unmap them before. A disk
    that is itself a file of another machine may still answer from that machine's memory.
    """
    for file in [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]:
        descriptor = os.open(file, os.O_RDONLY)
        try:
            os.fsync(descriptor)
            os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_DONTNEED)
        finally:
            os.close(descriptor)
