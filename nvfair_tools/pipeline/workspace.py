"""The folder `.build` inside a data set: journal, lock, tracks. It can be deleted when the data set is finished."""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable, is_alive, make_folder, remove_partial_outputs, write_text
from nvfair_tools.pipeline.journal import Journal

# The file that says that a person is being removed from the data set.
REVOKING = ".revoking"
# `datasets` takes a path with these for a pattern, or for a chain of file systems.
_PATTERN_SIGNS = ("*", "?", "[", "::")


@dataclass(frozen=True)
class Workspace:
    """The places of a build's files that are no part of the finished data set. dataset: the data set's folder."""

    dataset: Path

    @property
    def folder(self) -> Path:
        """The folder `.build` in the data set."""
        return self.dataset / ".build"

    @property
    def journal_path(self) -> Path:
        """The SQLite file of the build's journal."""
        return self.folder / "journal.sqlite"

    def is_running(self) -> bool | None:
        """Whether a build is at work here; None where it may be, on another machine."""
        try:
            pid, _, machine = (self.folder / "lock").read_text(encoding="utf-8").partition(" ")
        except OSError:
            return False
        if not pid:
            return False
        return is_alive(int(pid)) if machine == platform.node() else None

    def is_locked(self) -> bool:
        """Whether another process holds the data set. It asks for the lock only where a process has left its name in
        it, and gives it back at once."""
        if self.is_running() is False:
            return False
        try:
            with _lock(self.folder / "lock"):
                return False
        except NvfairError:
            return True

    @property
    def plan_path(self) -> Path:
        """The table of the build's plan, see `curate.plans.table`."""
        return self.folder / "plan.parquet"

    def track_path(self, id: str) -> Path:
        """The file of the track with this id (of a source clip, a portrait or a reenactment)."""
        return self.folder / "tracks" / id[:2] / f"{id}.npz"

    def segment_path(self, id: str) -> Path:
        """The video of the segment with this id, cut from footage."""
        return self.folder / "segments" / id[:2] / f"{id}.mp4"

    def read_formats(self) -> dict[str, str]:
        """The number formats that an earlier run has chosen, {generator's label: format}; {} before any."""
        try:
            return dict(json.loads(self._formats_path.read_text(encoding="utf-8")))
        except FileNotFoundError:
            return {}

    def keep_formats(self, formats: Mapping[str, str]) -> None:
        """Adds chosen number formats to those that are kept."""
        if formats:
            write_text(self._formats_path, json.dumps(self.read_formats() | dict(formats), indent=1))

    @property
    def landmarker_path(self) -> Path:
        """The file with the name of the landmarker that finds the faces of this build."""
        return self.folder / "landmarker.txt"

    @property
    def _formats_path(self) -> Path:
        return self.folder / "number_formats.json"

    def check_folder(self) -> None:
        """Raises NvfairError where the data set's folder cannot be written, holds files that no build has made (a build
        removes parts that are not its own), or has a name by which `datasets` cannot load it."""
        if patterns := sorted({sign for sign in _PATTERN_SIGNS if sign in str(self.dataset)}):
            raise NvfairError(
                f"the path of the data set has {' and '.join(patterns)} in it",
                where=self.dataset,
                expected="a path without *, ?, [ and ::, which `datasets` takes for a pattern: it would find no file, "
                "or those of another folder",
                remedy="name another `output` in the recipe, or rename the folder above it",
            )
        is_used = self.dataset.is_dir() and any(self.dataset.iterdir())
        if is_used and not self.journal_path.exists() and not self._has_finished_build():
            raise NvfairError(
                "this folder holds something else than a build",
                where=self.dataset,
                expected="an empty folder, or one that `nvfair build` has begun or finished",
                remedy="name another `output` in the recipe",
            )
        check_writable(self.dataset)

    def _has_finished_build(self) -> bool:
        """Whether the folder holds a finished build whose `.build` has been deleted."""
        try:
            return "recipe" in json.loads((self.dataset / "dataset.json").read_text(encoding="utf-8"))
        except (OSError, ValueError, TypeError):
            return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps builds out of the data set meanwhile. Raises NvfairError where one is at work."""
        if not self.folder.is_dir():
            yield  # no build is: it begins with this folder
            return
        with _lock(self.folder / "lock"):
            yield

    @contextmanager
    def open_journal(self) -> Iterator[Journal]:
        """Opens the journal for one process at a time. Raises NvfairError where another build is at work, and where the
        removal of a person was interrupted."""
        self.check_folder()
        if (self.dataset / REVOKING).exists():
            raise NvfairError(
                "the removal of a person from this data set was interrupted",
                where=self.dataset,
                remedy="run `nvfair revoke` with the same words again: it completes the removal",
            )
        make_folder(self.dataset)
        self.folder.mkdir(exist_ok=True)
        with _lock(self.folder / "lock"), Journal(self.journal_path) as journal:
            self._remove_partial_files()
            try:
                yield journal
            finally:
                self._remove_partial_files()

    def _remove_partial_files(self) -> None:
        """Removes half-written files of killed processes; the lock excludes that another build is writing them."""
        remove_partial_outputs(self.dataset, recursive=False)
        for folder in ("videos", "portraits", "frames", "card", ".build/tracks", ".build/segments"):
            remove_partial_outputs(self.dataset / folder)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with open(path, "a+", encoding="utf-8") as file:
        try:
            import fcntl
        except ImportError:  # Windows has no such lock
            yield
            return
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise NvfairError(
                "another build is at work in this data set", where=path.parent.parent, remedy="wait until it has ended"
            ) from error
        # Others read who is at work. A process that finds the lock held must not change it.
        file.truncate(0)
        file.write(f"{os.getpid()} {platform.node()}")
        file.flush()
        yield
        file.truncate(0)
