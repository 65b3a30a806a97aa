"""Writes the tables of a data set, and dataset.json last, so that an unfinished data set never looks finished."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import FORMAT_VERSION, IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.files import atomic_output, sha256_of, write_text


def write_table(path: Path, rows: pd.DataFrame, schema: pa.Schema) -> None:
    """Writes `rows` as a Parquet file with exactly the columns of `schema`; absent nullable columns become null."""
    columns = []
    for field in schema:
        values = rows[field.name].tolist() if field.name in rows else [None] * len(rows)
        values = [None if _is_missing(value) else value for value in values]
        columns.append(pa.array(values, field.type))
    with atomic_output(path) as temporary:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), temporary, compression="zstd")


def finish_dataset(
    folder: Path,
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    meta: Mapping[str, Any],
    *,
    extra_files: Iterable[Path] = (),
) -> dict[str, Any]:
    """Writes identities.parquet, videos.parquet and, last, dataset.json; returns the content of dataset.json.

    meta: entries of dataset.json besides the format version, the counts and the SHA-256 of every table, part and of
    `extra_files`, which are added here. Rows are stored in the order of their ids.
    """
    (folder / "dataset.json").unlink(missing_ok=True)
    write_table(folder / "identities.parquet", identities.sort_values("identity"), IDENTITIES_SCHEMA)
    write_table(folder / "videos.parquet", videos.sort_values("video"), VIDEOS_SCHEMA)
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


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value) or value is pd.NA
