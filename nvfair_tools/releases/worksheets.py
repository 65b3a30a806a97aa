"""Rows of text from spreadsheets (.xlsx, .csv) within bounds: a file of a release comes from somebody else.

A packed sheet of a few kilobytes may state millions of rows, or one cell in the last of 16,384 columns of every row.
"""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Generator, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from nvfair_tools.errors import MissingExtra, NvfairError

NumberedRow = tuple[int, list[str]]  # number in the sheet, from 1, and its cells; none where all are empty

MAX_ROWS = 2**20  # as many as a sheet of an .xlsx file has
MAX_COLUMNS = 64
MAX_BYTES = 256 * 2**20  # of a .csv file
MAX_UNPACKED_BYTES = 2**30  # of an .xlsx file's parts once unpacked: a row takes 300 to 500, in all of them
_MAX_TEXT_BYTES = 256 * 2**20  # of the part that holds the texts of all cells, the only one that is kept in memory
_TEXTS = "sharedstrings.xml"
# Unpacked bytes for each packed one, of files that unpack to more than _SMALL_BYTES. Sheets of distinct names have
# 5 to 20; a sheet of one row, repeated, several hundreds.
_MAX_RATIO = 60
_SMALL_BYTES = 2 * 2**20
_MAX_MESSAGE = 200


def csv_rows(path: Path) -> Iterator[NumberedRow]:
    """The rows of a CSV file in UTF-8. Raises NvfairError where it cannot be read or is too large."""
    try:
        if path.stat().st_size > MAX_BYTES:
            raise _too_large(path, f"{path.stat().st_size} bytes", f"at most {MAX_BYTES}")
    except OSError as error:
        raise NvfairError(f"the spreadsheet cannot be read: {error.strerror}", where=path) from error
    number = 0
    try:
        with open(path, encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file), 1):
                yield number, [cell.strip() for cell in _bounded_row(path, number, row)]
    except UnicodeDecodeError as error:
        raise NvfairError(
            f"the spreadsheet cannot be read as UTF-8 text, after line {number}",
            where=path,
            remedy="save it as CSV in UTF-8",
        ) from error
    except csv.Error as error:
        raise NvfairError(f"line {number + 1} cannot be read: {error}", where=path, expected="a CSV file") from error


def xlsx_worksheets(path: Path, sheet: str | None) -> Generator[tuple[str, Iterator[NumberedRow]], None, None]:
    """Yields (title, numbered rows) of each worksheet, or of the one called `sheet`.

    Raises NvfairError where the file is damaged, is larger than the bounds, or has no such sheet.
    """
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtra("openpyxl", "releases", str(error)) from error
    _check_size(path)
    with open(path, "rb") as file:  # openpyxl leaves a file open that it cannot read
        try:
            book = load_workbook(file, read_only=True, data_only=True)
        except Exception as error:  # zip, XML and openpyxl's own errors: whatever it is, the file is broken
            raise _damaged(path, error) from error
        if sheet is not None and sheet not in book.sheetnames:
            raise NvfairError(f"it has no sheet {sheet!r}", where=path, expected=", ".join(book.sheetnames))
        for title in [sheet] if sheet else book.sheetnames:
            yield title, _sheet_rows(path, title, book[title])


def _sheet_rows(path: Path, title: str, worksheet: Any) -> Iterator[NumberedRow]:
    number = 0
    try:
        worksheet.reset_dimensions()  # the size that a file states is not always true
        # The header is read at its full width, so that no column is left out silently; rows at the width of a header.
        whole_rows = worksheet.iter_rows(values_only=True, max_row=MAX_ROWS + 1)
        for number, row in enumerate(whole_rows, 1):
            if any(_bounded_row(path, number, row)):
                break
        rows: Iterable[Sequence[object]] = worksheet.iter_rows(
            values_only=True, max_row=MAX_ROWS + 1, max_col=MAX_COLUMNS + 1
        )
        for number, row in enumerate(rows, 1):
            cells = _bounded_row(path, number, row)
            empty = cells.count(None) == len(cells)
            yield number, [] if empty else ["" if cell is None else str(cell).strip() for cell in cells]
    except NvfairError:
        raise
    except Exception as error:  # rows are parsed while they are read
        raise _damaged(path, error, f" in sheet {title!r} after row {number}") from error


def _bounded_row(path: Path, number: int, row: Sequence[Any]) -> Sequence[Any]:
    if number > MAX_ROWS:
        raise _too_large(path, f"more than {MAX_ROWS} rows", f"at most {MAX_ROWS}; empty rows between others count")
    if len(row) > MAX_COLUMNS and any(cell not in (None, "") for cell in row[MAX_COLUMNS:]):
        raise _too_large(path, f"row {number} has more than {MAX_COLUMNS} columns", f"at most {MAX_COLUMNS}")
    return row[:MAX_COLUMNS]


def _check_size(path: Path) -> None:
    """Raises NvfairError where the parts of an .xlsx file, which is a zip, would unpack to too much."""
    try:
        packed_bytes = path.stat().st_size
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            unpacked_bytes = sum(member.file_size for member in members)
            text_bytes = sum(member.file_size for member in members if member.filename.lower().endswith(_TEXTS))
    except Exception as error:  # damaged archives raise nearly anything
        raise _damaged(path, error) from error
    for what, size, most in (
        ("it", unpacked_bytes, MAX_UNPACKED_BYTES),
        ("the texts of its cells", text_bytes, _MAX_TEXT_BYTES),
    ):
        if size > most:
            raise _too_large(path, f"{what} would unpack to {size} bytes", f"at most {most}")
    if unpacked_bytes > _SMALL_BYTES and unpacked_bytes > _MAX_RATIO * packed_bytes:
        expected = f"at most {_MAX_RATIO} times as many, as sheets of different rows have"
        raise _too_large(path, f"{packed_bytes} bytes would unpack to {unpacked_bytes}", expected)


def _too_large(path: Path, what: str, expected: str) -> NvfairError:
    return NvfairError(what, where=path, expected=expected, remedy="save the sheet that is needed as .csv")


def _damaged(path: Path, error: Exception, place: str = "") -> NvfairError:
    message = (str(error) or type(error).__name__).splitlines()[0][:_MAX_MESSAGE]
    return NvfairError(f"the spreadsheet cannot be read{place}: {message}", where=path, remedy="save it again as .xlsx")
