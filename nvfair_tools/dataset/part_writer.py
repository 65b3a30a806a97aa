"""Writes the rows of a part: how they are grouped, encoded and compressed."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from threading import Lock
from types import TracebackType

import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import LABEL_COLUMNS

# A row group is what a reader of some frames must decode: 520 rows are a millisecond. The bytes of a value are stored
# apart (BYTE_STREAM_SPLIT), and 520 rows of 252 values fill one block of zstd with each: groups of 500 or 260 rows take
# 1 to 3 % more bytes, larger ones save nothing.
ROWS_PER_GROUP = 520
# With distances a row takes 16 kB.
ROWS_PER_GROUP_WITH_DISTANCES = 130
# Columns whose values repeat, and those whose least and greatest values let readers leave out row groups.
_REPEATING = ("video", *LABEL_COLUMNS, "reason")
_WITH_STATISTICS = (*_REPEATING, "index", "time", "valid")
_GROUPS_AHEAD = 2  # row groups that wait to be compressed while the next rows are made


def rows_per_group(schema: pa.Schema) -> int:
    """How many rows each row group of a part with these columns has; the last one may have fewer."""
    return ROWS_PER_GROUP_WITH_DISTANCES if "distances" in schema.names else ROWS_PER_GROUP


class PartWriter:
    """Writes a part. Equal rows give equal bytes, whatever the pieces in which they come.

    A thread of its own encodes and compresses, so that the caller makes the next rows meanwhile. To be used in a `with`
    block, at whose end the file is complete.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """path: the file to write. schema: its columns, from `frames_schema`."""
        self._schema, self._group_size = schema, rows_per_group(schema)
        self._waiting: list[pa.RecordBatch] = []
        self._rows_waiting = 0
        self._groups: deque[Future[None]] = deque()
        arrays = [name for name in ("landmarks", "distances", "mesh") if name in schema.names]
        self._file = pq.ParquetWriter(
            path,
            schema,
            compression="zstd",
            # Distances are noise in half of their bytes: a higher level takes a tenth longer for 0.2 % of the bytes.
            compression_level=1 if "distances" in arrays else 4,
            use_dictionary=[name for name in _REPEATING if name in schema.names],
            use_byte_stream_split=[f"{name}.list.element" for name in arrays],
            write_statistics=[name for name in _WITH_STATISTICS if name in schema.names],
        )
        self._thread = ThreadPoolExecutor(1)
        # Ctrl-C may come while the thread is started: shutdown does not know it then, and it may be writing.
        self._one_at_a_time = Lock()

    def write(self, rows: pa.RecordBatch) -> None:
        """Appends rows; they are in the file at the end of the `with` block at the latest."""
        self._waiting.append(rows)
        self._rows_waiting += rows.num_rows
        if self._rows_waiting >= self._group_size:
            self._send(self._rows_waiting // self._group_size * self._group_size)

    def _send(self, rows: int) -> None:
        """Sends the first `rows` rows that wait to be written."""
        table = pa.Table.from_batches(self._waiting, self._schema)
        for start in range(0, rows, self._group_size):
            while len(self._groups) >= _GROUPS_AHEAD:
                self._groups.popleft().result()
            group = table.slice(start, min(self._group_size, rows - start))
            self._groups.append(self._thread.submit(self._write_group, group))
        rest = table.slice(rows)
        self._waiting, self._rows_waiting = rest.to_batches(), rest.num_rows

    def _write_group(self, group: pa.Table) -> None:
        # In one piece, because pages end where pieces end.
        with self._one_at_a_time:
            self._file.write_table(group.combine_chunks(), row_group_size=self._group_size)

    def __enter__(self) -> PartWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        whole = False
        try:
            if kind is None:
                if self._rows_waiting:
                    self._send(self._rows_waiting)
                while self._groups:
                    self._groups.popleft().result()
                whole = True
        finally:
            self._thread.shutdown(wait=True, cancel_futures=True)
            # What stopped the work is what its caller needs to know; a file in pieces may refuse to be closed.
            with self._one_at_a_time, suppress(*() if whole else (Exception,)):
                self._file.close()
