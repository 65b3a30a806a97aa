"""Rows of CSV files from strangers, in UTF-8: read as text, so that every cell that is no number is told with its line.

Legend: n rows of a batch, D embedding size.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv

from leaderboard.submission.row_file import EMBEDDINGS, MAX_EMBEDDING, MAX_KEY, MAX_VALUES, SCORES, Batch, RowFile
from leaderboard.submission.untrusted_text import quoted
from leaderboard.submission.untrusted_yaml import decode_utf8
from nvfair_tools.errors import NvfairError, Problems

_HEADER = 256 * 1024
_BLOCK = 8 * 1024 * 1024
_LINES = 10  # lines with another number of cells that are told
_INTEGER = r"^[+-]?[0-9]{1,18}$"
_NUMBER = r"^[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]{1,4})?$"
_INFINITY = r"^[+-]?inf(inity)?$"
_VALUE = re.compile(r"embedding_(0|[1-9][0-9]{0,4})")


def opened(path: Path, name: str, kind: str, most: int) -> RowFile:
    """See leaderboard.submission.open_rows.open_rows."""
    columns = _header(path, name)
    values = [column for column in columns if _VALUE.fullmatch(column)]
    size = len(values) if kind == "embeddings" else 1
    problems = [
        f"{name}: column {column!r} ({what}) is missing; there are {_listed(columns)}"
        for column, what in (EMBEDDINGS if kind == "embeddings" else SCORES).items()
        if column != "embedding" and column not in columns
    ]
    problems += [
        f"{name}: two columns are called {quoted(one)}" for one in dict.fromkeys(columns) if columns.count(one) > 1
    ]
    if kind == "embeddings":
        if not 1 <= size <= MAX_EMBEDDING:
            problems.append(
                f"{name}: {size} columns embedding_0, embedding_1, ...; expected 1 to {MAX_EMBEDDING}, a value each"
            )
        elif set(values) != {f"embedding_{n}" for n in range(size)}:
            problems.append(f"{name}: the columns embedding_0 to embedding_{size - 1} are not all there")
    widest = 2 * MAX_KEY + 40 * (size + 2)
    if path.stat().st_size > (most + 1) * widest + _HEADER or most * size > MAX_VALUES:
        problems.append(
            f"{name}: {path.stat().st_size} bytes are too many for the {most} rows that the protocol has work for"
        )
    if problems:
        raise Problems(name, problems)
    _check_encoding(path, name)
    return RowFile(path, name, kind, size, -1)


def batches(file: RowFile) -> Iterator[Batch]:
    """See leaderboard.submission.row_file.RowFile.batches."""
    try:
        yield from _batches(file)
    except pa.ArrowInvalid as error:
        if "Empty CSV file" not in str(error):
            raise
        raise Problems(file.name, [f"{file.name}: there are no rows"]) from error


def _batches(file: RowFile) -> Iterator[Batch]:
    columns = _header(file.path, file.name)
    ragged: list[str] = []

    def skipped(row: pa.csv.InvalidRow) -> str:
        if len(ragged) < _LINES:
            at = f"line {row.number}" if row.number is not None else "a line"
            ragged.append(
                f"{file.name}: {at} has {row.actual_columns} cells; expected {row.expected_columns}: {quoted(row.text)}"
            )
        return "skip"

    names = ["video", "window", "start_frame"] if file.kind == "embeddings" else ["trial", "score"]
    names += [f"embedding_{n}" for n in range(file.size)] if file.kind == "embeddings" else []
    reader = pa.csv.open_csv(
        file.path,
        read_options=pa.csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        parse_options=pa.csv.ParseOptions(invalid_row_handler=skipped, ignore_empty_lines=False),
        convert_options=pa.csv.ConvertOptions(
            column_types={name: pa.string() for name in columns}, include_columns=names, strings_can_be_null=False
        ),
    )
    first = 0
    with reader:
        for batch in reader:
            if len(batch):
                yield _batch(batch, file, first)
                first += len(batch)
    if ragged:
        raise Problems(file.name, [*ragged, f"{file.name}: mend those first: other lines are counted without them"])
    if first == 0:
        raise Problems(file.name, [f"{file.name}: there are no rows"])


def _header(path: Path, name: str) -> list[str]:
    with open(path, "rb") as file:
        start = file.read(_HEADER)
    line = start.partition(b"\n")[0]
    if len(line) == _HEADER:
        raise Problems(name, [f"{name}: the first line has no end within {_HEADER} bytes; expected names of columns"])
    try:
        text = decode_utf8(line if start[:2] not in (b"\xff\xfe", b"\xfe\xff") else start[:4], name)
        return next(csv.reader([text.rstrip("\r")], strict=True), [])
    except NvfairError as error:
        raise Problems(name, [str(error)]) from error
    except csv.Error as error:
        raise Problems(name, [f"{name}: line 1: {error}"]) from error


def _check_encoding(path: Path, name: str) -> None:
    """Raises Problems at the first byte that is not UTF-8: the reader of CSV would tell no line."""
    decoder, lines = codecs.getincrementaldecoder("utf-8")(), 0
    with open(path, "rb") as file:
        while True:
            block = file.read(_BLOCK)
            try:
                decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                line = lines + error.object[: error.start].count(b"\n") + 1
                told = f"byte 0x{error.object[error.start]:02x} is not UTF-8 (it may be Latin-1); save it as UTF-8"
                raise Problems(name, [f"{name}: line {line}: {told}"]) from error
            if not block:
                return
            lines += block.count(b"\n")


def _listed(columns: list[str]) -> str:
    more = f" and {len(columns) - 8} more" if len(columns) > 8 else ""
    return ", ".join(quoted(column) for column in columns[:8]) + more


def _batch(batch: pa.RecordBatch, file: RowFile, first: int) -> Batch:
    wrong: dict[str, np.ndarray] = {}
    keys = batch.column(0)
    longest = pc.max(pc.binary_length(keys)).as_py() or 0
    if longest > MAX_KEY:
        raise ValueError(f"a name has {longest} bytes; at most {MAX_KEY}")
    key = np.array(keys.to_pylist(), dtype=object)
    if file.kind == "scores":
        none = np.empty(0, np.int64)
        return Batch(first, key, none, none, _numbers(batch.column(1), "score", wrong)[:, None], wrong)
    window, start = (_integers(batch.column(n), name, wrong) for n, name in ((1, "window"), (2, "start_frame")))
    values = np.empty((len(batch), file.size), dtype=np.float32)
    cells: dict[str, np.ndarray] = {}
    with np.errstate(over="ignore"):  # beyond float32 is infinite, and told as such
        for n in range(file.size):
            values[:, n] = _numbers(batch.column(3 + n), f"embedding_{n}", cells)
    if cells:
        wrong["a value of the embedding is no number"] = np.unique(np.concatenate(list(cells.values())))
    return Batch(first, key, window, start, values, wrong)


def _integers(column: pa.Array, name: str, wrong: dict[str, np.ndarray]) -> np.ndarray:
    text = pc.utf8_trim_whitespace(column)
    good = pc.match_substring_regex(text, _INTEGER)
    _note(good, f"{name} is no whole number", wrong)
    return pc.if_else(good, pc.utf8_ltrim(text, "+"), "-1").cast(pa.int64()).to_numpy(zero_copy_only=False)


def _numbers(column: pa.Array, name: str, wrong: dict[str, np.ndarray]) -> np.ndarray:
    text = pc.utf8_lower(pc.utf8_trim_whitespace(column))
    infinite, nan = pc.match_substring_regex(text, _INFINITY), pc.equal(text, "nan")
    plain = pc.match_substring_regex(text, _NUMBER)
    _note(pc.or_(pc.or_(plain, infinite), nan), f"{name} is no number", wrong)
    numbers = pc.if_else(plain, pc.utf8_ltrim(text, "+"), "nan").cast(pa.float64()).to_numpy(zero_copy_only=False)
    if not pc.any(infinite).as_py():
        return numbers
    ends = np.where(pc.starts_with(text, "-").to_numpy(zero_copy_only=False), -np.inf, np.inf)
    return np.where(infinite.to_numpy(zero_copy_only=False), ends, numbers)


def _note(good: pa.Array, what: str, wrong: dict[str, np.ndarray]) -> None:
    bad = np.flatnonzero(~np.asarray(good.to_numpy(zero_copy_only=False), dtype=bool))
    if len(bad):
        wrong[what] = bad
