"""Reads rows of parts: each footer is read once, and of a part only the row groups that hold the rows."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.errors import NvfairError

_GROUPS_PER_READ = 4  # 2 MB of landmarks, or 8 MB of distances
_ROWS_PER_READ = 2_080
_MOST_FOOTERS = 128  # each takes 2 to 4 MB, and 3 ms to read again


@dataclass(frozen=True)
class _Footer:
    """What is known of a part while its file stays the same. bounds: the first row of each row group, and the end."""

    file: tuple[int, int, int]
    metadata: pq.FileMetaData
    bounds: np.ndarray


class PartReader:
    """Reads the parts in a data set's folder. It holds no file open, and can be used by several threads."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._footers: OrderedDict[str, _Footer] = OrderedDict()
        self._lock = threading.Lock()

    def columns(self, part: str) -> list[str]:
        """The names of a part's columns. Raises NvfairError where the part is missing or damaged."""
        with self._opened(part) as (file, _):
            return list(file.schema_arrow.names)

    def rows_in(self, part: str) -> int:
        """How many rows a part has. Raises NvfairError as `columns` does."""
        with self._opened(part) as (_, bounds):
            return int(bounds[-1])

    def rows(self, part: str, first: int, end: int, columns: list[str]) -> pa.Table:
        """The rows first:end of a part; fewer where it has fewer. Raises NvfairError as `columns` does."""
        with self._opened(part) as (file, bounds):
            start = max(0, int(np.searchsorted(bounds, first, side="right")) - 1)
            stop = int(np.searchsorted(bounds[:-1], end))
            groups = list(range(start, stop)) if first < end else []
            table = file.read_row_groups(groups, columns=columns, use_threads=False)
        return table.slice(first - int(bounds[start]) if groups else 0, end - first)

    def batches(
        self, part: str, begin: np.ndarray, end: np.ndarray, columns: list[str]
    ) -> Iterator[tuple[int, pa.RecordBatch]]:
        """Yields (its first row, some rows) for the row groups that hold any of the rows begin:end; each row once.

        begin, end: (N,) of N runs of rows, in any order. Raises NvfairError as `columns` does, and where the part has
        fewer rows.
        """
        with self._opened(part) as (file, bounds):
            if end.max(initial=0) > bounds[-1]:
                raise wrong_frames(self._folder / part)
            begin, end = begin[begin < end], end[begin < end]
            first, last = np.searchsorted(bounds, begin, side="right") - 1, np.searchsorted(bounds, end)
            runs = np.zeros(len(bounds), dtype=np.int64)  # how many runs of rows begin less how many end at each group
            np.add.at(runs, first, 1)
            np.add.at(runs, last, -1)
            needed = np.flatnonzero(np.cumsum(runs)[:-1])
            most = min(_ROWS_PER_READ, _GROUPS_PER_READ * int(np.diff(bounds).max(initial=1)))
            # Row groups that lie one after another are read as one, whose rows need no gaps.
            for groups in np.split(needed, np.flatnonzero(np.diff(needed) > 1) + 1) if len(needed) else []:
                row = int(bounds[groups[0]])
                for batch in file.iter_batches(most, row_groups=groups.tolist(), columns=columns, use_threads=False):
                    yield row, batch
                    row += batch.num_rows

    @contextmanager
    def _opened(self, part: str) -> Iterator[tuple[pq.ParquetFile, np.ndarray]]:
        path = self._folder / part
        with file_errors(path):
            status = path.stat()
            key = (status.st_ino, status.st_size, status.st_mtime_ns)
            with self._lock:
                footer = self._footers.pop(part, None)
            metadata = footer.metadata if footer is not None and footer.file == key else None
            # `video` stays dictionary-encoded, which reads quicker.
            with pq.ParquetFile(path, metadata=metadata, read_dictionary=["video"]) as file:
                if footer is None or metadata is None:
                    sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
                    footer = _Footer(key, file.metadata, np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64))
                with self._lock:
                    self._footers[part] = footer
                    while len(self._footers) > _MOST_FOOTERS:
                        self._footers.popitem(last=False)
                yield file, footer.bounds


def as_array(column: pa.Array | pa.ChunkedArray) -> np.ndarray:
    """A column as a numpy array; fixed-size lists become (rows, size)."""
    if isinstance(column, pa.ChunkedArray):
        column = column.combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], type=column.type)
    if pa.types.is_fixed_size_list(column.type):
        return column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    return column.to_numpy(zero_copy_only=False)


def wrong_frames(path: Path) -> NvfairError:
    """The error about a part whose rows are not those that the table of videos puts there."""
    return NvfairError(
        "this part holds other frames than videos.parquet says", where=path, remedy="build or copy it again"
    )


@contextmanager
def file_errors(path: Path) -> Iterator[None]:
    """Turns pyarrow's errors about an absent or damaged file into NvfairError."""
    try:
        yield
    except FileNotFoundError as error:
        raise NvfairError("a file of the data set is missing", where=path, remedy="build or copy it again") from error
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NvfairError(f"not a whole Parquet file: {reason}", where=path, remedy="build or copy it again") from error
