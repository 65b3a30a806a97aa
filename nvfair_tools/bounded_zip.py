"""Zip files that strangers send, opened so that the list of their entries cannot fill the memory."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from nvfair_tools.errors import NvfairError

_BLOCK_BYTES = 1 << 20
# What zipfile and zlib raise for damaged archives; zipfile reads some fields without looking at them.
DAMAGED_ZIP = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, EOFError, OSError,
    ValueError, OverflowError, KeyError, IndexError, MemoryError,
)  # fmt: skip
_MAX_MESSAGE = 200


@contextmanager
def open_zip(path: Path, *, directory_bytes: int) -> Iterator[zipfile.ZipFile]:
    """Opens the zip file `path` to be read.

    directory_bytes: the largest list of entries (2 MB are always taken), which zipfile reads whole before anything can
    be counted. Raises NvfairError, in whose words the file is "the archive", where the list is larger, and one of
    DAMAGED_ZIP where the file is damaged.
    """
    with open(path, "rb") as raw:
        reader = cast("IO[bytes]", _BoundedReader(raw, directory_bytes))
        with zipfile.ZipFile(reader) as archive:
            yield archive


def damage_message(error: BaseException) -> str:
    """The first line of an error of DAMAGED_ZIP."""
    return (str(error) or type(error).__name__).splitlines()[0][:_MAX_MESSAGE]


class _BoundedReader:
    """A file of which no single piece may be read that is larger than the list of entries may be.

    zipfile reads that list whole, however long it says it is, and makes an object of each entry.
    """

    def __init__(self, file: IO[bytes], max_bytes: int) -> None:
        self._file, self._max_bytes = file, max(max_bytes, 2 * _BLOCK_BYTES)

    def read(self, size: int = -1) -> bytes:
        """Reads `size` bytes, or all that are left. Raises NvfairError where they are too many."""
        if 0 <= size <= self._max_bytes:
            return self._file.read(size)
        data = self._file.read(self._max_bytes + 1)
        if len(data) > self._max_bytes:
            raise NvfairError(
                f"the list of its entries has {size} bytes" if size > 0 else "it has no list of entries",
                where="the archive",
                expected=f"at most {self._max_bytes} bytes",
                remedy="pack it again with fewer files",
            )
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)
