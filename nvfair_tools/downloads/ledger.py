"""What is known of a download's folder: which files were verified or unpacked, so that a second run need not ask."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

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
    """The entries of one folder, as JSON lines in its `.nvfair-get`. Threads may add to it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
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
        return self.folder / FOLDER

    @property
    def _path(self) -> Path:
        return self.place / "files.jsonl"

    def part_of(self, remote: RemoteFile) -> Path:
        """Where a file arrives. The name holds its checksum: two versions of a file never mix."""
        return self.place / "parts" / f"{remote.checksum.replace(':', '-')}.part"

    def add(self, entry: Entry) -> None:
        """Keeps an entry, on disk before the call returns."""
        with self._lock:
            self.entries[entry.name] = entry
            with open(self._path, "a", encoding="utf-8") as file:
                file.write(json.dumps(asdict(entry), sort_keys=True) + "\n")
                file.flush()
                os.fsync(file.fileno())

    def has_accepted(self, terms: str) -> bool:
        """Whether just these terms were accepted for this folder before."""
        try:
            return bool(json.loads((self.place / "terms.json").read_text(encoding="utf-8"))["terms"] == terms)
        except (OSError, ValueError, KeyError, TypeError):
            return False

    def record_terms(self, terms: str) -> None:
        """Notes that these terms were accepted, and when (UTC)."""
        now = datetime.now(UTC).isoformat(timespec="seconds")
        write_text(self.place / "terms.json", json.dumps({"terms": terms, "accepted": now}, indent=1) + "\n")


@contextmanager
def open_ledger(folder: Path) -> Iterator[Ledger]:
    """Opens the ledger of a folder for one process at a time. Raises NvfairError where another one is at work."""
    make_folder(folder / FOLDER)
    with open(folder / FOLDER / "lock", "w") as file:
        try:
            import fcntl
        except ImportError:  # Windows has no such lock
            pass
        else:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                raise NvfairError(
                    "another download is at work in this folder", where=folder, remedy="wait until it has ended"
                ) from error
        (folder / FOLDER / "parts").mkdir(exist_ok=True)
        yield Ledger(folder)
