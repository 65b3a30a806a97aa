"""Copies of a data set's own files, which must be what its tables say."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import BinaryIO

from nvfair_tools.errors import NvfairError, Problems

_BLOCK = 1 << 20


class HashedFile:
    """A file that is read once, whose hash is known when it has been read. Use it as a context manager."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digest = hashlib.sha256()

    def __enter__(self) -> HashedFile:
        self._file: BinaryIO = open(self._path, "rb")
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def read(self, size: int = -1) -> bytes:
        """The next bytes of the file."""
        block = self._file.read(size)
        self._digest.update(block)
        return block

    def check(self, sha256: str | None) -> None:
        """Raises NvfairError where the bytes that were read have another hash; None: the tables name none."""
        if sha256 is not None and self._digest.hexdigest() != sha256:
            raise NvfairError(
                "is not the file that videos.parquet names: its SHA-256 differs",
                where=self._path,
                remedy="`nvfair dataset check --full` names every file that is damaged",
            )


def copying(source: Path, sha256: str | None) -> Callable[[Path], None]:
    """A function that copies `source` to the path that it is given, and checks its hash."""
    return partial(_copy, source, sha256)


def sizes_of(folder: Path, paths: list[str]) -> list[int]:
    """The bytes of files of a data set. Raises Problems naming every one that is missing."""
    sizes, missing = [], []
    for path in paths:
        try:
            sizes.append((folder / path).stat().st_size)
        except OSError as error:
            missing.append(f"{path}: {error.strerror}")
    if missing:
        raise Problems(folder, missing, remedy="`nvfair dataset check` names every file that is missing or damaged")
    return sizes


def _copy(source: Path, sha256: str | None, place: Path) -> None:
    with HashedFile(source) as file, open(place, "wb") as out:
        while block := file.read(_BLOCK):
            out.write(block)
    file.check(sha256)
