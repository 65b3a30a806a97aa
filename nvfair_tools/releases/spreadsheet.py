"""NVFAIR's per-file spreadsheet: whether a file is synthetic, its licence, and what it may be used for.

Its column names are not public. They are looked for among likely names, or named in the settings; whatever cannot be
matched is reported, and nothing that the sheet does not permit is used.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import MissingExtra, NvfairError, Problems
from nvfair_tools.releases.settings import Columns

USUAL_NAME = "per_file_information_NVFAIR_v2.xlsx"
_DEPTH = 4  # parts of a file's place in the release

# Likely headers, without case, spaces and marks.
LIKELY = {
    "file": ("file", "filename", "filepath", "path", "relativepath", "video", "videofile", "videoname", "videopath"),
    "synthetic": ("realsynthetic", "realorsynthetic", "syntheticorreal", "syntheticreal", "synthetic", "issynthetic",
                  "type", "videotype", "filetype"),
    "reenactment": ("selfcross", "selforcross", "crossself", "crossorself", "reenactment", "reenactmenttype",
                    "selfcrossreenactment", "selforcrossreenactment", "typeofreenactment"),
    "licence": ("licence", "license", "licencetype", "licensetype", "licencename", "licensename"),
}  # fmt: skip
_PERMITTED = ("permitted", "permission", "allowed")
_SYNTHETIC = {"synthetic": True, "generated": True, "fake": True, "real": False, "original": False}
_CROSS = {"cross": True, "crossreenactment": True, "self": False, "selfreenactment": False}
_TRUTH = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class SheetRow:
    """One row. number: in the sheet, from 1. synthetic, cross: None where not stated, or not in words known here.
    uses: (header, value) of each permitted-use column."""

    number: int
    file: str
    synthetic: bool | None
    cross: bool | None
    licence: str
    uses: tuple[tuple[str, str], ...]

    @property
    def permitted_use(self) -> str:
        """The permitted-use columns in one text."""
        return "; ".join(f"{header}: {value or '(empty)'}" for header, value in self.uses)


@dataclass(frozen=True)
class Sheet:
    """The whole spreadsheet. rows: by the last parts of their file's path; several where they cannot be told apart.
    must_permit: headers that have to permit use. notes: which column was taken for what."""

    rows: dict[str, list[SheetRow]]
    must_permit: tuple[str, ...]
    permitting: frozenset[str]
    notes: tuple[str, ...]

    def of(self, name: str) -> list[SheetRow]:
        """Rows that fit a file of the release, by as much of its path as the sheet gives."""
        parts = _key(name).split("/")
        for first in range(len(parts)):
            if found := self.rows.get("/".join(parts[first:])):
                return found
        return []

    def forbids(self, row: SheetRow) -> str:
        """What in a row speaks against its use; "" where nothing does."""
        against = [
            f"{header!r} is {value!r}"
            for header, value in row.uses
            if header in self.must_permit and value.strip().lower() not in self.permitting
        ]
        return "; ".join(against)


def find_spreadsheet(root: Path) -> Path:
    """The spreadsheet in a release's folder. Raises NvfairError where there is none, or more than one."""
    usual = root / USUAL_NAME
    found = [usual] if usual.is_file() else sorted(p for p in root.glob("*.xlsx") if not p.name.startswith(("~", ".")))
    if len(found) != 1:
        told = f"{len(found)} spreadsheets" if found else "no spreadsheet"
        raise NvfairError(
            f"{told} in the release's folder, so what its files may be used for is not known",
            where=root,
            expected=USUAL_NAME,
            remedy="put it there, or name it with --spreadsheet (.xlsx or .csv)",
        )
    return found[0]


def read_spreadsheet(path: Path, columns: Columns) -> Sheet:
    """Reads the sheet. Raises Problems naming every column that is needed and was not found."""
    problems: list[str] = []
    with closing(_tables(path, columns.sheet)) as tables:
        for title, rows in tables:
            header = next((row for _, row in rows if any(row)), None)
            if header is None:
                problems.append(f"{title}: is empty")
                continue
            found, against = _matched(header, columns)
            if not against:
                return _read(rows, header, found, columns)
            problems += [
                f"{title}: {problem}; its columns are {', '.join(filter(None, header))}" for problem in against
            ]
    raise Problems(path, problems or ["it has no sheet"], remedy="name the columns in --settings; see docs/releases.md")


def _read(
    rows: Iterator[tuple[int, list[str]]], header: list[str], found: dict[str, list[int]], columns: Columns
) -> Sheet:
    by_file: dict[str, list[SheetRow]] = {}
    unknown: dict[str, set[str]] = {"synthetic": set(), "reenactment": set()}
    for number, row in rows:
        cells = row + [""] * (len(header) - len(row))
        if not any(cells):
            continue
        file = cells[found["file"][0]]
        synthetic = _word(cells, found["synthetic"], _SYNTHETIC, unknown["synthetic"])
        cross = _word(cells, found["reenactment"], _CROSS, unknown["reenactment"])
        licence = cells[found["licence"][0]]
        uses = tuple((header[at], cells[at]) for at in found["permitted_use"])
        by_file.setdefault(_key(file), []).append(SheetRow(number, file, synthetic, cross, licence, uses))
    named = {role: ", ".join(repr(header[at]) for at in places) for role, places in found.items()}
    notes = [f"column for {role}: {name or 'none found, so it is not checked'}" for role, name in named.items()]
    notes += [
        f"values of {named[role]} that are not understood, so not checked: {', '.join(sorted(values)[:5])}"
        for role, values in unknown.items()
        if values
    ]
    must = columns.must_permit or tuple(header[at] for at in found["permitted_use"])
    return Sheet(by_file, must, frozenset(value.lower() for value in columns.permitting), tuple(notes))


def _matched(header: list[str], columns: Columns) -> tuple[dict[str, list[int]], list[str]]:
    """Places of each role's columns, and what stands against reading the sheet."""
    plain = [_plain(name) for name in header]
    found: dict[str, list[int]] = {}
    problems = []
    for role, likely in LIKELY.items():
        named = getattr(columns, role)
        if named is not None:
            found[role] = [header.index(named)] if named in header else []
            problems += [] if found[role] else [f"has no column {named!r}, which the settings name for {role}"]
        else:
            found[role] = [plain.index(name) for name in likely if name in plain][:1]
            if not found[role] and role in ("file", "licence"):
                problems.append(f"no column looks like {role} ({', '.join(likely[:4])}, ...)")
    if columns.permitted_use:
        problems += [f"has no column {name!r}" for name in columns.permitted_use if name not in header]
        found["permitted_use"] = [header.index(name) for name in columns.permitted_use if name in header]
    else:
        found["permitted_use"] = [n for n, name in enumerate(plain) if any(word in name for word in _PERMITTED)]
        if len(found["permitted_use"]) != 2:
            told = [header[n] for n in found["permitted_use"]]
            problems.append(f"two columns of permitted use are expected, {len(told)} look like it ({', '.join(told)})")
    chosen = [header[n] for n in found["permitted_use"]]
    problems += [f"must_permit names {name!r}, which is none of {chosen}" for name in columns.must_permit
                 if name not in chosen]  # fmt: skip
    return found, problems


def _word(cells: Sequence[str], place: Sequence[int], words: dict[str, bool], unknown: set[str]) -> bool | None:
    if not place or not cells[place[0]]:
        return None
    value = (words | _TRUTH).get(_plain(cells[place[0]]))
    if value is None:
        unknown.add(cells[place[0]])
    return value


def _tables(path: Path, sheet: str | None) -> Generator[tuple[str, Iterator[tuple[int, list[str]]]], None, None]:
    """(title, numbered rows of text) of each worksheet; a .csv file is one."""
    if path.suffix.lower() == ".csv":
        try:
            text = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise NvfairError("the spreadsheet cannot be read as UTF-8 text", where=path) from error
        yield (
            path.name,
            iter(list(enumerate(([cell.strip() for cell in row] for row in csv.reader(text.splitlines())), 1))),
        )
        return
    try:
        from openpyxl import load_workbook
    except ImportError as error:
        raise MissingExtra("openpyxl", "releases", str(error)) from error
    try:
        book = load_workbook(path, read_only=True, data_only=True)
    except Exception as error:  # zip, XML and openpyxl's own errors: whatever it is, the file is broken
        raise NvfairError(f"the spreadsheet cannot be read: {error}", where=path) from error
    try:
        if sheet is not None and sheet not in book.sheetnames:
            raise NvfairError(f"it has no sheet {sheet!r}", where=path, expected=", ".join(book.sheetnames))
        for title in [sheet] if sheet else book.sheetnames:
            book[title].reset_dimensions()  # what a file states of its own size is not always true
            yield title, _texts(book[title].iter_rows(values_only=True))
    finally:
        book.close()


def _texts(rows: Iterable[Sequence[object]]) -> Iterator[tuple[int, list[str]]]:
    for number, row in enumerate(rows, 1):
        yield number, ["" if cell is None else str(cell).strip() for cell in row]


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _key(file: str) -> str:
    """The last parts of a path, however it is written in the sheet."""
    parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".")][-_DEPTH:]
    text = "/".join(parts)
    return text if text.lower().endswith(".mp4") else f"{text}.mp4"
