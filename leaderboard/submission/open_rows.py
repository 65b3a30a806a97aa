"""Submitted files of embeddings and scores, Parquet or CSV, opened and read a batch at a time.

What a file says of itself is checked before a row is read; a batch is bounded in memory whatever the file says. The
check and the scoring read through here, so that what was checked is what is scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leaderboard.submission import csv_rows, parquet_rows
from leaderboard.submission.row_file import UNREADABLE, Batch, RowFile, is_csv, too_many, words
from nvfair_tools.errors import Problems


def read_batches(file: RowFile, most: int) -> Iterator[Batch]:
    """The rows of a file in order; Problems where they cannot be read, or are more than `most`."""

    total = 0
    try:
        for batch in (csv_rows if file.csv else parquet_rows).batches(file):
            total += len(batch)
            if total > most:
                raise Problems(file.name, [too_many(file.name, total, most)])
            yield batch
    except UNREADABLE as error:
        raise Problems(file.name, [f"{file.name}: after row {total}: {words(error)}"]) from error


def open_rows(path: Path, name: str, kind: str, most: int) -> RowFile:
    """The file, checked as far as can be without reading rows. most: rows that it may have.

    Raises Problems with everything that is wrong with its columns and sizes.
    """
    try:
        return (csv_rows if is_csv(path) else parquet_rows).opened(path, name, kind, most)
    except UNREADABLE as error:
        expected = "a CSV file in UTF-8" if is_csv(path) else "a whole Parquet file"
        raise Problems(
            name, [f"{name}: not {expected} ({words(error)}); write it with `nvfair embed` or pyarrow"]
        ) from error
