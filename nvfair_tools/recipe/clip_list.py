"""Reading the list of source clips: the rows of a CSV, or the files of a folder with one folder a person."""

from __future__ import annotations

import difflib
import os
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import is_reserved_name, parse_identity
from nvfair_tools.landmarks.track_files import TRACK_SUFFIXES
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_row import ClipRow, contradictions
from nvfair_tools.recipe.consent_table import ConsentTable, people_problems, read_consent_table
from nvfair_tools.recipe.csv_table import plain_header, read_csv_table
from nvfair_tools.recipe.file_names import FileNames
from nvfair_tools.recipe.known_collections import COLLECTIONS
from nvfair_tools.recipe.people_folder import HIDDEN, VIDEO_SUFFIXES, read_people_folder
from nvfair_tools.recipe.permissions import tabled_row, with_approval
from nvfair_tools.recipe.public_collection import read_collection
from nvfair_tools.recipe.ravdess import SILENT
from nvfair_tools.recipe.recipe import ClipSource, Recipe

COLUMNS = (
    "path",
    "identity",
    "source",
    "split",
    "licence",
    "consent",
    "permitted_use",
    "scenario",
    "emotion",
    "content",
    "gender",
    "age",
    "ethnicity",
    "portrait",
    "aliases",
)
SPAN_COLUMNS = ("start", "end")  # of footage alone
RIGHTS_COLUMNS = ("licence", "consent", "permitted_use")
_REQUIRED_COLUMNS = ("path", "identity", *RIGHTS_COLUMNS)
_REQUIRED_WITH_TABLE = ("path", "identity", "licence")  # a consent table says the rest
# The name of a reenactment's file has two identities in it, and file systems allow 255 bytes.
_LONGEST_NAME = 64
_SOURCE_PATTERN = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9_-])?")


@dataclass(frozen=True)
class ClipList:
    """All clips of a recipe's sources, in a canonical order.

    left_out: files of folders that are not used, in sentences: they may have been meant to be. notes: columns of lists
    and hidden files that are not used, in sentences. missing: published clips of a collection that are not there.
    commands: for each of `missing` the command that brings them, "" where there is none. consent: the recipe's consent
    table.
    """

    rows: tuple[ClipRow, ...]
    left_out: tuple[str, ...]
    notes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    commands: tuple[str, ...] = ()
    consent: ConsentTable | None = None


def read_clip_list(recipe: Recipe) -> list[ClipRow]:
    """Lists all clips of a recipe's sources; see `list_clips`."""
    return list(list_clips(recipe).rows)


def list_clips(recipe: Recipe) -> ClipList:
    """Lists all clips of a recipe's sources. Raises Problems naming every wrong row at once.

    A file that does not exist raises nothing here: it becomes a failed item with a reason.
    """
    reading = _Reading(_REQUIRED_COLUMNS if recipe.rights.consent is None else _REQUIRED_WITH_TABLE)
    for number, source in enumerate(recipe.sources):
        try:
            reader = _reader_of(source)
            reader(recipe, source, reading)
        except NvfairError as error:
            reading.problems.append(f"sources.{number}: {error}")
    rows, problems = reading.rows, [*reading.problems, *contradictions(reading.rows)]
    if not rows and not problems:
        problems.append("sources: they list no clip")
    table = _read_consent(recipe, rows, problems)
    if problems:
        raise Problems(recipe.folder, problems)
    rows = [with_approval(row, recipe) if table is None else tabled_row(row, recipe, table) for row in rows]
    rows = sorted(rows, key=lambda row: (row.source, row.identity, row.name))
    return ClipList(
        tuple(rows),
        tuple(reading.left_out),
        tuple(reading.notes),
        tuple(reading.missing),
        tuple(reading.commands),
        table,
    )


def _read_consent(recipe: Recipe, rows: Iterable[ClipRow], problems: list[str]) -> ConsentTable | None:
    """The recipe's consent table, where it names one; adds everything that is wrong with it to `problems`."""
    if recipe.rights.consent is None:
        return None
    try:
        table = read_consent_table(recipe.resolve(recipe.rights.consent), problems)
    except NvfairError as error:
        problems.append(f"rights.consent: {error}")
        return None
    if table.lines:
        people: dict[str, str] = {}
        for row in rows:
            people.setdefault(row.identity, row.where)
        problems += people_problems(table, people)
    return table


@dataclass
class _Reading:
    """What was read so far of all sources. required: columns that a row must fill."""

    required: tuple[str, ...]
    rows: list[ClipRow] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    commands: list[str] = field(default_factory=list)
    names: FileNames = field(default_factory=FileNames)


def _reader_of(source: ClipSource) -> Callable[[Recipe, ClipSource, _Reading], None]:
    if source.csv is not None:
        return _read_csv
    return _read_folder if source.collection is None else _read_collection


def _read_csv(recipe: Recipe, source: ClipSource, reading: _Reading) -> None:
    assert source.csv is not None
    path = reading.names.existing(recipe.resolve(source.csv))
    root = reading.names.existing(recipe.resolve(source.root)) if source.root is not None else path.parent
    if not root.is_dir():
        raise NvfairError(
            f"`root` is {source.root!r}, and there is no such folder",
            where=root,
            expected="the folder that the list's paths start from",
            remedy="correct it; it is relative to the recipe's own folder",
        )
    table = read_csv_table(path)
    reading.problems += table.problems
    if not table.header:
        return
    names = _column_names(table.file, list(table.header), source, reading)
    if any(name not in names and name not in source.defaults for name in reading.required):
        return  # every row would report the same problem again
    if unused := [repr(column) for column in table.header if column not in names.values()]:
        reading.notes.append(f"{table.file}: columns that are not used: {', '.join(unused)}")
    for line, record in table.rows:
        values = {column: record.get(file_column, "") for column, file_column in names.items()}
        _add_row(values, source, root, f"{table.file} row {line}", reading)


def _column_names(file: str, header: list[str], source: ClipSource, reading: _Reading) -> dict[str, str]:
    """Returns {our column name: the file's column name} for the columns that the file has."""
    problems, columns = reading.problems, _columns_of(source)
    for column, file_column in source.columns.items():
        if column not in columns:
            problems.append(f"columns.{column}: {_unknown_column(column)}")
        if file_column not in header:
            near = difflib.get_close_matches(file_column, header, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(header)}"
            problems.append(f"{file}: has no column {file_column!r}; {hint}")
    for name in source.defaults:
        if name not in COLUMNS:
            problems.append(f"defaults.{name}: {_unknown_column(name)}")
    names = {name: source.columns.get(name, name) for name in columns}
    names = {column: file_column for column, file_column in names.items() if file_column in header}
    # A misspelt column name would otherwise lose its values silently, and a second column of rights would be ignored.
    for file_column in header:
        if file_column in names.values() or file_column in columns:
            continue
        compared = [column for column in columns if column not in names or column in RIGHTS_COLUMNS]
        plain = {plain_header(column): column for column in compared}
        near = difflib.get_close_matches(plain_header(file_column), plain, n=1, cutoff=0.8)
        if near and plain[near[0]] in names:
            problems.append(
                f"{file}: column {file_column!r} looks like {plain[near[0]]!r}, which column "
                f"{names[plain[near[0]]]!r} gives; delete or rename the column that does not count"
            )
        elif near:
            problems.append(f"{file}: column {file_column!r} is unknown; did you mean {plain[near[0]]!r}?")
    for name in reading.required:
        if name not in names and name not in source.defaults:
            problems.append(f"{file}: has no column {name!r} and the recipe's `defaults` have none")
    return names


def _columns_of(source: ClipSource) -> tuple[str, ...]:
    return COLUMNS if source.footage is None else (*COLUMNS, *SPAN_COLUMNS)


def _unknown_column(name: str) -> str:
    near = difflib.get_close_matches(name, COLUMNS, n=1)
    return f"no such column; did you mean {near[0]!r}?" if near else f"no such column; there are {', '.join(COLUMNS)}"


def _read_folder(recipe: Recipe, source: ClipSource, reading: _Reading) -> None:
    assert source.folder is not None
    root = reading.names.existing(recipe.resolve(source.folder))
    if not root.is_dir():
        raise NvfairError("there is no such folder", where=root, remedy="correct it; it is relative to the recipe")
    people_folder = read_people_folder(root)
    if people_folder.clips_outside:
        reading.problems.append(
            f"{root.name}: {_examples(people_folder.clips_outside, 'clip')} in no person's folder; make one "
            "folder a person"
        )
    for person in people_folder.people:
        if not person.clips:
            reading.problems.append(
                f"{root.name}/{person.name}: holds no video ({', '.join(VIDEO_SUFFIXES)}) and no track "
                f"({', '.join(TRACK_SUFFIXES)})"
            )
        if len(person.portraits) > 1:
            portraits = ", ".join(name.rpartition("/")[2] for name in person.portraits)
            reading.problems.append(
                f"{root.name}/{person.name}: has {len(person.portraits)} portraits ({portraits}); keep one"
            )
        for name in person.clips:
            values = {
                "path": name,
                "identity": f"{source.source}:{person.name}",
                "portrait": person.portraits[0] if person.portraits else "",
            }
            _add_row(values, source, root, f"{root.name}/{name}", reading)
    for why, names in people_folder.left_out.items():
        (reading.notes if why == HIDDEN else reading.left_out).append(f"{root.name}: {why}: {_examples(names, 'file')}")


def _read_collection(recipe: Recipe, source: ClipSource, reading: _Reading) -> None:
    assert source.folder is not None
    assert source.collection is not None
    collection = COLLECTIONS[source.collection]
    root = reading.names.existing(recipe.resolve(source.folder))
    folder = read_collection(collection, root, reading.problems)
    source = source.model_copy(update={"source": collection.namespace})
    for values in folder.rows:
        # The recipe's `defaults` state what the user knows better, such as a licence that was agreed upon.
        _add_row(values | source.defaults, source, root, f"{root.name}/{values['path']}", reading)
    for why, names in folder.left_out.items():
        notes = reading.notes if why == SILENT else reading.left_out
        notes.append(f"{root.name}: {why}: {_examples(names, 'file')}")
    reading.missing += [f"{root.name}: {text}" for text in folder.missing]
    command = f"{collection.obtained_by} {root}" if collection.obtained_by else ""
    reading.commands += [command] * len(folder.missing)
    reading.notes += [f"{root.name}: {text}" for text in folder.notes]


def _examples(names: Sequence[str], noun: str) -> str:
    """The number of `names` and the first three of them."""
    return f"{count_text(len(names), noun)}, such as {', '.join(names[:3])}"


def _add_row(values: dict[str, str], source: ClipSource, root: Path, where: str, reading: _Reading) -> None:
    """Adds the row with its defaults filled in, or everything that is wrong with it to the problems."""
    problems = reading.problems
    filled = {name: values.get(name, "") or source.defaults.get(name, "") for name in COLUMNS}
    known_problems = len(problems)
    collection = filled["source"] or source.source or filled["identity"].partition(":")[0]
    identity = filled["identity"]
    if identity and ":" not in identity and (filled["source"] or source.source):
        identity = f"{collection}:{identity}"  # a bare id belongs to the collection that its row names
    problems += [f"{where}: {name} is empty" for name in reading.required if not filled[name]]
    if identity:
        try:
            parse_identity(identity)
        except NvfairError as error:
            problems.append(f"{where}: {error.what}; expected {error.expected}")
        if identity.endswith("."):
            problems.append(f"{where}: identity {identity!r} ends with a full stop, which Windows cuts off")
        if len(identity) > _LONGEST_NAME:
            problems.append(f"{where}: identity has {len(identity)} characters; at most {_LONGEST_NAME} fit file names")
    if collection and (not _SOURCE_PATTERN.fullmatch(collection) or is_reserved_name(collection)):
        problems.append(f"{where}: source {collection!r} cannot name a folder; use letters, digits, '-', '_' and '.'")
    if filled["split"] and filled["split"] not in SPLITS:
        near = difflib.get_close_matches(filled["split"], SPLITS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(SPLITS)}"
        problems.append(f"{where}: split {filled['split']!r} is unknown; {hint}")
    portrait = reading.names.resolved(root / filled["portrait"]) if filled["portrait"] else None
    if portrait is not None and not os.path.isfile(portrait):
        hint = reading.names.hint(portrait)
        problems.append(
            f"{where}: portrait {filled['portrait']!r} does not exist{' as a file' * os.path.exists(portrait)}"
            + (f"; {hint}" if hint else "")
        )
    span = _span(values, where, problems)
    if len(problems) > known_problems:
        return
    texts = {name: filled[name] for name in COLUMNS if name not in ("path", "portrait", "aliases")}
    texts |= {"identity": identity, "source": collection}
    reading.rows.append(
        ClipRow(
            path=reading.names.resolved(root / filled["path"]),
            # Equal names have equal forms, whatever the system that wrote the list.
            name=unicodedata.normalize("NFC", Path(filled["path"]).as_posix()),
            where=where,
            portrait=portrait,
            aliases=tuple(sorted(filter(None, (part.strip() for part in filled["aliases"].split(";"))))),
            terms=None,
            footage=source.footage,
            span=span,
            segment=None,
            **texts,
        )
    )


def _span(values: dict[str, str], where: str, problems: list[str]) -> tuple[float, float] | None:
    """The seconds of footage that a row names; None where it names none. Adds what is wrong with them to `problems`."""
    texts = [values.get(name, "") for name in SPAN_COLUMNS]
    if not any(texts):
        return None
    try:
        start, end = (read_seconds(text) for text in texts)
    except ValueError:
        problems.append(
            f"{where}: start {texts[0]!r} and end {texts[1]!r}; expected seconds or hours:minutes:seconds in both"
        )
        return None
    if start >= end:
        problems.append(f"{where}: start {texts[0]!r} is not before end {texts[1]!r}")
        return None
    return start, end


def read_seconds(text: str) -> float:
    """The seconds that a text such as "83.5", "1:23.5" or "0:01:23.5" means. Raises ValueError for any other."""
    if not re.fullmatch(r"(\d+:){0,2}\d+(\.\d*)?", text.strip()):
        raise ValueError(f"{text!r} is no time")
    seconds = 0.0
    for part in text.split(":"):
        seconds = 60 * seconds + float(part)
    return seconds
