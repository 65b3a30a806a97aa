"""Reading the list of source clips: the rows of a CSV, or the files of a folder with one folder a person."""

from __future__ import annotations

import csv
import difflib
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.dataset.schema import SPLITS
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.identity import parse_identity
from nvfair_tools.recipe.recipe import ClipSource, Recipe

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".flv", ".wmv")
PORTRAIT_SUFFIXES = (".png", ".jpg", ".jpeg")

# Columns that describe the person; they must agree in all rows of the person.
PERSON_COLUMNS = ("source", "split", "gender", "age", "ethnicity", "portrait", "aliases")
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
_REQUIRED_COLUMNS = ("path", "identity", "licence", "consent", "permitted_use")


@dataclass(frozen=True)
class ClipRow:
    """One listed clip. path: the file; name: the path as listed, which is the same on every machine.
    portrait: a picture of the person. where: file and row, for messages. Other fields as in the CSV; "" is unknown.
    """

    path: Path
    name: str
    identity: str
    source: str
    licence: str
    consent: str
    permitted_use: str
    where: str
    split: str = ""
    scenario: str = ""
    emotion: str = ""
    content: str = ""
    gender: str = ""
    age: str = ""
    ethnicity: str = ""
    portrait: Path | None = None
    aliases: tuple[str, ...] = ()


def read_clip_list(recipe: Recipe) -> list[ClipRow]:
    """Lists all clips of a recipe's sources, in a canonical order. Raises Problems naming every wrong row at once.

    A file that does not exist raises nothing here: it becomes a failed item with a reason.
    """
    problems: list[str] = []
    rows: list[ClipRow] = []
    for number, source in enumerate(recipe.sources):
        try:
            reader = _csv_rows if source.csv is not None else _folder_rows
            rows += reader(recipe, source, problems)
        except NvfairError as error:
            problems.append(f"sources.{number}: {error}")
    problems += _contradictions(rows)
    if not rows and not problems:
        problems.append("sources: they list no clip")
    if problems:
        raise Problems(recipe.folder, problems)
    return sorted(rows, key=lambda row: (row.source, row.identity, row.name))


def _csv_rows(recipe: Recipe, source: ClipSource, problems: list[str]) -> list[ClipRow]:
    assert source.csv is not None
    path = recipe.resolve(source.csv)
    root = recipe.resolve(source.root) if source.root is not None else path.parent
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
        remedy = "save it as CSV in UTF-8" if isinstance(error, UnicodeDecodeError) else "correct `csv` in the recipe"
        raise NvfairError(f"the list cannot be read: {reason}", where=path, remedy=remedy) from error
    try:
        return _parse_csv(text, path.name, source, root, problems)
    except csv.Error as error:
        raise NvfairError(f"not a CSV: {error}", where=path) from error


def _parse_csv(text: str, file: str, source: ClipSource, root: Path, problems: list[str]) -> list[ClipRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = list(reader.fieldnames or [])
    if len(header) < 2 or not text.strip():
        content = f"its first row is {header[0]!r}" if header else "it is empty"
        separator = next((sign for sign in (";", "\t", "|") if header and sign in header[0]), None)
        hint = f"; its values are separated by {separator!r}" if separator else ""
        problems.append(f"{file}: has no header of column names separated by commas: {content}{hint}")
        return []
    names = _column_names(file, header, source, problems)
    if any(name not in names and name not in source.defaults for name in _REQUIRED_COLUMNS):
        return []  # every row would report the same problem again
    rows = []
    for record in reader:
        where = f"{file} row {reader.line_num}"
        if None in record or None in record.values():
            problems.append(f"{where}: has another number of values than the header's {len(header)} columns")
            continue
        values = {column: record[file_column].strip() for column, file_column in names.items()}
        row = _row(values, source, root, where, problems)
        if row is not None:
            rows.append(row)
    return rows


def _column_names(file: str, header: list[str], source: ClipSource, problems: list[str]) -> dict[str, str]:
    """Returns {our column name: the file's column name} for the columns that the file has."""
    for column, file_column in source.columns.items():
        if column not in COLUMNS:
            problems.append(f"columns.{column}: {_unknown_column(column)}")
        if file_column not in header:
            near = difflib.get_close_matches(file_column, header, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(header)}"
            problems.append(f"{file}: has no column {file_column!r}; {hint}")
    for name in source.defaults:
        if name not in COLUMNS:
            problems.append(f"defaults.{name}: {_unknown_column(name)}")
    names = {name: source.columns.get(name, name) for name in COLUMNS}
    names = {column: file_column for column, file_column in names.items() if file_column in header}
    # A misspelt column name would otherwise lose its values silently.
    for file_column in header:
        unused = [column for column in COLUMNS if column not in names]
        near = difflib.get_close_matches(file_column, unused, n=1, cutoff=0.8)
        if file_column not in names.values() and near:
            problems.append(f"{file}: column {file_column!r} is unknown; did you mean {near[0]!r}?")
    for name in _REQUIRED_COLUMNS:
        if name not in names and name not in source.defaults:
            problems.append(f"{file}: has no column {name!r} and the recipe's `defaults` have none")
    return names


def _unknown_column(name: str) -> str:
    near = difflib.get_close_matches(name, COLUMNS, n=1)
    return f"no such column; did you mean {near[0]!r}?" if near else f"no such column; there are {', '.join(COLUMNS)}"


def _folder_rows(recipe: Recipe, source: ClipSource, problems: list[str]) -> list[ClipRow]:
    assert source.folder is not None
    root = recipe.resolve(source.folder)
    if not root.is_dir():
        raise NvfairError("there is no such folder", where=root, remedy="correct it; it is relative to the recipe")
    rows = []
    for folder in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        portraits = [folder / f"portrait{suffix}" for suffix in PORTRAIT_SUFFIXES]
        portrait = next((str(path.relative_to(root)) for path in portraits if path.is_file()), "")
        clips = sorted(path for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
        if not clips:
            problems.append(f"{root.name}/{folder.name}: holds no video ({', '.join(VIDEO_SUFFIXES)})")
        for clip in clips:
            name = clip.relative_to(root).as_posix()
            values = {"path": name, "identity": f"{source.source}:{folder.name}", "portrait": portrait}
            row = _row(values, source, root, f"{root.name}/{name}", problems)
            if row is not None:
                rows.append(row)
    return rows


def _row(values: dict[str, str], source: ClipSource, root: Path, where: str, problems: list[str]) -> ClipRow | None:
    """The row with its defaults filled in; None where something is wrong with it, which goes to `problems`."""
    filled = {name: values.get(name, "") or source.defaults.get(name, "") for name in COLUMNS}
    known_problems = len(problems)
    collection = filled["source"] or source.source or filled["identity"].partition(":")[0]
    identity = filled["identity"]
    if identity and ":" not in identity and (filled["source"] or source.source):
        identity = f"{collection}:{identity}"  # a bare id belongs to the collection that its row names
    problems += [f"{where}: {name} is empty" for name in _REQUIRED_COLUMNS if not filled[name]]
    if identity:
        try:
            parse_identity(identity)
        except NvfairError as error:
            problems.append(f"{where}: {error.what}; expected {error.expected}")
    if filled["split"] and filled["split"] not in SPLITS:
        near = difflib.get_close_matches(filled["split"], SPLITS, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"expected one of {', '.join(SPLITS)}"
        problems.append(f"{where}: split {filled['split']!r} is unknown; {hint}")
    portrait = (root / filled["portrait"]).resolve() if filled["portrait"] else None
    if portrait is not None and not portrait.is_file():
        problems.append(f"{where}: portrait {filled['portrait']!r} does not exist")
    if len(problems) > known_problems:
        return None
    texts = {name: filled[name] for name in COLUMNS if name not in ("path", "portrait", "aliases")}
    texts |= {"identity": identity, "source": collection}
    return ClipRow(
        path=(root / filled["path"]).resolve(),
        name=Path(filled["path"]).as_posix(),
        where=where,
        portrait=portrait,
        aliases=tuple(sorted(filter(None, (part.strip() for part in filled["aliases"].split(";"))))),
        **texts,
    )


def _contradictions(rows: Iterable[ClipRow]) -> Iterator[str]:
    """Problems between rows: facts of a person that differ between the person's rows, and files listed twice."""
    first_by_person: dict[str, ClipRow] = {}
    first_by_path: dict[Path, ClipRow] = {}
    for row in rows:
        first = first_by_person.setdefault(row.identity, row)
        for name in PERSON_COLUMNS:
            value, first_value = getattr(row, name), getattr(first, name)
            if value != first_value:
                difference = f"is {str(value)!r}, but {str(first_value)!r} in {first.where}"
                yield f"{row.where}: {name} of {row.identity} {difference}"
        first = first_by_path.setdefault(row.path, row)
        if first is not row:
            yield f"{row.where}: {row.name} is listed already, in {first.where}"
