"""Writes the tables of a data set, and dataset.json last, so that an unfinished data set never looks finished."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import FORMAT_VERSION, IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.files import atomic_output, sha256_of, write_text

_TABLES = ("identities.parquet", "videos.parquet")
SEAL = "own_sha256"  # the entry of dataset.json that holds the hash of all others


def write_table(path: Path, rows: pd.DataFrame, schema: pa.Schema) -> None:
    """Writes `rows` as a Parquet file with exactly the columns of `schema`; absent nullable columns become null.

    Raises ValueError where a column that needs a value in each row lacks one.
    """
    columns = []
    for field in schema:
        values = rows[field.name].tolist() if field.name in rows else [None] * len(rows)
        values = [None if _is_missing(value) else value for value in values]
        missing = [] if field.nullable else [row for row, value in enumerate(values) if value is None]
        if missing:  # pyarrow 17 would write them without a word
            raise ValueError(f"{path.name}: row {missing[0]} has no value in the column {field.name!r}")
        columns.append(pa.array(values, field.type))
    with atomic_output(path) as temporary:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), temporary, compression="zstd")


def write_tables(folder: Path, identities: pd.DataFrame, videos: pd.DataFrame) -> dict[str, str]:
    """Writes identities.parquet and videos.parquet, rows in the order of their ids; the data set is unfinished until
    `finish_dataset`. Returns {path: SHA-256} of both tables and of every part that `videos` names."""
    (folder / "dataset.json").unlink(missing_ok=True)
    write_table(folder / "identities.parquet", identities.sort_values("identity"), IDENTITIES_SCHEMA)
    write_table(folder / "videos.parquet", videos.sort_values("video"), VIDEOS_SCHEMA)
    names = [*_TABLES, *sorted(videos["part"].dropna().unique())]
    return {name: sha256_of(folder / name) for name in names}


def whole_numbers(videos: pd.DataFrame) -> pd.DataFrame:
    """A table of videos as it was read, with columns of whole numbers, which pandas reads as floats where any is
    missing; a table so is written, and told of in a card, as it was by its build."""
    columns = [field.name for field in VIDEOS_SCHEMA if pa.types.is_integer(field.type) and field.name in videos]
    return videos.astype(dict.fromkeys(columns, "Int64"))


def content_digest(files: Mapping[str, str]) -> str:
    """The SHA-256 of all rows of a data set, from the hashes of its tables and parts, as `write_tables` returns them
    and dataset.json holds them among others: consents and places in footage are no rows that `datasets` reads."""
    names = [name for name in sorted(files) if name in _TABLES or name.startswith("frames/")]
    lines = [f"{files[name]} {name}" for name in names]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def finish_dataset(
    folder: Path,
    identities: pd.DataFrame,
    videos: pd.DataFrame,
    meta: Mapping[str, Any],
    *,
    extra_files: Iterable[Path] = (),
    files: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Writes identities.parquet, videos.parquet and, last, dataset.json; returns the content of dataset.json.

    meta: entries of dataset.json besides the format version, the counts and the SHA-256 of every table, part and of
    `extra_files`, which are added here. files: what `write_tables` returned, where it has been called already.
    """
    files = write_tables(folder, identities, videos) if files is None else files
    extra = {path.relative_to(folder).as_posix(): sha256_of(path) for path in extra_files}
    content = {
        "format_version": FORMAT_VERSION,
        **meta,
        "counts": {"identities": len(identities), "videos": len(videos)},
        "files": {**files, **extra},
    }
    content = sealed(content)
    write_text(folder / "dataset.json", meta_text(content))
    return content


def meta_text(content: Mapping[str, Any]) -> str:
    """The text of dataset.json, byte for byte."""
    return json.dumps(content, indent=1, sort_keys=True) + "\n"


def sealed(content: Mapping[str, Any]) -> dict[str, Any]:
    """The content of dataset.json with `own_sha256`: the hash of its text without that entry, by which a reader sees
    that not a byte of it has changed."""
    others = {key: value for key, value in content.items() if key != SEAL}
    return {**others, SEAL: hashlib.sha256(meta_text(others).encode()).hexdigest()}


def _is_missing(value: object) -> bool:
    return value is None or (isinstance(value, float) and value != value) or value is pd.NA
