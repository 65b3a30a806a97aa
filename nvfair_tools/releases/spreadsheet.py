"""Reading NVFAIR's per-file spreadsheet: whether a file is synthetic, its licence, and its permitted uses.

Its column names are not public. They are looked for among likely names, or named in the settings. A column that cannot
be matched is reported, and no file is used that the sheet does not permit.
"""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path

from nvfair_tools.dataset.exports.nvfair_names import SPREADSHEET
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.csv_table import repeated_columns
from nvfair_tools.releases.settings import Columns
from nvfair_tools.releases.worksheets import NumberedRow, csv_rows, xlsx_worksheets

_PATH_PARTS = 4  # of a file in the release: source, folder, person, name

# Likely headers of each column, without case, spaces and marks.
LIKELY_HEADERS = {
    "file": ("file", "filename", "filepath", "path", "relativepath", "video", "videofile", "videoname", "videopath"),
    "synthetic": ("realsynthetic", "realorsynthetic", "syntheticorreal", "syntheticreal", "synthetic", "issynthetic",
                  "type", "videotype", "filetype"),
    "reenactment": ("selfcross", "selforcross", "crossself", "crossorself", "reenactment", "reenactmenttype",
                    "selfcrossreenactment", "selforcrossreenactment", "typeofreenactment"),
    "licence": ("licence", "license", "licencetype", "licensetype", "licencename", "licensename"),
}  # fmt: skip
_PERMITTED_WORDS = ("permitted", "permission", "allowed")
_SYNTHETIC_WORDS = {"synthetic": True, "generated": True, "fake": True, "real": False, "original": False}
_CROSS_WORDS = {"cross": True, "crossreenactment": True, "self": False, "selfreenactment": False}
_TRUTH_WORDS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}


@dataclass(frozen=True)
class Permission:
    """What the permitted-use columns of a row say. text: all of them. objections: the values that do not permit its
    use, "" where all do."""

    text: str
    objections: str


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One row of the sheet. number: in the sheet, from 1. synthetic, cross: None where not stated, or not in known
    words. permission: one object for all rows that say the same."""

    number: int
    file: str
    synthetic: bool | None
    cross: bool | None
    licence: str
    permission: Permission


@dataclass(frozen=True)
class Sheet:
    """The whole spreadsheet. rows: by the last parts of their file's path; several where these are equal. notes: which
    column was taken for which role."""

    rows: dict[str, list[SheetRow]]
    notes: tuple[str, ...]

    def rows_for(self, name: str) -> list[SheetRow]:
        """The rows that fit a file of the release, by as much of its path as the sheet gives."""
        parts = _path_key(name).split("/")
        for first in range(len(parts)):
            if rows := self.rows.get("/".join(parts[first:])):
                return rows
        return []


def find_spreadsheet(root: Path) -> Path:
    """Finds the spreadsheet in a release's folder. Raises NvfairError where there is none, or more than one."""
    if (root / SPREADSHEET).is_file():
        return root / SPREADSHEET
    paths = sorted(path for path in root.glob("*.xlsx") if not path.name.startswith(("~", ".")))
    if len(paths) != 1:
        problem = count_text(len(paths), "spreadsheet") if paths else "no spreadsheet"
        raise NvfairError(
            f"{problem} in the release's folder, so what its files may be used for is not known",
            where=root,
            expected=SPREADSHEET,
            remedy="put it there, or name it with --spreadsheet (.xlsx or .csv)",
        )
    return paths[0]


def read_spreadsheet(path: Path, columns: Columns) -> Sheet:
    """Reads the first sheet that has the columns. Raises Problems naming every needed column that was not found."""
    problems: list[str] = []
    with closing(_worksheets(path, columns.sheet)) as worksheets:
        for title, rows in worksheets:
            header = next((row for _, row in rows if any(row)), None)
            if header is None:
                problems.append(f"{title}: is empty")
                continue
            roles, sheet_problems = _match_columns(header, columns)
            if not sheet_problems:
                return _read_sheet(rows, header, roles, columns)
            problems += [
                f"{title}: {problem}; its columns are {', '.join(filter(None, header))}" for problem in sheet_problems
            ]
    raise Problems(path, problems or ["it has no sheet"], remedy="name the columns in --settings; see docs/releases.md")


def _read_sheet(rows: Iterator[NumberedRow], header: list[str], roles: dict[str, list[int]], columns: Columns) -> Sheet:
    """Reads the rows below the header. roles: the indices of the columns of each role."""
    rows_by_path: dict[str, list[SheetRow]] = {}
    unknown_values: dict[str, set[str]] = {"synthetic": set(), "reenactment": set()}
    # A sheet has a row for each of hundreds of thousands of files, and few different values in these columns.
    synthetic_of = cache(partial(_truth_value, _SYNTHETIC_WORDS, unknown_values["synthetic"]))
    cross_of = cache(partial(_truth_value, _CROSS_WORDS, unknown_values["reenactment"]))
    use_headers = [header[index] for index in roles["permitted_use"]]
    permission_of = cache(partial(_permission, use_headers, columns))
    licences: dict[str, str] = {}
    for number, row in rows:
        if not any(row):
            continue
        cells = row + [""] * (len(header) - len(row))
        file = cells[roles["file"][0]]
        licence = cells[roles["licence"][0]]
        sheet_row = SheetRow(
            number,
            file,
            synthetic_of(cells[roles["synthetic"][0]] if roles["synthetic"] else ""),
            cross_of(cells[roles["reenactment"][0]] if roles["reenactment"] else ""),
            licences.setdefault(licence, licence),
            permission_of(tuple([cells[index] for index in roles["permitted_use"]])),
        )
        rows_by_path.setdefault(_path_key(file), []).append(sheet_row)
    names = {role: ", ".join(repr(header[index]) for index in indices) for role, indices in roles.items()}
    notes = [f"column for {role}: {name or 'none found, so it is not checked'}" for role, name in names.items()]
    notes += [
        f"values of {names[role]} that are not understood, so not checked: {', '.join(sorted(values)[:5])}"
        for role, values in unknown_values.items()
        if values
    ]
    return Sheet(rows_by_path, tuple(notes))


def _permission(headers: Sequence[str], columns: Columns, values: tuple[str, ...]) -> Permission:
    """What the values of the permitted-use columns say, as the settings judge them."""
    uses = list(zip(headers, values, strict=True))
    must_permit = columns.must_permit or headers
    permitting = {value.lower() for value in columns.permitting}
    objections = [
        f"{header!r} is {value!r}"
        for header, value in uses
        if header in must_permit and value.strip().lower() not in permitting
    ]
    return Permission("; ".join(f"{header}: {value or '(empty)'}" for header, value in uses), "; ".join(objections))


def _match_columns(header: list[str], columns: Columns) -> tuple[dict[str, list[int]], list[str]]:
    """Finds the columns of each role; returns {role: indices of its columns} and the problems of the sheet."""
    plain_header = [_plain(name) for name in header]
    roles: dict[str, list[int]] = {}
    problems = []
    for role, likely in LIKELY_HEADERS.items():
        name_in_settings = getattr(columns, role)
        if name_in_settings is not None:
            roles[role] = [header.index(name_in_settings)] if name_in_settings in header else []
            if not roles[role]:
                problems.append(f"has no column {name_in_settings!r}, which the settings name for {role}")
        else:
            roles[role] = [plain_header.index(name) for name in likely if name in plain_header][:1]
            if not roles[role] and role in ("file", "licence"):
                problems.append(f"no column looks like {role} ({', '.join(likely[:4])}, ...)")
            alike = [name for name, plain in zip(header, plain_header, strict=True) if plain in likely]
            if role == "licence" and len(set(alike)) > 1:
                problems.append(f"{' and '.join(map(repr, alike))} look like licence; name the one that counts")
    if columns.permitted_use:
        problems += [f"has no column {name!r}" for name in columns.permitted_use if name not in header]
        roles["permitted_use"] = [header.index(name) for name in columns.permitted_use if name in header]
    else:
        roles["permitted_use"] = [
            index for index, name in enumerate(plain_header) if any(word in name for word in _PERMITTED_WORDS)
        ]
        if (count := len(roles["permitted_use"])) != 2:
            names = ", ".join(header[index] for index in roles["permitted_use"])
            problems.append(f"two columns of permitted use are expected, {count} look like it ({names})")
    used = {index for indices in roles.values() for index in indices}
    for places in repeated_columns(header):
        if used.intersection(places):
            names = ", ".join(f"{header[place]!r} (column {place + 1})" for place in places)
            problems.append(f"names one thing {len(places)} times: {names}; delete or rename all but one")
    use_columns = [header[index] for index in roles["permitted_use"]]
    problems += [
        f"must_permit names {name!r}, which is none of {use_columns}"
        for name in columns.must_permit
        if name not in use_columns
    ]
    return roles, problems


def _truth_value(words: Mapping[str, bool], unknown_values: set[str], value: str) -> bool | None:
    """A value in known words; None where it is empty or, as noted in `unknown_values`, unknown."""
    if not value:
        return None
    truth = {**words, **_TRUTH_WORDS}.get(_plain(value))
    if truth is None:
        unknown_values.add(value)
    return truth


def _worksheets(path: Path, sheet: str | None) -> Generator[tuple[str, Iterator[NumberedRow]], None, None]:
    """Yields (title, numbered rows of text) of each worksheet; a .csv file counts as one."""
    if path.suffix.lower() == ".csv":
        yield path.name, csv_rows(path)
    else:
        yield from xlsx_worksheets(path, sheet)


def _plain(text: str) -> str:
    return re.sub(r"[^a-z0-9]", "", text.lower())


def _path_key(file: str) -> str:
    """The last parts of a path in one form, however the sheet writes it."""
    parts = [part for part in file.replace("\\", "/").split("/") if part not in ("", ".")][-_PATH_PARTS:]
    text = "/".join(parts)
    if not text.lower().endswith(".mp4"):
        text += ".mp4"
    return file if file == text else text  # one text for the row and its key
