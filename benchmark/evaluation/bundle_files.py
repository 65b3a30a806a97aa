"""The files of a bundle, read within bounds: a bundle comes from somebody whose figure is doubted.

Everything is checked before a figure is computed: the names and sizes in the zip, the record, and the columns, types
and numbers of rows of each table.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import BaseModel, ConfigDict, ValidationError

from benchmark.evaluation.evidence import COLUMNS
from nvfair_tools.bounded_zip import DAMAGED_ZIP, damage_message, open_zip
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.schema_problems.lines import problem_lines
from nvfair_tools.unique_keys import load_unique_json

BUNDLE_VERSION = 1
RECORD, VIDEOS, VALIDATION = "bundle.json", "videos.parquet", "validation.parquet"
SCORED_FILES = ("embeddings.parquet", "scores.parquet", "scores.csv")
_NAMES = frozenset((RECORD, VIDEOS, VALIDATION, *SCORED_FILES))
_MAX_BYTES = 4 * 2**30  # of all files, unpacked
_MAX_RECORD_BYTES = 16 * 2**20
# Unpacked bytes for each packed one, of bundles that unpack to more than _SMALL_BYTES. Parquet is packed already.
_MAX_RATIO = 100
_SMALL_BYTES = 16 * 2**20
_MAX_TABLE_BYTES = 4 * 2**30  # of one table in memory, as its footer says
_MAX_ROWS = 20_000_000
_MAX_COLUMNS = 100
_MAX_THRIFT = 16 * 2**20
_REMEDY = "ask for the bundle again"
_LISTED = 10
# What pyarrow raises for damaged files.
_UNREADABLE = (pa.ArrowException, OSError, ValueError, TypeError, KeyError, IndexError, OverflowError, AttributeError)


class _CellNames(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True)

    method: str
    generator: str
    protocol: str


class BundleRecord(BaseModel):
    """The content of bundle.json. protocol: as in a protocol's file. cell: the figures as reported, and their names.
    files: name -> sha256 in hexadecimal."""

    model_config = ConfigDict(extra="ignore", strict=True)

    format_version: Literal[1]
    protocol: dict[str, Any]
    cell: _CellNames
    files: dict[str, str]

    @property
    def reported(self) -> dict[str, Any]:
        """The cell as it was reported, in the JSON of a report."""
        return self.cell.model_dump()


def read_bundle(bundle: Path) -> tuple[BundleRecord, dict[str, bytes]]:
    """The record of a bundle, and its other files by name, which are those that the record names.

    Raises NvfairError where it is no bundle or is too large, and Problems with everything that is wrong with its files.
    """
    files = _unpacked(bundle)
    record = _parsed_record(bundle, files.pop(RECORD))
    problems = [f"{name} is missing" for name in sorted(record.files.keys() - files.keys())[:_LISTED]]
    for name, content in files.items():
        digest = record.files.get(name)
        if digest is None:
            problems.append(f"{name} is not named by the record")
        elif hashlib.sha256(content).hexdigest() != digest:
            problems.append(f"{name} is not the file that the record names")
    if VIDEOS not in files and VIDEOS not in record.files:
        problems.append(f"{VIDEOS} is missing")
    if not files.keys() & set(SCORED_FILES):
        problems.append("it holds neither embeddings nor scores")
    if problems:
        raise Problems(bundle, problems, remedy=_REMEDY)
    for name, content in files.items():
        if name.endswith(".parquet"):
            _check_footer(bundle, name, content)
    return record, files


def read_videos(bundle: Path, content: bytes) -> pd.DataFrame:
    """The table of the videos that should have been scored, with the column `scored`. Raises Problems."""
    table = _read_table(bundle, VIDEOS, content)
    problems = [
        f"{VIDEOS}: there is no column {name!r}" for name in (*COLUMNS, "scored") if name not in table.schema.names
    ]
    for field in table.schema:
        if field.name == "scored":
            if not pa.types.is_boolean(field.type) or table.column("scored").null_count:
                problems.append(f"{VIDEOS}: column 'scored' is {field.type}; expected true or false in every row")
        elif field.name in COLUMNS and not _is_text(field.type):
            problems.append(f"{VIDEOS}: column {field.name!r} is {str(field.type)[:80]}; expected text")
    if not problems:
        ids = table.column("video")
        if ids.null_count or len(ids.unique()) != len(ids):
            problems.append(f"{VIDEOS}: a video has no id, or is there twice")
    if problems:
        raise Problems(bundle, problems, remedy=_REMEDY)
    return table.select([*COLUMNS, "scored"]).to_pandas()


def read_validation(bundle: Path, content: bytes) -> tuple[np.ndarray, np.ndarray]:
    """Genuine and impostor scores of validation people, float64. Raises Problems."""
    table = _read_table(bundle, VALIDATION, content)
    is_good = {"kind", "score"} <= set(table.column_names) and all(
        table.schema.names.count(name) == 1 and not table.column(name).null_count for name in ("kind", "score")
    )
    if not is_good or not _is_text(table.schema.field("kind").type) or table.schema.field("score").type != pa.float64():
        problem = f"{VALIDATION}: expected the columns kind (text) and score (number), without gaps"
        raise Problems(bundle, [problem], remedy=_REMEDY)
    rows = table.select(["kind", "score"]).to_pandas()
    genuine, impostor = (rows.loc[rows["kind"] == kind, "score"].to_numpy() for kind in ("genuine", "impostor"))
    return genuine, impostor


def _unpacked(bundle: Path) -> dict[str, bytes]:
    """The files of a bundle by name. Raises NvfairError where it is no zip, is too large, or lacks its record."""
    try:
        packed_bytes = bundle.stat().st_size
        with open_zip(bundle, directory_bytes=0) as archive:
            members = archive.infolist()
            _check_members(bundle, members, packed_bytes)
            files = {}
            for member in members:
                with archive.open(member) as source:
                    # One more than the list says: what it says need not be so.
                    files[member.filename] = source.read(member.file_size + 1)
                if len(files[member.filename]) != member.file_size:
                    raise zipfile.BadZipFile(f"{member.filename} has another size than the list of files says")
            return files
    except FileNotFoundError as error:
        raise NvfairError("no such bundle", where=bundle) from error
    except NvfairError as error:
        raise NvfairError(error.what, where=bundle, expected=error.expected, remedy=_REMEDY) from error
    except DAMAGED_ZIP as error:
        raise NvfairError(f"not a whole zip: {damage_message(error)}", where=bundle, remedy=_REMEDY) from error


def _check_members(bundle: Path, members: list[zipfile.ZipInfo], packed_bytes: int) -> None:
    names = [member.filename for member in members]
    if RECORD not in names:
        raise NvfairError(f"it has no {RECORD}", where=bundle, expected="a zip that `nvfair reproduce pack` wrote")
    foreign = sorted({ascii(name)[:80] for name in names if name not in _NAMES})
    if foreign or len(set(names)) != len(names):
        listed = ", ".join(foreign[:_LISTED]) or "a file that is there twice"
        raise NvfairError(f"it holds {listed}", where=bundle, expected="the files that `nvfair reproduce pack` writes")
    size = sum(member.file_size for member in members)
    if size > _MAX_BYTES:
        raise NvfairError(f"it unpacks to {size} bytes", where=bundle, expected=f"at most {_MAX_BYTES}")
    if size > _SMALL_BYTES and size > _MAX_RATIO * packed_bytes:
        expected = f"at most {_MAX_RATIO} times as many"
        raise NvfairError(f"{packed_bytes} bytes would unpack to {size}", where=bundle, expected=expected)
    record_bytes = next(member.file_size for member in members if member.filename == RECORD)
    if record_bytes > _MAX_RECORD_BYTES:
        raise NvfairError(f"{RECORD} has {record_bytes} bytes", where=bundle, expected=f"at most {_MAX_RECORD_BYTES}")


def _parsed_record(bundle: Path, content: bytes) -> BundleRecord:
    try:
        parsed = load_unique_json(content)
    # Numbers of thousands of digits raise ValueError, as do bytes that are no UTF-8; deep nesting RecursionError.
    except (ValueError, RecursionError) as error:
        raise NvfairError(
            f"{RECORD} is not valid JSON: {damage_message(error)}", where=bundle, remedy=_REMEDY
        ) from error
    version = parsed.get("format_version") if isinstance(parsed, dict) else None
    if isinstance(parsed, dict) and version != BUNDLE_VERSION:
        raise NvfairError(f"format version {str(version)[:80]!r}", where=bundle, expected=f"version {BUNDLE_VERSION}")
    try:
        return BundleRecord.model_validate(parsed)
    except ValidationError as error:
        problems = [f"{RECORD}: {line}" for line in problem_lines(BundleRecord, parsed, error, quote_values=False)]
        raise Problems(bundle, problems[:_LISTED], remedy=_REMEDY) from error


def _check_footer(bundle: Path, name: str, content: bytes) -> None:
    """Raises NvfairError where a table is no Parquet, or would take too much memory by what its footer says."""
    try:
        with _open_table(content) as file:
            footer, columns = file.metadata, len(file.schema_arrow.names)
            groups = [footer.row_group(n) for n in range(footer.num_row_groups)]
            table_bytes = sum(group.total_byte_size for group in groups)
            rows = max(footer.num_rows, sum(group.num_rows for group in groups))
    except _UNREADABLE as error:
        raise _unreadable_table(bundle, name, error) from error
    if rows > _MAX_ROWS or columns > _MAX_COLUMNS or table_bytes > _MAX_TABLE_BYTES or footer.num_rows != rows:
        raise NvfairError(
            f"{name} has {count_text(rows, 'row')} and {count_text(columns, 'column')} in {table_bytes:,} bytes",
            where=bundle,
            expected=f"at most {_MAX_ROWS:,} rows, {_MAX_COLUMNS} columns and {_MAX_TABLE_BYTES:,} bytes",
            remedy=_REMEDY,
        )


def _read_table(bundle: Path, name: str, content: bytes) -> pa.Table:
    try:
        with _open_table(content) as file:
            table = file.read(use_threads=False)
        table.validate(full=True)
    except _UNREADABLE as error:
        raise _unreadable_table(bundle, name, error) from error
    return table


def _open_table(content: bytes) -> pq.ParquetFile:
    return pq.ParquetFile(
        io.BytesIO(content), thrift_string_size_limit=_MAX_THRIFT, thrift_container_size_limit=_MAX_COLUMNS * 10_000
    )


def _unreadable_table(bundle: Path, name: str, error: BaseException) -> NvfairError:
    return NvfairError(f"{name} is not a whole Parquet file: {damage_message(error)}", where=bundle, remedy=_REMEDY)


def _is_text(type_: pa.DataType) -> bool:
    if pa.types.is_dictionary(type_):
        type_ = type_.value_type
    return pa.types.is_string(type_) or pa.types.is_large_string(type_) or pa.types.is_null(type_)
