"""Downloading a collection into a folder: what is missing is fetched, verified and unpacked, several files at once."""

from __future__ import annotations

import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import wait as wait_for
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from nvfair_tools.downloads.catalogue import Collection
from nvfair_tools.downloads.errors import DownloadError, Stopped
from nvfair_tools.downloads.ledger import Ledger
from nvfair_tools.downloads.remote import Listing, Place, RemoteFile
from nvfair_tools.downloads.survey import FileState, verified_entry
from nvfair_tools.downloads.transfer import Transfer
from nvfair_tools.downloads.unpack import MemberNames, unpack
from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_REPORT_SECONDS = 0.2  # between two reports of the bytes that have arrived

WAYS = ("there already", "downloaded", "unpacked", "failed", "not reached")  # in which a file may end

# Called with (bytes that are there, bytes of all files, a note).
Report = Callable[[int, int, str], None]


@dataclass
class Outcome:
    """How a download ended.

    files: {one of WAYS: number of files}. bytes: downloaded now. members: number of files that zip files were unpacked
    to. left_out: {reason: members not used}. failures: (file, error).
    """

    files: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    members: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    failures: list[tuple[str, NvfairError]] = field(default_factory=list)

    @property
    def complete(self) -> bool:
        """Whether everything that was asked for is there."""
        return not self.failures and not self.files["not reached"]


def download(
    collection: Collection,
    listing: Listing,
    states: Sequence[FileState],
    ledger: Ledger,
    transfer: Transfer,
    *,
    keep_archives: bool = False,
    connections: int = 4,
    report: Report = lambda done, total, note: None,
) -> Outcome:
    """Brings everything of `states` that is missing; the failure of one file is counted and the others go on.

    keep_archives: whether zip files stay after they were unpacked; one that the user has put there always stays. An
    error that any other file would meet too (no network, a full disk) ends the download; the rest is "not reached".
    """
    work = _Download(collection, listing, states, ledger, transfer, keep_archives, report)
    try:
        with ThreadPoolExecutor(connections, "download") as pool:
            try:
                work.run(pool)
            except BaseException:
                transfer.stop.set()  # leaving the pool waits for what is under way
                raise
    finally:
        work.report()
    return work.finish()


class _Download:
    """The shared state of one download's threads."""

    def __init__(
        self,
        collection: Collection,
        listing: Listing,
        states: Sequence[FileState],
        ledger: Ledger,
        transfer: Transfer,
        keep_archives: bool,
        report: Report,
    ) -> None:
        self._collection, self._listing, self._states = collection, listing, states
        self._ledger, self._transfer, self._keep_archives, self._report = ledger, transfer, keep_archives, report
        self._lock = threading.Lock()
        self._outcome = Outcome()
        self._ended, self._reported = 0, 0.0
        self._arrived = {state.remote.name: state.remote.size - state.bytes_left for state in states}
        self._names = MemberNames()
        for state in states:
            self._names.claim(state.remote.name, {state.remote.name: state.remote.size})
        for entry in ledger.entries.values():
            self._names.claim(entry.name, entry.members)

    def run(self, pool: ThreadPoolExecutor) -> None:
        """Works through all files, some batches of addresses at a time."""
        for state in self._states:
            if state.state == "problem":
                assert state.error is not None
                self._fail(state.remote, state.error)
            elif state.state == "done":
                self._remove_archive(state.remote.name)
                self._end("there already")
                self._count_members(state.remote.name)
        unpacking = [
            pool.submit(self._finish_file, state.remote) for state in self._states if state.state == "downloaded"
        ]
        missing = [state.remote for state in self._states if state.state == "missing"]
        for start in range(0, len(missing), self._listing.batch):
            if self._transfer.stop.is_set():
                break
            files = missing[start : start + self._listing.batch]
            try:
                places = self._listing.locate(files)
            except DownloadError as error:
                for remote in files:
                    self._fail(remote, error)
                if error.stops_all:
                    self._transfer.stop.set()
                continue
            _wait([pool.submit(self._bring, remote, places[remote.name]) for remote in files])
        _wait(unpacking)

    def report(self) -> None:
        """Says how much is there."""
        with self._lock:
            done, ended = sum(self._arrived.values()), self._ended
            self._reported = time.monotonic()
        self._report(
            done,
            sum(state.remote.size for state in self._states),
            f"{ended:,} of {count_text(len(self._states), 'file')}",
        )

    def finish(self) -> Outcome:
        """The outcome, in which every file is counted."""
        self._outcome.files["not reached"] = len(self._states) - self._ended
        self._outcome.failures.sort(key=lambda failure: failure[0])
        return self._outcome

    def _bring(self, remote: RemoteFile, place: Place) -> None:
        """Downloads one file and finishes it, whatever happens to it."""
        if self._transfer.stop.is_set():
            return
        part = self._ledger.part_of(remote)
        path = self._ledger.folder / remote.name
        before = part.stat().st_size if part.exists() else 0
        try:
            self._fetch(remote, place, part)
            path.parent.mkdir(parents=True, exist_ok=True)
            # Noted first: a process that is killed in between leaves no file that the next run takes for the user's.
            self._ledger.add(verified_entry(part, remote, ours=True))
            os.replace(part, path)
        except Stopped:
            return
        except (NvfairError, OSError) as error:
            self._fail(remote, error)
            return
        with self._lock:
            self._outcome.bytes += remote.size - before
            self._outcome.files["downloaded"] += 1
            self._ended += 0 if remote.is_archive else 1
        if remote.is_archive:
            self._finish_file(remote)
        self.report()

    def _fetch(self, remote: RemoteFile, place: Place, part: Path) -> None:
        if place.problem:
            raise DownloadError("not_found", f"the publisher does not give it: {place.problem}", where=remote.name)

        def progress(arrived: int) -> None:
            with self._lock:
                self._arrived[remote.name] = arrived
                due = time.monotonic() - self._reported > _REPORT_SECONDS
            if due:
                self.report()

        try:
            self._transfer.fetch(remote, place, part, progress)
        except DownloadError as error:
            if error.reason not in ("forbidden", "not_found") or place.url == remote.url:
                raise
            # An address that was given for minutes only has expired while other files arrived.
            fresh = self._listing.locate([remote])[remote.name]
            if fresh.problem:
                raise
            self._transfer.fetch(remote, fresh, part, progress)

    def _finish_file(self, remote: RemoteFile) -> None:
        """Unpacks a verified zip file."""
        if self._transfer.stop.is_set():
            return
        path = self._ledger.folder / remote.name
        below = PurePosixPath(remote.name).stem if self._collection.own_folders else ""
        try:
            content = unpack(
                path, self._ledger.folder, below, self._names, self._collection.member_left_out, self._transfer.stop
            )
            entry = self._ledger.entries[remote.name]
            ours = entry.ours and not self._keep_archives
            self._ledger.add(replace(entry, members=content.members, left_out=content.left_out, ours=ours))
            self._remove_archive(remote.name)
        except Stopped:
            return
        except (NvfairError, OSError) as error:
            self._fail(remote, error)
            return
        self._count_members(remote.name)
        self._end("unpacked")

    def _remove_archive(self, name: str) -> None:
        """Removes a zip file that was unpacked, unless it is the user's."""
        entry = self._ledger.entries.get(name)
        if entry is not None and entry.ours and entry.members:
            (self._ledger.folder / name).unlink(missing_ok=True)

    def _count_members(self, name: str) -> None:
        entry = self._ledger.entries.get(name)
        if entry is not None:
            with self._lock:
                self._outcome.members += len(entry.members)
                self._outcome.left_out.update(entry.left_out)

    def _end(self, how: str) -> None:
        with self._lock:
            self._outcome.files[how] += 1
            self._ended += 1

    def _fail(self, remote: RemoteFile, error: NvfairError | OSError) -> None:
        if isinstance(error, OSError):
            error = DownloadError("not_stored", error.strerror or str(error), where=error.filename or remote.name)
        with self._lock:
            self._outcome.failures.append((remote.name, _with_hand_remedy(error, remote, self._ledger.folder)))
        self._end("failed")
        if isinstance(error, DownloadError) and error.stops_all:
            self._transfer.stop.set()


def _with_hand_remedy(error: NvfairError, remote: RemoteFile, folder: Path) -> NvfairError:
    """The error, which also says how to bring the file without this network, where that may help."""
    if not isinstance(error, DownloadError) or error.reason in ("disk_full", "changed", "different_file", "not_stored"):
        return error
    by_hand = (
        f"{error.remedy}{'; or ' if error.remedy else ''}bring {remote.url} here by hand as {folder / remote.name} "
        f"({remote.size:,} bytes, {remote.checksum}) and run the same command again: it is verified and used"
    )
    return DownloadError(error.reason, error.what, where=error.where, expected=error.expected, remedy=by_hand)


def _wait(futures: Sequence[Future[None]]) -> None:
    """Waits for all; raises what none of them may raise, an error of ours."""
    wait_for(futures)
    for future in futures:
        future.result()
