"""A submitted file of embeddings or scores, Parquet or CSV, and a batch of its rows.

These are the values and bounds; `open_rows` reads a file of either kind into them.

Legend: n rows of a batch, D embedding size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

MAX_EMBEDDING_SIZE = 4096
MAX_VALUES = 2_000_000_000  # of one file: 8 GB once read
MAX_NAME_BYTES = 1000  # of a video's or a trial's name
BATCH_VALUES = 4_000_000
BATCH_ROWS = 65_536

# Column -> its content.
EMBEDDING_COLUMNS = {"video": "string", "window": "integer", "start_frame": "integer", "embedding": "list of float32"}
SCORE_COLUMNS = {"trial": "string", "score": "number"}

# Exceptions that pyarrow raises for damaged files and for files of another kind.
UNREADABLE = (
    pa.ArrowException, OSError, ValueError, OverflowError, TypeError, KeyError, IndexError, MemoryError, AttributeError,
)  # fmt: skip
_MAX_MESSAGE = 200


@dataclass(frozen=True)
class RowBatch:
    """Rows of a file that follow each other.

    first_row: number of its first row in the file. names: (n,) of str, of videos or trials. window, start_frame: (n,)
    int64; empty for scores. values: (n, D) float32 embeddings, or (n, 1) float64 scores. cell_problems: {problem of
    single cells: rows (m,) within the batch}; such rows hold NaN, or -1.
    """

    first_row: int
    names: np.ndarray
    window: np.ndarray
    start_frame: np.ndarray
    values: np.ndarray
    cell_problems: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.names)


@dataclass(frozen=True)
class RowFile:
    """A file whose columns and sizes have been checked.

    name: by which messages call it. kind: "embeddings" or "scores". size: D; 1 for scores.
    """

    path: Path
    name: str
    kind: str
    size: int

    @property
    def is_csv(self) -> bool:
        """Whether the file is CSV; else it is Parquet."""
        return is_csv(self.path)

    def location(self, row: int) -> str:
        """Where a row is, as an author counts: the line of a CSV file with a header, or the row of Parquet from 0."""
        return f"line {row + 2}" if self.is_csv else f"row {row}"


def columns_of(kind: str) -> dict[str, str]:
    """The columns of a file of "embeddings" or "scores", with the content of each."""
    return EMBEDDING_COLUMNS if kind == "embeddings" else SCORE_COLUMNS


def is_csv(path: Path) -> bool:
    """Whether a file is read as CSV; a file whose name does not end in .csv is read as Parquet."""
    return path.suffix.lower() == ".csv"


def too_many_rows(name: str, rows: int, max_rows: int) -> str:
    """The problem of a file with more rows than it may have."""
    return (
        f"{name}: {rows} rows or more are too many; the protocol has work for {max_rows} at most; "
        "leave repeated ones out"
    )


def library_message(error: BaseException) -> str:
    """The first line of a library's error, with nothing that cannot be shown."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than a file of its kind needs"
    text = (str(error) or type(error).__name__).splitlines()[0][:_MAX_MESSAGE]
    return text if text.isprintable() else ascii(text)
