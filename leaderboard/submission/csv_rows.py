"""Rows of CSV files from strangers, in UTF-8: read as text, so that every cell that is no number is named by its line.

Legend: n rows of a batch, D embedding size.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from leaderboard.submission.row_file import (
    MAX_EMBEDDING_SIZE,
    MAX_NAME_BYTES,
    MAX_VALUES,
    RowBatch,
    RowFile,
    columns_of,
)
from leaderboard.submission.untrusted_text import quoted
from leaderboard.submission.untrusted_yaml import decode_utf8
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text

_HEADER_BYTES = 256 * 1024
_BLOCK_BYTES = 8 * 1024 * 1024
_CELL_BYTES = 40  # of a number, with its comma
_MAX_LISTED_LINES = 10  # lines with another number of cells
_MAX_LISTED_COLUMNS = 8
_MAX_COLUMNS = MAX_EMBEDDING_SIZE + 100  # as many that hold no value as a Parquet file may have
_INTEGER = r"^[+-]?[0-9]{1,18}$"
_NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,4})?$"
_INFINITY = r"^[+-]?inf(inity)?$"
_VALUE_COLUMN = re.compile(r"embedding_(0|[1-9][0-9]{0,4})")


def open_csv(path: Path, name: str, kind: str, max_rows: int) -> RowFile:
    """Opens a CSV file as `open_rows` does."""
    columns = _read_header(path, name)
    if len(columns) > _MAX_COLUMNS:
        raise Problems(name, [f"{name}: {len(columns)} columns; at most {_MAX_COLUMNS}"])
    value_columns = [column for column in columns if _VALUE_COLUMN.fullmatch(column)]
    size = len(value_columns) if kind == "embeddings" else 1
    problems = [
        f"{name}: column {column!r} ({content}) is missing; there are {_listed(columns)}"
        for column, content in columns_of(kind).items()
        if column != "embedding" and column not in columns
    ]
    problems += [
        f"{name}: two columns are called {quoted(column)}" for column, count in Counter(columns).items() if count > 1
    ][:_MAX_LISTED_COLUMNS]
    if kind == "embeddings":
        problems += _value_column_problems(name, value_columns)
    widest_row = 2 * MAX_NAME_BYTES + _CELL_BYTES * (size + 2)
    if path.stat().st_size > (max_rows + 1) * widest_row + _HEADER_BYTES or max_rows * size > MAX_VALUES:
        problems.append(
            f"{name}: {path.stat().st_size} bytes are too many for the {max_rows} rows that the protocol has work for"
        )
    if problems:
        raise Problems(name, problems)
    _check_encoding(path, name)
    return RowFile(path, name, kind, size)


def read_csv_batches(file: RowFile) -> Iterator[RowBatch]:
    """The rows of a CSV file in order. Raises Problems for lines with another number of cells, and for no rows."""
    try:
        yield from _read_batches(file)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise
        raise Problems(file.name, [f"{file.name}: there are no rows"]) from error


def _value_column_problems(name: str, value_columns: list[str]) -> list[str]:
    size = len(value_columns)
    if not 1 <= size <= MAX_EMBEDDING_SIZE:
        return [
            f"{name}: {size} columns embedding_0, embedding_1, ...; expected 1 to {MAX_EMBEDDING_SIZE}, a value each"
        ]
    if set(value_columns) != {f"embedding_{n}" for n in range(size)}:
        return [f"{name}: the columns embedding_0 to embedding_{size - 1} are not all there"]
    return []


def _read_batches(file: RowFile) -> Iterator[RowBatch]:
    columns = _read_header(file.path, file.name)
    ragged_lines: list[str] = []

    def skip_ragged_line(row: pa.csv.InvalidRow) -> str:
        if len(ragged_lines) < _MAX_LISTED_LINES:
            line = f"line {row.number}" if row.number is not None else "a line"
            cells = f"has {count_text(row.actual_columns, 'cell')}; expected {row.expected_columns}"
            ragged_lines.append(f"{file.name}: {line} {cells}: {quoted(row.text)}")
        return "skip"

    included_columns = ["video", "window", "start_frame"] if file.kind == "embeddings" else ["trial", "score"]
    included_columns += [f"embedding_{n}" for n in range(file.size)] if file.kind == "embeddings" else []
    reader = pa.csv.open_csv(
        file.path,
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES),
        parse_options=pa.csv.ParseOptions(invalid_row_handler=skip_ragged_line, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in columns},
            include_columns=included_columns,
            strings_can_be_null=False,
        ),
    )
    first_row = 0
    with reader:
        for batch in reader:
            if len(batch):
                yield _row_batch(batch, file, first_row)
                first_row += len(batch)
    if ragged_lines:
        note = f"{file.name}: mend those first: other lines are counted without them"
        raise Problems(file.name, [*ragged_lines, note])
    if first_row == 0:
        raise Problems(file.name, [f"{file.name}: there are no rows"])


def _read_header(path: Path, name: str) -> list[str]:
    """The names of the columns. Raises Problems where the first line is too long, or is not CSV in UTF-8."""
    with open(path, "rb") as file:
        start = file.read(_HEADER_BYTES)
    line = start.partition(b"\n")[0]
    if len(line) == _HEADER_BYTES:
        raise Problems(
            name, [f"{name}: the first line has no end within {_HEADER_BYTES} bytes; expected names of columns"]
        )
    try:
        text = decode_utf8(line if start[:2] not in (b"\xff\xfe", b"\xfe\xff") else start[:4], name)
        return next(csv.reader([text.rstrip("\r")], strict=True), [])
    except NvfairError as error:
        raise Problems(name, [str(error)]) from error
    except csv.Error as error:
        raise Problems(name, [f"{name}: line 1: {error}"]) from error


def _check_encoding(path: Path, name: str) -> None:
    """Raises Problems at the first byte that is not UTF-8, because pyarrow's reader would name no line."""
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 0
    with open(path, "rb") as file:
        while True:
            block = file.read(_BLOCK_BYTES)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n") + 1
                byte = f"byte 0x{error.object[error.start]:02x}"
                raise Problems(
                    name, [f"{name}: line {line}: {byte} is not UTF-8 (it may be Latin-1); save it as UTF-8"]
                ) from error
            if not block:
                return
            lines += block.count(b"\n")


def _listed(columns: list[str]) -> str:
    hidden = len(columns) - _MAX_LISTED_COLUMNS
    more = f" and {hidden} more" if hidden > 0 else ""
    return ", ".join(quoted(column) for column in columns[:_MAX_LISTED_COLUMNS]) + more


def _row_batch(batch: pa.RecordBatch, file: RowFile, first_row: int) -> RowBatch:
    cell_problems: dict[str, np.ndarray] = {}
    name_column = batch.column(0)
    longest = pc.max(pc.binary_length(name_column)).as_py() or 0
    if longest > MAX_NAME_BYTES:
        raise ValueError(f"a name has {longest} bytes; at most {MAX_NAME_BYTES}")
    names = np.array(name_column.to_pylist(), dtype=object)
    if file.kind == "scores":
        none = np.empty(0, np.int64)
        scores = _numbers(batch.column(1), "score", cell_problems)
        return RowBatch(first_row, names, none, none, scores[:, None], cell_problems)
    window, start_frame = (
        _integers(batch.column(n), column, cell_problems) for n, column in ((1, "window"), (2, "start_frame"))
    )
    values = np.empty((len(batch), file.size), dtype=np.float32)
    value_problems: dict[str, np.ndarray] = {}
    with np.errstate(over="ignore"):  # a number beyond float32 becomes infinite, and is named as such
        for n in range(file.size):
            values[:, n] = _numbers(batch.column(3 + n), f"embedding_{n}", value_problems)
    if value_problems:
        rows = np.unique(np.concatenate(list(value_problems.values())))
        cell_problems["a value of the embedding is no number"] = rows
    return RowBatch(first_row, names, window, start_frame, values, cell_problems)


def _integers(column: pa.Array, name: str, cell_problems: dict[str, np.ndarray]) -> np.ndarray:
    """The column (n,) as int64; -1 where a cell is no whole number, which is noted in `cell_problems`."""
    text = pc.utf8_trim_whitespace(column)
    is_integer = pc.match_substring_regex(text, _INTEGER)
    _note_rows(is_integer, f"{name} is no whole number", cell_problems)
    return pc.if_else(is_integer, pc.utf8_ltrim(text, "+"), "-1").cast(pa.int64()).to_numpy(zero_copy_only=False)


def _numbers(column: pa.Array, name: str, cell_problems: dict[str, np.ndarray]) -> np.ndarray:
    """The column (n,) as float64; NaN where a cell is no number, which is noted in `cell_problems`."""
    text = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    is_infinite, is_nan = pc.match_substring_regex(text, _INFINITY), pc.equal(text, "nan")
    is_finite = pc.match_substring_regex(text, _NUMBER)
    _note_rows(pc.or_(pc.or_(is_finite, is_infinite), is_nan), f"{name} is no number", cell_problems)
    numbers = pc.if_else(is_finite, pc.utf8_ltrim(text, "+"), "nan").cast(pa.float64()).to_numpy(zero_copy_only=False)
    if not pc.any(is_infinite).as_py():
        return numbers
    infinities = np.where(pc.starts_with(text, "-").to_numpy(zero_copy_only=False), -np.inf, np.inf)
    return np.where(is_infinite.to_numpy(zero_copy_only=False), infinities, numbers)


def _note_rows(is_good: pa.Array, problem: str, cell_problems: dict[str, np.ndarray]) -> None:
    rows = np.flatnonzero(~np.asarray(is_good.to_numpy(zero_copy_only=False), dtype=bool))
    if len(rows):
        cell_problems[problem] = rows
