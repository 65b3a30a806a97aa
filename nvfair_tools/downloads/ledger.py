"""What is known of a download's folder: which files were verified or unpacked, so that a second run need not ask."""

from __future__ import annotations

import json
import os
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

from nvfair_tools.downloads.remote import RemoteFile
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, write_text

FOLDER = ".nvfair-get"


@dataclass(frozen=True)
class Entry:
    """One file that was verified. mtime_ns: when it was changed last, then. ours: we brought it, and may
    remove it once it is unpacked.

    members: {path in the folder: bytes} of a zip file's content, once it is unpacked. left_out: {reason: members that
    are not used}.
    """

    name: str
    size: int
    checksum: str
    mtime_ns: int
    ours: bool = True
    members: Mapping[str, int] = field(default_factory=dict)
    left_out: Mapping[str, int] = field(default_factory=dict)

    def fits(self, remote: RemoteFile) -> bool:
        """Whether the publisher still offers what was verified."""
        return (self.size, self.checksum) == (remote.size, remote.checksum)


class Ledger:
    """The entries of one folder, as JSON lines in its `.nvfair-get`. Threads may add to it.

    scratch: of a dry run, which reads what is in the folder and keeps what it learns here, for as long as it lasts.
    """

    def __init__(self, folder: Path, scratch: Path | None = None) -> None:
        self.folder, self._scratch = folder, scratch
        self._lock = threading.Lock()
        self.entries: dict[str, Entry] = {}
        if self._path.exists():
            for line in self._path.read_text(encoding="utf-8").splitlines():
                try:
                    entry = Entry(**json.loads(line))
                except (ValueError, TypeError):  # the line that an interruption cut
                    continue
                self.entries[entry.name] = entry

    @property
    def place(self) -> Path:
        """The folder for what is no part of the collection."""
        return self._scratch or self.folder / FOLDER

    @property
    def _path(self) -> Path:
        return self.folder / FOLDER / "files.jsonl"

    def part_of(self, remote: RemoteFile) -> Path:
        """Where a file arrives. The name holds its checksum: two versions of a file never mix."""
        return self.folder / FOLDER / "parts" / f"{remote.checksum.replace(':', '-')}.part"

    def add(self, entry: Entry) -> None:
        """Keeps an entry, on disk before the call returns."""
        with self._lock:
            self.entries[entry.name] = entry
            if self._scratch is not None:
                return
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(entry), sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def has_accepted(self, terms: str) -> bool:
        """Whether just these terms were accepted for this folder before."""
        try:
            return bool(json.loads((self.folder / FOLDER / "terms.json").read_text(encoding="utf-8"))["terms"] == terms)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def record_terms(self, terms: str) -> None:
        """Notes that these terms were accepted, and when (UTC)."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_text(self.place / "terms.json", json.dumps({"terms": terms, "accepted": now}, indent=1) + "\n")


@contextmanager
def open_ledger(folder: Path, *, dry_run: bool = False) -> Iterator[Ledger]:
    """Opens the ledger of a folder for one process at a time. Raises NvfairError where another one is at work.

    dry_run: nothing is written in the folder, which is not made either.
    """
    lock = folder / FOLDER / "lock"
    with ExitStack() as stack:
        if not dry_run:
            make_folder(folder / FOLDER)
        if not dry_run or lock.exists():
            _claim(stack.enter_context(open(lock, "r" if dry_run else "w")), folder)
        if dry_run:
            yield Ledger(folder, Path(stack.enter_context(tempfile.TemporaryDirectory())))
            return
        (folder / FOLDER / "parts").mkdir(exist_ok=True)
        yield Ledger(folder)


def _claim(lock: TextIO, folder: Path) -> None:
    try:
        import fcntl
    except ImportError:  # Windows has no such lock
        return
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        raise NvfairError(
            "another download is at work in this folder", where=folder, remedy="wait until it has ended"
        ) from error
