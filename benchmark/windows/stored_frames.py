"""Values of all frames, in memory while they are few and else in a file, of which only what is used is read.

Legend: N videos, F frames of all videos together, S the shape of one frame's values.

The file has no name: it lies in the folder for temporary files (TMPDIR) and vanishes with the process, however that
ends. It is read with plain reads, not mapped, so that what was read once does not count as the process's memory.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import storage_error

# What one array of all frames may take in memory: the landmarks of 130,000 frames.
MOST_BYTES_IN_MEMORY = 128 * 2**20


class _FrameFile:
    """A file without a name, closed when nobody refers to it any more."""

    def __init__(self) -> None:
        self._file: BinaryIO = tempfile.TemporaryFile(prefix="nvfair-frames-", buffering=0)  # noqa: SIM115

    def __del__(self) -> None:
        if hasattr(self, "_file"):
            self._file.close()

    def write(self, values: np.ndarray) -> None:
        """Writes all bytes of a contiguous array at the end."""
        left = values.reshape(-1).view(np.uint8).data
        while len(left):
            left = left[self._file.write(left) :]

    def read(self, out: memoryview, position: int) -> None:
        """Fills `out` with the bytes from `position` on; NvfairError where there are not as many."""
        while len(out):
            count = os.preadv(self._file.fileno(), [out], position)
            if count == 0:
                raise NvfairError(
                    "the temporary file of frames is shorter than it was written",
                    where=tempfile.gettempdir(),
                    remedy="run the command again, with TMPDIR naming a folder on a sound disk",
                )
            out, position = out[count:], position + count


class StoredFrames:
    """Values (F, *S) in a file, which are read by rows: `frames[rows]` is an array, as of an array in memory.

    shape: (F, *S). dtype: of the values. offsets: (N + 1); video n has the rows offsets[n]:offsets[n + 1].
    """

    def __init__(
        self, file: _FrameFile, shape: tuple[int, ...], dtype: np.dtype, offsets: np.ndarray, places: np.ndarray
    ) -> None:
        """places: (N,) row of the file at which each video begins."""
        self.file, self.shape, self.dtype = file, shape, dtype
        self.offsets, self.places = offsets, places
        self._row_bytes = dtype.itemsize * int(np.prod(shape[1:]))

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def nbytes(self) -> int:
        """Bytes that all values would take in memory."""
        return len(self) * self._row_bytes

    def __getitem__(self, rows: slice | int | np.ndarray | Sequence[int]) -> np.ndarray:
        """Values (*R, *S) of rows, whole numbers of any shape R, or a slice of them."""
        numbers = np.arange(len(self))[rows] if isinstance(rows, slice) else np.asarray(rows)
        result = np.empty((*numbers.shape, *self.shape[1:]), self.dtype)
        self.read(numbers, result)
        return result

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        """All values at once, in memory."""
        return self[:] if dtype is None else self[:].astype(dtype, copy=False)

    def read(self, rows: np.ndarray, out: np.ndarray) -> None:
        """Writes the values of `rows`, whole numbers of any shape R, into `out`, a contiguous array (*R, *S)."""
        flat = np.where(rows < 0, rows + len(self), rows).reshape(-1)
        if len(flat) == 0:
            return
        if flat.min() < 0 or flat.max() >= len(self):
            raise IndexError(f"row {flat.max()} of {len(self)} frames")
        video = np.searchsorted(self.offsets, flat, side="right") - 1
        place = self.places[video] + flat - self.offsets[video]
        # Rows that lie one after another in the file are one read.
        ends = [0, *(np.flatnonzero(np.diff(place) != 1) + 1).tolist(), len(place)]
        target = out.reshape(-1).view(np.uint8)
        for first, last in pairwise(ends):
            part = target[first * self._row_bytes : last * self._row_bytes].data
            self.file.read(part, int(place[first]) * self._row_bytes)


class FrameWriter:
    """Collects values video by video, in any order of the videos; beyond `most_bytes` they go to a file."""

    def __init__(self, shape: tuple[int, ...], dtype: Any = np.float32, most_bytes: int | None = None) -> None:
        """shape: S, of one frame's values. most_bytes: None for MOST_BYTES_IN_MEMORY."""
        self.shape, self.dtype = shape, np.dtype(dtype)
        self.most_bytes = MOST_BYTES_IN_MEMORY if most_bytes is None else most_bytes
        self._parts: list[np.ndarray] = []
        self._lengths: list[int] = []
        self._file: _FrameFile | None = None
        self._bytes = 0

    def append(self, values: np.ndarray) -> None:
        """Adds the values (T, *S) of one video. Raises NvfairError where the disk is full."""
        part = np.array(values, dtype=self.dtype, order="C")
        self._lengths.append(len(part))
        self._bytes += part.nbytes
        self._parts.append(part)
        if self._file is not None or self._bytes > self.most_bytes:
            self._write_parts()

    def finish(self, order: Sequence[int] | np.ndarray | None = None) -> np.ndarray | StoredFrames:
        """All values (F, *S): of the videos in the order in which they came, or as `order` (N,) numbers them."""
        numbers = np.arange(len(self._lengths)) if order is None else np.asarray(order, dtype=np.int64)
        lengths = np.array(self._lengths, dtype=np.int64)
        if self._file is None:
            parts, self._parts = self._parts, []
            ordered = [parts[number] for number in numbers]
            return np.concatenate(ordered) if ordered else np.empty((0, *self.shape), self.dtype)
        places = np.cumsum(lengths) - lengths
        offsets = np.concatenate([[0], np.cumsum(lengths[numbers])]).astype(np.int64)
        return StoredFrames(self._file, (int(offsets[-1]), *self.shape), self.dtype, offsets, places[numbers])

    def _write_parts(self) -> None:
        try:
            if self._file is None:
                self._file = _FrameFile()
            for part in self._parts:
                self._file.write(part)
        except OSError as error:
            if storage_error(error) is None:
                raise
            raise NvfairError(
                f"there is no room for {self._bytes / 1e9:.1f} GB of frames and more: {os.strerror(error.errno or 0)}",
                where=Path(tempfile.gettempdir()),
                remedy="free space there, or set TMPDIR to a folder on a disk with room",
            ) from error
        self._parts = []
