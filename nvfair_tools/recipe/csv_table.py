"""Reading a CSV that people edit: spreadsheets' habits are accepted, what could be read in two ways is refused."""

from __future__ import annotations

import codecs
import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text

_SEPARATORS = (";", "\t", "|")
_REMEDY = "save it as CSV in UTF-8, with commas (a spreadsheet calls it `CSV UTF-8 (comma delimited)`)"
_MARKS = ((codecs.BOM_UTF32_LE, "UTF-32"), (codecs.BOM_UTF16_LE, "UTF-16"), (codecs.BOM_UTF16_BE, "UTF-16"))


@dataclass(frozen=True)
class CsvTable:
    """A CSV whose header is in its first row, its values without surrounding blanks.

    file: its name, for messages. header: the names of its columns. rows: (row's line in the file, {column: value}).
    problems: rows and columns that cannot be understood; these rows are left out.
    """

    file: str
    header: tuple[str, ...]
    rows: tuple[tuple[int, dict[str, str]], ...]
    problems: tuple[str, ...]


def plain_header(name: str) -> str:
    """A column's name without case, blanks and marks: names that are equal in this form mean the same column."""
    return re.sub(r"[\W_]+", "", name.casefold())


def read_csv_table(path: Path, noun: str = "list") -> CsvTable:
    """Reads a CSV in UTF-8, with or without a byte order mark, with any line ends.

    Blanks around values, empty rows, columns without a name and a value, and a spreadsheet's first line `sep=,` are
    accepted. noun: the kind of file, for messages.

    Raises NvfairError where the whole file cannot be read: another encoding, another separator, a quotation mark that
    is never closed.
    """
    text = _text(path, noun)
    if re.match(r"sep=,,*\n", text):
        text = text.partition("\n")[2]
        first_line = 2
    else:
        first_line = 1
    try:
        # In strict mode a quotation mark that is not closed is an error; else it would swallow the rows after it.
        reader = csv.reader(io.StringIO(text), skipinitialspace=True, strict=True)
        records = [(reader.line_num + first_line - 1, [value.strip() for value in record]) for record in reader]
    except csv.Error as error:
        raise NvfairError(
            f"not a CSV: {error}",
            where=path,
            remedy="look for a quotation mark that is opened and not closed, or not closed where its value ends",
        ) from error
    records = [(line, record) for line, record in records if any(record)]
    if not records:
        return CsvTable(path.name, (), (), (f"{path.name}: it is empty; expected a header of column names",))
    (_, header), *body = records
    _check_separator(path, header)
    rows, row_problems = _rows(path.name, header, body)
    problems = [*_header_problems(path.name, header, body), *row_problems]
    return CsvTable(path.name, tuple(name for name in header if name), tuple(rows), tuple(problems))


def repeated_columns(header: Sequence[str]) -> list[list[int]]:
    """The places, from 0, of columns that mean the same, in groups: which of their values counts is not known."""
    places: dict[str, list[int]] = {}
    for place, name in enumerate(header):
        if plain_header(name):
            places.setdefault(plain_header(name), []).append(place)
    return [group for group in places.values() if len(group) > 1]


def _text(path: Path, noun: str) -> str:
    """The file's text with "\\n" at the ends of its lines."""
    try:
        content = path.read_bytes()
    except OSError as error:
        raise NvfairError(
            f"the {noun} cannot be read: {error.strerror}", where=path, remedy="correct its path in the recipe"
        ) from error
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise NvfairError(f"the {noun} cannot be read: it is a spreadsheet, not a CSV", where=path, remedy=_REMEDY)
    for mark, encoding in _MARKS:
        if content.startswith(mark):
            raise NvfairError(f"the {noun} cannot be read: {encoding}, not UTF-8 text", where=path, remedy=_REMEDY)
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise NvfairError(
            f"the {noun} cannot be read: not UTF-8 text (line {line}, byte {content[error.start]:#04x}: "
            "probably Windows-1252, a spreadsheet's plain CSV)",
            where=path,
            remedy=_REMEDY,
        ) from error
    if "\0" in text:
        raise NvfairError(f"the {noun} cannot be read: it holds null characters", where=path, remedy=_REMEDY)
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _check_separator(path: Path, header: Sequence[str]) -> None:
    if len(header) > 1 and not header[0].startswith("sep="):
        return
    separator = next((sign for sign in _SEPARATORS if sign in header[0]), None)
    hint = f"; its values are separated by {separator!r}" if separator else ""
    raise NvfairError(
        f"has no header of column names separated by commas: its first row is {header[0]!r}{hint}",
        where=path,
        remedy=_REMEDY,
    )


def _header_problems(file: str, header: Sequence[str], body: Sequence[tuple[int, list[str]]]) -> Iterator[str]:
    for places in repeated_columns(header):
        names = ", ".join(f"{header[place]!r} (column {place + 1})" for place in places)
        yield f"{file}: the header names one thing {len(places)} times: {names}; delete or rename all but one"
    for number, name in enumerate(header):
        if name:
            continue
        lines = [line for line, record in body if number < len(record) and record[number]]
        if lines:
            yield f"{file}: column {number + 1} has no name, but a value in row {_listed(lines)}"


def _rows(
    file: str, header: Sequence[str], body: Sequence[tuple[int, list[str]]]
) -> tuple[list[tuple[int, dict[str, str]]], list[str]]:
    rows, problems, comments = [], [], []
    # Columns at the end that no row names or fills are a spreadsheet's padding.
    named = max((number + 1 for number, name in enumerate(header) if name), default=0)
    for line, record in body:
        while len(record) > len(header) and not record[-1]:
            record = record[:-1]
        if record[0].startswith("#"):
            comments.append(line)
        elif not named <= len(record) <= len(header):
            problems.append(
                f"{file} row {line}: has another number of values ({len(record)}) than the header's "
                f"{count_text(named, 'column')}"
            )
        elif broken := [name for name, value in zip(header, record, strict=False) if "\n" in value]:
            problems.append(f"{file} row {line}: {broken[0]} holds a line break; is a quotation mark not closed?")
        else:
            rows.append((line, {name: value for name, value in zip(header, record, strict=False) if name}))
    if comments:
        problems.append(f"{file}: row {_listed(comments)} begins with '#'; a CSV has no comments: delete it")
    return rows, problems


def _listed(lines: Sequence[int]) -> str:
    return ", ".join(map(str, lines[:5])) + (f" and {len(lines) - 5} more" if len(lines) > 5 else "")
