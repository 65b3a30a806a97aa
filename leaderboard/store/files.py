"""The files of submissions, each in a folder named by its content: FOLDER/ab/abcdef.../submission.yaml, ...

A folder appears whole or not at all: it is filled aside, flushed to the disk and renamed.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nvfair_tools.files import make_folder

_ASIDE = ".incoming"


class Vault:
    """The folder in which submissions are kept. Made where it is not there."""

    def __init__(self, folder: Path) -> None:
        self.folder = make_folder(folder)
        self._aside = make_folder(folder / _ASIDE)

    def path(self, digest: str) -> Path:
        """Where the submission called `digest` is, or would be."""
        return self.folder / digest[:2] / digest

    @contextmanager
    def aside(self) -> Iterator[Path]:
        """A fresh folder to work in, on the same disk; gone afterwards."""
        folder = Path(tempfile.mkdtemp(dir=self._aside))
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, folder: Path, digest: str) -> Path:
        """Moves `folder` (from `aside`) to its place; does nothing where the same content is there already."""
        place = self.path(digest)
        if place.is_dir():
            return place
        for path in sorted(folder.rglob("*"), reverse=True):
            _flush(path)
        _flush(folder)
        make_folder(place.parent)
        try:
            os.rename(folder, place)
        except OSError:
            if not place.is_dir():  # another upload of the same content was quicker
                raise
        _flush(place.parent)
        _flush(self.folder)
        return place

    def sweep(self, older_than: float = 24 * 3600) -> int:
        """Removes what interrupted uploads left aside, untouched for `older_than` seconds; returns how many."""
        old = [one for one in self._aside.iterdir() if one.stat().st_mtime < time.time() - older_than]
        for one in old:
            shutil.rmtree(one, ignore_errors=True)
        return len(old)

    def digests(self) -> Iterator[str]:
        """Names of all submissions kept."""
        for shelf in sorted(self.folder.iterdir()):
            if shelf.name != _ASIDE and shelf.is_dir():
                yield from sorted(one.name for one in shelf.iterdir())


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
