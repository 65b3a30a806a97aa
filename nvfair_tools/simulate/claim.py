"""Reserves an output folder for one simulated world: a file with the world's hash, which other worlds respect."""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, remove_partial_outputs, write_text

_MARK = ".world"


def claim_folder(folder: Path, world_hash: str) -> None:
    """Makes `folder` and marks it with the hash of a world, or accepts the mark of the same world.

    In the second case half-written files of an interrupted run are removed.
    Raises NvfairError where the folder holds anything else.
    """
    mark = folder / _MARK
    if mark.exists() and mark.read_text(encoding="utf-8").strip() == world_hash:
        remove_partial_outputs(folder)
        return
    if folder.is_dir() and any(folder.iterdir()):
        raise NvfairError(
            "the folder holds something else already: a finished set, or an unfinished one with other settings",
            where=folder,
            expected="an empty folder, or an unfinished one with the same settings",
            remedy="name another folder",
        )
    make_folder(folder)
    write_text(mark, world_hash + "\n")


def release_folder(folder: Path) -> None:
    """Removes the mark of a finished folder, and half-written files of processes that were killed."""
    remove_partial_outputs(folder)
    (folder / _MARK).unlink(missing_ok=True)
