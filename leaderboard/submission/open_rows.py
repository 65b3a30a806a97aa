"""Submitted files of embeddings and scores, Parquet or CSV, opened and read a batch at a time.

A file's header or footer is checked before a row is read; the memory of a batch is bounded, whatever the file claims.
The check and the scoring both read through here, so that exactly the checked rows are scored.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from leaderboard.submission.csv_rows import open_csv, read_csv_batches
from leaderboard.submission.parquet_rows import open_parquet, read_parquet_batches
from leaderboard.submission.row_file import UNREADABLE, RowBatch, RowFile, is_csv, library_message, too_many_rows
from nvfair_tools.errors import Problems


def open_rows(path: Path, name: str, kind: str, max_rows: int) -> RowFile:
    """Opens a file and checks it as far as is possible without reading rows.

    name: by which messages call it. kind: "embeddings" or "scores". max_rows: rows that it may have. Raises Problems
    with everything that is wrong with its columns and sizes.
    """
    try:
        return (open_csv if is_csv(path) else open_parquet)(path, name, kind, max_rows)
    except UNREADABLE as error:
        expected = "a CSV file in UTF-8" if is_csv(path) else "a whole Parquet file"
        raise Problems(
            name, [f"{name}: not {expected} ({library_message(error)}); write it with `nvfair embed` or pyarrow"]
        ) from error


def read_batches(file: RowFile, max_rows: int) -> Iterator[RowBatch]:
    """The rows of a file in order. Raises Problems where they cannot be read, or are more than `max_rows`."""
    total = 0
    try:
        for batch in (read_csv_batches if file.is_csv else read_parquet_batches)(file):
            total += len(batch)
            if total > max_rows:
                raise Problems(file.name, [too_many_rows(file.name, total, max_rows)])
            yield batch
    except UNREADABLE as error:
        raise Problems(file.name, [f"{file.name}: after row {total}: {library_message(error)}"]) from error
