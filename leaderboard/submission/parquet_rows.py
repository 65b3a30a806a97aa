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
    MAX_EMBEDDING_SIZE,
    MAX_NAME_BYTES,
    MAX_VALUES,
    RowBatch,
    RowFile,
    columns_of,
    too_many_rows,
)
from leaderboard.submission.untrusted_text import quoted
from nvfair_tools.errors import Problems
from nvfair_tools.quantities import count_text

_MAGIC = b"PAR1"
_MIN_BYTES = 12  # the magic twice, and the footer's length
_MAX_FOOTER = 16 * 1024 * 1024
_MAX_COLUMNS = 100
_MAX_GROUPS = 20_000
_MAX_CONTAINER = 200_000
_BUFFER = 1024 * 1024  # pages are read through it instead of whole column chunks


def open_parquet(path: Path, name: str, kind: str, max_rows: int) -> RowFile:
    """Opens a Parquet file as `open_rows` does."""
    problem = _footer_problem(path)
    if problem:
        raise Problems(name, [f"{name}: not a whole Parquet file ({problem}); write it with `nvfair embed` or pyarrow"])
    with _open(path, kind) as file:
        problems = list(_shape_problems(name, file, kind, max_rows))
        if problems:
            raise Problems(name, problems)
        size = file.schema_arrow.field("embedding").type.list_size if kind == "embeddings" else 1
        return RowFile(path, name, kind, size)


def read_statement(path: Path, key: str) -> str | None:
    """What a file that `open_parquet` has opened says of itself under `nvfair.KEY`; None where it says nothing."""
    with _open(path, "embeddings") as file:
        content = (file.schema_arrow.metadata or {}).get(f"nvfair.{key}".encode())
    return None if content is None else content.decode(errors="replace")


def read_parquet_batches(file: RowFile) -> Iterator[RowBatch]:
    """The rows of a Parquet file in order."""
    rows = max(1, min(BATCH_ROWS, BATCH_VALUES // file.size))
    first_row = 0
    with _open(file.path, file.kind) as parquet:
        for batch in parquet.iter_batches(batch_size=rows, columns=list(columns_of(file.kind)), use_threads=False):
            yield _row_batch(batch, file, first_row)
            first_row += len(batch)


def _open(path: Path, kind: str) -> pq.ParquetFile:
    return pq.ParquetFile(
        path,
        buffer_size=_BUFFER,
        pre_buffer=False,
        read_dictionary=["video" if kind == "embeddings" else "trial"],  # one long name in a million rows is one name
        thrift_string_size_limit=_MAX_FOOTER,
        thrift_container_size_limit=_MAX_CONTAINER,
    )


def _footer_problem(path: Path) -> str:
    """The problem of a file that does not begin or end as a Parquet file; "" where it does both."""
    size = path.stat().st_size
    if size < _MIN_BYTES:
        return f"{size} bytes"
    with open(path, "rb") as file:
        if file.read(len(_MAGIC)) != _MAGIC:
            return "it does not begin as one"
        file.seek(-8, 2)
        tail = file.read(8)
    length = int.from_bytes(tail[:4], "little")
    if tail[4:] != _MAGIC:
        return "its end is missing"
    return f"its footer would have {length} bytes" if length > min(size - _MIN_BYTES, _MAX_FOOTER) else ""


def _shape_problems(name: str, file: pq.ParquetFile, kind: str, max_rows: int) -> Iterator[str]:
    """Problems of columns and sizes, from the footer alone."""
    schema, footer = file.schema_arrow, file.metadata
    if len(schema.names) > _MAX_COLUMNS or footer.num_row_groups > _MAX_GROUPS:
        yield (
            f"{name}: {len(schema.names)} columns in {footer.num_row_groups} row groups; at most {_MAX_COLUMNS} in "
            f"{_MAX_GROUPS}; keep the columns {', '.join(columns_of(kind))}"
        )
        return
    yield from _column_problems(name, schema, footer.num_rows, kind)
    group_rows = sum(footer.row_group(n).num_rows for n in range(footer.num_row_groups))
    if footer.num_rows != group_rows:
        rows = count_text(footer.num_rows, "row")
        yield f"{name}: its footer says {rows}, its row groups {group_rows:,}; write it again"
    elif footer.num_rows == 0:
        yield f"{name}: there are no rows"
    elif footer.num_rows > max_rows:
        yield too_many_rows(name, footer.num_rows, max_rows)


def _column_problems(name: str, schema: pa.Schema, rows: int, kind: str) -> Iterator[str]:
    all_columns = ", ".join(quoted(column) for column in schema.names)
    for column, content in columns_of(kind).items():
        count = schema.names.count(column)
        if count != 1:
            problem = "is missing" if count == 0 else f"is there {count} times"
            yield f"{name}: column {column!r} ({content}) {problem}; there are {all_columns}"
            continue
        type_ = schema.field(column).type
        if not _holds(type_, content):
            expected = "fixed-size list of float32" if content.startswith("list") else content
            yield f"{name}: column {column!r} is {str(type_)[:100]}; expected {expected}"
        elif column == "embedding":
            size = type_.list_size
            if not 1 <= size <= MAX_EMBEDDING_SIZE:
                yield f"{name}: embeddings have {size} values; expected 1 to {MAX_EMBEDDING_SIZE}"
            elif rows * size > MAX_VALUES:
                yield f"{name}: {rows} rows of {size} values are too many; at most {MAX_VALUES} values in one file"


def _holds(type_: pa.DataType, content: str) -> bool:
    """Whether a column of this type can hold what `columns_of` says."""
    if content == "string":
        if pa.types.is_dictionary(type_):
            type_ = type_.value_type
        return pa.types.is_string(type_) or pa.types.is_large_string(type_)
    if content == "integer":
        return pa.types.is_integer(type_)
    if content == "number":
        return pa.types.is_floating(type_) or pa.types.is_integer(type_)
    return pa.types.is_fixed_size_list(type_) and type_.value_type == pa.float32()


def _row_batch(batch: pa.RecordBatch, file: RowFile, first_row: int) -> RowBatch:
    cell_problems: dict[str, np.ndarray] = {}
    is_embeddings = file.kind == "embeddings"
    names = _names(batch.column("video" if is_embeddings else "trial"), cell_problems)
    if not is_embeddings:
        none = np.empty(0, np.int64)
        scores = _numbers(batch.column("score"), "score", pa.float64(), cell_problems)
        return RowBatch(first_row, names, none, none, scores[:, None], cell_problems)
    window, start_frame = (
        _numbers(batch.column(column), column, pa.int64(), cell_problems) for column in ("window", "start_frame")
    )
    embeddings = _embeddings(batch.column("embedding"), file.size, cell_problems)
    return RowBatch(first_row, names, window, start_frame, embeddings, cell_problems)


def _names(column: pa.Array, cell_problems: dict[str, np.ndarray]) -> np.ndarray:
    """The names (n,) of videos or trials; "" where a cell is null. Raises ValueError for a name that is too long."""
    column.validate(full=True)  # indices within the dictionary, text in UTF-8: neither is certain in a file
    if pa.types.is_dictionary(column.type):
        longest = pc.max(pc.binary_length(column.dictionary)).as_py() or 0
        column = column.cast(column.type.value_type) if longest <= MAX_NAME_BYTES else column
    else:
        longest = pc.max(pc.binary_length(column)).as_py() or 0
    if longest > MAX_NAME_BYTES:
        raise ValueError(f"a name has {longest} bytes; at most {MAX_NAME_BYTES}")
    _note_nulls(column, "the name is null", cell_problems)
    return np.array(column.fill_null("").to_pylist(), dtype=object)


def _numbers(column: pa.Array, name: str, type_: pa.DataType, cell_problems: dict[str, np.ndarray]) -> np.ndarray:
    """The column (n,) as numbers of `type_`; -1 where a cell is null."""
    _note_nulls(column, f"{name} is null", cell_problems)
    # Numbers beyond int64 are refused by the cast; whole numbers beyond 2^53 lose their last digits as scores.
    numbers = column.cast(type_, safe=type_ == pa.int64())
    return numbers.fill_null(-1).to_numpy(zero_copy_only=False)


def _embeddings(column: pa.Array, size: int, cell_problems: dict[str, np.ndarray]) -> np.ndarray:
    """The embeddings (n, D); NaN where a list or a value in it is null."""
    _note_nulls(column, "the embedding is null", cell_problems)
    rows = np.full((len(column), size), np.nan, dtype=np.float32)
    values = column.flatten()  # without those of null rows
    if len(values) != (len(column) - column.null_count) * size:
        raise ValueError("the lists of values have other lengths than the column says")
    is_valid = np.asarray(column.is_valid().to_numpy(zero_copy_only=False), dtype=bool)
    rows[is_valid] = values.fill_null(np.nan).to_numpy(zero_copy_only=False).reshape(-1, size)
    return rows


def _note_nulls(column: pa.Array, problem: str, cell_problems: dict[str, np.ndarray]) -> None:
    if column.null_count:
        cell_problems[problem] = np.flatnonzero(column.is_null().to_numpy(zero_copy_only=False))
