"""Finishing a data set: its tables, and dataset.json last, so that an unfinished one never looks whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.atomic import write_text, written_aside
from nvfair_tools.dataset.schema import FORMAT_VERSION, IDENTITIES, VIDEOS


def write_table(path: Path, rows: pd.DataFrame, schema: pa.Schema) -> None:
    """Writes `rows` with exactly the columns of `schema` (absent nullable ones become null)."""
    columns = []
    for field in schema:
        values = rows[field.name].tolist() if field.name in rows else [None] * len(rows)
        values = [None if _is_missing(value) else value for value in values]
        columns.append(pa.array(values, field.type))
    with written_aside(path) as aside:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), aside, compression="zstd")


def finish(
    folder: Path,
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    meta: Mapping[str, Any],
    *,
    extra_files: Iterable[Path] = (),
) -> dict[str, Any]:
    """Writes identities.parquet, videos.parquet and, last, dataset.json with the sha256 of every table, part and
    of `extra_files`; returns what dataset.json holds. Rows are stored in the order of their ids."""
    (folder / "dataset.json").unlink(missing_ok=True)
    write_table(folder / "identities.parquet", identities.sort_values("identity"), IDENTITIES)
    write_table(folder / "videos.parquet", videos.sort_values("video"), VIDEOS)
    parts = sorted(videos["part"].dropna().unique())
    files = [folder / "identities.parquet", folder / "videos.parquet", *(folder / part for part in parts), *extra_files]
    content = {
        "format_version": FORMAT_VERSION,
        **meta,
        "counts": {"identities": len(identities), "videos": len(videos)},
        "files": {path.relative_to(folder).as_posix(): sha256_of(path) for path in sorted(files)},
    }
    write_text(folder / "dataset.json", json.dumps(content, indent=1, sort_keys=True) + "\n")
    return content


def sha256_of(path: Path) -> str:
    """Hex digest of a file's content."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() if hasattr(hashlib, "file_digest") else _digest(file)


def _digest(file: Any) -> str:
    """`hashlib.file_digest` for Python 3.10."""
    digest = hashlib.sha256()
    for block in iter(lambda: file.read(1 << 20), b""):
        digest.update(block)
    return digest.hexdigest()


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value) or value is pd.NA
