"""A submitted file of embeddings or scores, Parquet or CSV, and a batch of its rows.

These are the values and bounds; `open_rows` reads a file of either kind into them.

Legend: n rows of a batch, D embedding size.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa

MAX_EMBEDDING = 4096
MAX_VALUES = 2_000_000_000  # of one file: 8 GB once read
MAX_KEY = 1000  # bytes of a video's or a trial's name
BATCH_VALUES = 4_000_000
BATCH_ROWS = 65_536

EMBEDDINGS = {"video": "string", "window": "integer", "start_frame": "integer", "embedding": "list of float32"}
SCORES = {"trial": "string", "score": "number"}

# What pyarrow raises for files that are not what they say.
UNREADABLE = (
    pa.ArrowException, OSError, ValueError, OverflowError, TypeError, KeyError, IndexError, MemoryError, AttributeError,
)  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """Rows of a file.

    first: number of its first row. key: (n,) of str: video or trial. window, start_frame: (n,) int64; empty for scores.
    values: (n, D) float32 embeddings, or (n, 1) float64 scores. wrong: {what is wrong with single cells: rows (m,)}
    within the batch; such rows hold NaN, or -1.
    """

    first: int
    key: np.ndarray
    window: np.ndarray
    start_frame: np.ndarray
    values: np.ndarray
    wrong: dict[str, np.ndarray]

    def __len__(self) -> int:
        return len(self.key)


@dataclass(frozen=True)
class RowFile:
    """A file whose shape is good. name: for messages. rows: as it says itself; -1: it does not. size: D."""

    path: Path
    name: str
    kind: str  # "embeddings" or "scores"
    size: int
    rows: int

    @property
    def csv(self) -> bool:
        """Whether it is CSV; else Parquet."""
        return is_csv(self.path)

    def place(self, row: int) -> str:
        """Where a row is, as whoever opens the file counts: lines of CSV after its header, rows of Parquet from 0."""
        return f"line {row + 2}" if self.csv else f"row {row}"


def is_csv(path: Path) -> bool:
    """Files that do not end in .csv are read as Parquet."""
    return path.suffix.lower() == ".csv"


def too_many(name: str, rows: int, most: int) -> str:
    """Words for a file with more rows than it may have."""
    return (
        f"{name}: {rows} rows or more are too many; the protocol has work for {most} at most; leave repeated ones out"
    )


def words(error: BaseException) -> str:
    """The first line of what a library says, without what cannot be shown."""
    if isinstance(error, MemoryError):
        return "it asks for more memory than a file of its kind needs"
    text = (str(error) or type(error).__name__).splitlines()[0][:200]
    return text if text.isprintable() else ascii(text)
