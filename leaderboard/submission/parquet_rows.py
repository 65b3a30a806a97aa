"""Rows of Parquet files from strangers: the footer is checked before a page is read.

Legend: n rows of a batch, D embedding size.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from leaderboard.submission.row_file import (
    BATCH_ROWS,
    BATCH_VALUES,
    EMBEDDINGS,
    MAX_EMBEDDING,
    MAX_KEY,
    MAX_VALUES,
    SCORES,
    Batch,
    RowFile,
    too_many,
)
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import Problems

_MAX_FOOTER = 16 * 1024 * 1024
_MAX_COLUMNS = 100
_MAX_GROUPS = 20_000
_BUFFER = 1024 * 1024  # pages are read through it instead of whole column chunks


def opened(path: Path, name: str, kind: str, most: int) -> RowFile:
    """See leaderboard.submission.open_rows.open_rows."""
    found = _footer_problem(path)
    if found:
        raise Problems(name, [f"{name}: not a whole Parquet file ({found}); write it with `nvfair embed` or pyarrow"])
    with _open(path, kind) as file:
        problems = list(_shape(name, file, kind, most))
        if problems:
            raise Problems(name, problems)
        size = file.schema_arrow.field("embedding").type.list_size if kind == "embeddings" else 1
        return RowFile(path, name, kind, size, file.metadata.num_rows)


def batches(file: RowFile) -> Iterator[Batch]:
    """See leaderboard.submission.row_file.RowFile.batches."""
    columns = list(EMBEDDINGS if file.kind == "embeddings" else SCORES)
    rows = max(1, min(BATCH_ROWS, BATCH_VALUES // file.size))
    first = 0
    with _open(file.path, file.kind) as parquet:
        for batch in parquet.iter_batches(batch_size=rows, columns=columns, use_threads=False):
            yield _batch(batch, file, first)
            first += len(batch)


def _open(path: Path, kind: str) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        buffer_size=_BUFFER,
        pre_buffer=False,
        read_dictionary=["video" if kind == "embeddings" else "trial"],  # one long name in a million rows is one name
        thrift_string_size_limit=_MAX_FOOTER,
        thrift_container_size_limit=200_000,
    )


def _footer_problem(path: Path) -> str:
    size = path.stat().st_size
    if size < 12:
        return f"{size} bytes"
    with open(path, "rb") as file:
        if file.read(4) != b"PAR1":
            return "it does not begin as one"
        file.seek(-8, 2)
        tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != b"PAR1":
        return "its end is missing"
    return f"its footer would have {length} bytes" if length > min(size - 12, _MAX_FOOTER) else ""


def _shape(name: str, file: pq.ParquetFile, kind: str, most: int) -> Iterator[str]:
    """Problems of columns and sizes, from the footer alone."""
    schema, about = file.schema_arrow, file.metadata
    if len(schema.names) > _MAX_COLUMNS or about.num_row_groups > _MAX_GROUPS:
        yield (
            f"{name}: {len(schema.names)} columns in {about.num_row_groups} row groups; at most {_MAX_COLUMNS} in "
            f"{_MAX_GROUPS}; keep the columns {', '.join(EMBEDDINGS if kind == 'embeddings' else SCORES)}"
        )
        return
    there = ", ".join(quoted(column) for column in schema.names)
    for column, wanted in (EMBEDDINGS if kind == "embeddings" else SCORES).items():
        count = schema.names.count(column)
        if count != 1:
            told = "is missing" if count == 0 else f"is there {count} times"
            yield f"{name}: column {column!r} ({wanted}) {told}; there are {there}"
            continue
        type_ = schema.field(column).type
        if not _is(type_, wanted):
            yield f"{name}: column {column!r} is {str(type_)[:100]}; expected {_asked(wanted)}"
        elif column == "embedding":
            size, rows = type_.list_size, about.num_rows
            if not 1 <= size <= MAX_EMBEDDING:
                yield f"{name}: embeddings have {size} values; expected 1 to {MAX_EMBEDDING}"
            elif rows * size > MAX_VALUES:
                yield f"{name}: {rows} rows of {size} values are too many; at most {MAX_VALUES} values in one file"
    counted = sum(about.row_group(n).num_rows for n in range(about.num_row_groups))
    if about.num_rows != counted:
        yield f"{name}: its footer says {about.num_rows} rows, its row groups {counted}; write it again"
    elif about.num_rows == 0:
        yield f"{name}: there are no rows"
    elif about.num_rows > most:
        yield too_many(name, about.num_rows, most)


def _is(type_: pa.DataType, wanted: str) -> bool:
    if wanted == "string":
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
        return pa.types.is_string(type_) or pa.types.is_large_string(type_)
    if wanted == "integer":
        return pa.types.is_integer(type_)
    if wanted == "number":
        return pa.types.is_floating(type_) or pa.types.is_integer(type_)
    return pa.types.is_fixed_size_list(type_) and type_.value_type == pa.float32()


def _asked(wanted: str) -> str:
    return "fixed-size list of float32" if wanted.startswith("list") else wanted


def _batch(batch: pa.RecordBatch, file: RowFile, first: int) -> Batch:
    wrong: dict[str, np.ndarray] = {}
    embeddings = file.kind == "embeddings"
    key = _keys(batch.column("video" if embeddings else "trial"), wrong)
    if not embeddings:
        none = np.empty(0, np.int64)
        scores = _numbers(batch.column("score"), "score", pa.float64(), wrong)
        return Batch(first, key, none, none, scores[:, None], wrong)
    window, start = (_numbers(batch.column(name), name, pa.int64(), wrong) for name in ("window", "start_frame"))
    return Batch(first, key, window, start, _embeddings(batch.column("embedding"), file.size, wrong), wrong)


def _keys(column: pa.Array, wrong: dict[str, np.ndarray]) -> np.ndarray:
    column.validate(full=True)  # indices within the dictionary, text in UTF-8: neither is certain in a file
    if pa.types.is_dictionary(column.type):
        longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
        column = column.cast(column.type.value_type) if longest <= MAX_KEY else column
    else:
        longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest > MAX_KEY:
        raise ValueError(f"a name has {longest} bytes; at most {MAX_KEY}")
    _note_nulls(column, "the name is null", wrong)
    return np.array(column.fill_null("").to_pylist(), dtype=object)


def _numbers(column: pa.Array, name: str, type_: pa.DataType, wrong: dict[str, np.ndarray]) -> np.ndarray:
    _note_nulls(column, f"{name} is null", wrong)
    # Numbers beyond int64 are refused by the cast; whole numbers beyond 2^53 lose their last digits as scores.
    numbers = column.cast(type_, safe=type_ == pa.int64())
    return numbers.fill_null(-1).to_numpy(zero_copy_only=False)


def _embeddings(column: pa.Array, size: int, wrong: dict[str, np.ndarray]) -> np.ndarray:
    _note_nulls(column, "the embedding is null", wrong)
    rows = np.full((len(column), size), np.nan, dtype=np.float32)
    values = column.flatten()  # without those of null rows
    if len(values) != (len(column) - column.null_count) * size:
        raise ValueError("the lists of values have other lengths than the column says")
    there = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    rows[there] = values.fill_null(np.nan).to_numpy(zero_copy_only=False).reshape(-1, size)
    return rows


def _note_nulls(column: pa.Array, what: str, wrong: dict[str, np.ndarray]) -> None:
    if column.null_count:
        wrong[what] = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
