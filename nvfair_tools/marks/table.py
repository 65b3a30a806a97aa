"""The table beside published videos: the hashes of each file before and after it was signed, and how to find copies."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from nvfair_tools.errors import Problems
from nvfair_tools.files import write_text
from nvfair_tools.marks.perceptual_hash import is_hash

TABLE = "marks.csv"
_REMEDY = "name a table of `nvfair mark`"


@dataclass(frozen=True)
class MarkedFile:
    """A row of the table.

    path: of the file, relative to the table's folder, with "/". video: its id, "" for an original. source_type: IPTC's
    term, or "". rendered_sha256: of the file before it was signed, as in videos.parquet. published_sha256: of the
    signed file. perceptual_hash: of the pictures (`nvfair_tools.marks.perceptual_hash`).
    """

    path: str
    video: str
    source_type: str
    rendered_sha256: str
    published_sha256: str
    perceptual_hash: str


COLUMNS = tuple(field.name for field in fields(MarkedFile))


def write_table(path: Path, rows: Iterable[MarkedFile]) -> None:
    """Writes the table, whole or not at all, its rows in the order of their paths."""
    write_text(path, table_text(sorted(rows, key=lambda row: row.path)))


def table_text(rows: Iterable[MarkedFile], *, header: bool = True) -> str:
    """The rows as CSV, one line for each."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, lineterminator="\n")
    if header:
        writer.writeheader()
    writer.writerows(asdict(row) for row in rows)
    return text.getvalue()


def read_table(path: Path, *, last_counts: bool = False) -> list[MarkedFile]:
    """Reads a table. last_counts: a path may stand twice, and its last row counts.

    Raises Problems where it is no table, or rows are wrong or stand twice.
    """
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            if tuple(reader.fieldnames or ()) != COLUMNS:
                raise Problems(path, [f"its columns are not {', '.join(COLUMNS)}"], remedy=_REMEDY)
            stored = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise Problems(path, [f"it cannot be read: {error}"], remedy=_REMEDY) from error
    problems, rows = [], dict[str, MarkedFile]()
    for number, row in enumerate(stored, 2):
        if None in row or None in row.values():
            problems.append(f"line {number} has not {len(COLUMNS)} values")
        elif not all(_is_sha256(row[key]) for key in ("rendered_sha256", "published_sha256")):
            problems.append(f"line {number}: a hash is no SHA-256")
        elif not is_hash(row["perceptual_hash"]):
            problems.append(f"line {number}: {row['perceptual_hash']!r} is no perceptual hash")
        elif row["path"] in rows and not last_counts:
            problems.append(f"line {number}: {row['path']} stands twice")
        else:
            rows[row["path"]] = MarkedFile(**row)
    if problems:
        raise Problems(path, problems, remedy="copy the table again, or publish anew")
    return list(rows.values())


def _is_sha256(text: str) -> bool:
    return len(text) == 64 and all(character in "0123456789abcdef" for character in text)
