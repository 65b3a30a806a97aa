"""What of a collection is in a folder already, what is missing, and the room that it needs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nvfair_tools.downloads.errors import DownloadError
from nvfair_tools.downloads.ledger import Entry, Ledger
from nvfair_tools.downloads.remote import RemoteFile, matches
from nvfair_tools.downloads.transfer import Transfer
from nvfair_tools.files import existing_parent

# Recordings hardly shrink in a zip file; what is unpacked is taken to be this much larger.
_UNPACKED_GROWTH = 1.05


@dataclass(frozen=True)
class FileState:
    """One published file in the folder.

    state: "done" (verified, and unpacked if it is a zip file), "downloaded" (a verified zip file to be unpacked),
    "missing", or "problem". arrived: bytes of a missing file that an earlier run brought. error: the problem.
    """

    remote: RemoteFile
    state: Literal["done", "downloaded", "missing", "problem"]
    arrived: int = 0
    error: DownloadError | None = None

    @property
    def bytes_left(self) -> int:
        """The bytes that are still to be downloaded."""
        return self.remote.size - self.arrived if self.state == "missing" else 0


def survey(
    files: Sequence[RemoteFile],
    ledger: Ledger,
    transfer: Transfer,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> list[FileState]:
    """Compares the published files with those in the folder, in the publisher's order.

    A file is read only where its size or time differs from what was verified before: one that a user has put there is
    verified like any other. progress: called with the number of files looked at, and of all.
    """
    states = []
    for number, remote in enumerate(files, 1):
        states.append(_state(remote, ledger, transfer))
        progress(number, len(files))
    return states


def check_space(states: Sequence[FileState], folder: Path, *, keep_archives: bool, connections: int) -> int:
    """Returns the bytes that the rest of the download needs at most. Raises DownloadError where fewer are free."""
    archives = [state for state in states if state.remote.is_archive and state.state in ("missing", "downloaded")]
    needed = sum(state.bytes_left for state in states if not state.remote.is_archive)
    needed += sum(int(state.remote.size * _UNPACKED_GROWTH) for state in archives)
    # Unless they are kept, no more archives are there at once than are downloaded at once.
    waiting = sorted((state.bytes_left for state in archives), reverse=True)
    needed += sum(waiting if keep_archives else waiting[:connections])
    free = shutil.disk_usage(existing_parent(folder)).free
    if needed > free:
        raise DownloadError(
            "disk_full",
            f"about {needed / 1e9:.2f} GB are needed and {free / 1e9:.2f} GB are free",
            where=folder,
            remedy="free some space, or name a folder on a larger disk",
        )
    return needed


def verified_entry(path: Path, remote: RemoteFile, *, ours: bool) -> Entry:
    """The entry of a file at `path` that has just been verified. ours: it was not the user who put it there."""
    return Entry(remote.name, remote.size, remote.checksum, path.stat().st_mtime_ns, ours)


def _state(remote: RemoteFile, ledger: Ledger, transfer: Transfer) -> FileState:
    entry, path = ledger.entries.get(remote.name), ledger.folder / remote.name
    if entry is not None and not entry.fits(remote):
        if path.exists() or entry.members:
            return FileState(
                remote,
                "problem",
                error=DownloadError(
                    "changed",
                    f"the publisher offers another version than the one here ({entry.size:,} bytes, {entry.checksum})",
                    where=path,
                    expected=f"{remote.size:,} bytes, {remote.checksum}",
                    remedy="keep what you have, or name a new folder for the new version",
                ),
            )
        entry = None
    if entry is not None and entry.members:
        members = {ledger.folder / name: size for name, size in entry.members.items()}
        if all(_size(member) == size for member, size in members.items()):
            return FileState(remote, "done")
    if os.path.lexists(path):
        return _state_of_present(remote, ledger, path, entry, transfer)
    part = ledger.part_of(remote)
    return FileState(remote, "missing", arrived=min(remote.size, max(0, _size(part))))


def _state_of_present(
    remote: RemoteFile, ledger: Ledger, path: Path, entry: Entry | None, transfer: Transfer
) -> FileState:
    """The state of a file that is there, by an earlier run or by the user's hand."""
    known = entry is not None and path.is_file() and path.stat().st_mtime_ns == entry.mtime_ns
    if not (known and _size(path) == remote.size):
        if not matches(path, remote, transfer.stop):
            return FileState(
                remote,
                "problem",
                error=DownloadError(
                    "different_file",
                    "what is here is not the published file, and is left alone",
                    where=path,
                    expected=f"{remote.size:,} bytes, {remote.checksum}",
                    remedy="move it away and run the same command again",
                ),
            )
        ledger.add(verified_entry(path, remote, ours=False))
    return FileState(remote, "downloaded" if remote.is_archive else "done")


def _size(path: Path) -> int:
    """The size of a file, -1 where there is none."""
    try:
        return path.stat().st_size
    except OSError:
        return -1
