"""Whose a folder is: a stamp with the world's hash, so that only the same world goes on in it."""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, write_text

_STAMP = ".world"


def claim(folder: Path, world: str) -> None:
    """Marks an empty folder as the world's; raises NvfairError where it holds anything else."""
    stamp = folder / _STAMP
    if stamp.exists() and stamp.read_text(encoding="utf-8").strip() == world:
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise NvfairError(
            "holds something else already: a finished set, or an unfinished one with other settings",
            where=folder,
            expected="an empty folder, or an unfinished one with the same settings",
            remedy="name another folder",
        )
    make_folder(folder)
    write_text(stamp, world + "\n")


def release(folder: Path) -> None:
    """Removes the mark: the folder is finished."""
    (folder / _STAMP).unlink(missing_ok=True)
