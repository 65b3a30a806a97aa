"""A build's own folder inside the data set: journal, lock, tracks. It can be deleted when the data set is finished."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable, make_folder
from nvfair_tools.pipeline.journal import Journal


@dataclass(frozen=True)
class Workspace:
    """Where a build keeps what is no part of the finished data set. dataset: the data set's folder."""

    dataset: Path

    @property
    def folder(self) -> Path:
        """`.build` in the data set."""
        return self.dataset / ".build"

    @property
    def journal(self) -> Path:
        """The journal's file."""
        return self.folder / "journal.sqlite"

    def track(self, id: str) -> Path:
        """Where the track with this id lies (of a source clip, a portrait or a reenactment)."""
        return self.folder / "tracks" / id[:2] / f"{id}.npz"

    def check(self) -> None:
        """Raises NvfairError where the data set's folder cannot be written, or holds what no build has made: a build
        removes parts that are none of its own."""
        if self.dataset.is_dir() and not self.journal.exists() and any(self.dataset.iterdir()) and not self._built():
            raise NvfairError(
                "this folder holds something else than a build",
                where=self.dataset,
                expected="an empty folder, or one that `nvfair build` has begun or finished",
                remedy="name another `output` in the recipe",
            )
        check_writable(self.dataset)

    def _built(self) -> bool:
        """Whether a finished build is here, whose own folder has been deleted."""
        try:
            return "recipe" in json.loads((self.dataset / "dataset.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            return False

    @contextmanager
    def opened(self) -> Iterator[Journal]:
        """The journal, for one process at a time. Raises NvfairError where another build is at work."""
        self.check()
        make_folder(self.dataset)
        self.folder.mkdir(exist_ok=True)
        with _locked(self.folder / "lock"), Journal(self.journal) as journal:
            self._clear_leftovers()
            yield journal
            self._clear_leftovers()

    def _clear_leftovers(self) -> None:
        """Half-written files of processes that were killed; nobody else writes here while we hold the lock."""
        for top in ("videos", "portraits", "frames", "card", ".build/tracks", "."):
            root = self.dataset / top
            for path in root.glob(".*.part*") if top == "." else root.rglob(".*.part*"):
                if not _is_alive(path):
                    path.unlink(missing_ok=True)


def _is_alive(path: Path) -> bool:
    """Whether the process that writes a `.name.PID.part.suffix` file still runs: a killed build's worker may need a
    moment to notice."""
    pid = path.name.rpartition(".part")[0].rpartition(".")[2]
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with open(path, "w") as file:
        try:
            import fcntl
        except ImportError:  # Windows: the lock is a courtesy there is no cheap form of
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NvfairError(
                "another build is at work in this data set", where=path.parent.parent, remedy="wait until it has ended"
            ) from error
        yield
