"""The list of source clips: rows of a CSV, or the files of a folder with one folder a person."""

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
from nvfair_tools.recipe.recipe import Recipe, SourceFolder

VIDEO_SUFFIXES = (".mp4", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".m4v", ".flv", ".wmv")
PORTRAIT_SUFFIXES = (".png", ".jpg", ".jpeg")

# Facts of a person; they must agree in all rows that name the person.
PERSONAL = ("source", "split", "gender", "age", "ethnicity", "portrait", "aliases")
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
_NEEDED = ("path", "identity", "licence", "consent", "permitted_use")


@dataclass(frozen=True)
class ClipRow:
    """One listed clip. path: the file; name: the path as listed, which stays when the machine changes.
    portrait: the person's given picture. where: file and row, for messages. Other fields as in the CSV; "" is unknown.
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
    """All clips of a recipe's sources, in a canonical order. Raises Problems naming every wrong row at once.

    Files that do not exist are no problem here: they become failed items with a reason.
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


def _csv_rows(recipe: Recipe, source: SourceFolder, problems: list[str]) -> list[ClipRow]:
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
        return _parsed(text, path.name, source, root, problems)
    except csv.Error as error:
        raise NvfairError(f"not a CSV: {error}", where=path) from error


def _parsed(text: str, file: str, source: SourceFolder, root: Path, problems: list[str]) -> list[ClipRow]:
    reader = csv.DictReader(io.StringIO(text, newline=""))
    header = list(reader.fieldnames or [])
    if len(header) < 2 or not text.strip():
        told = f"its first row is {header[0]!r}" if header else "it is empty"
        sign = next((sign for sign in (";", "\t", "|") if header and sign in header[0]), None)
        remedy = f"; its values are separated by {sign!r}" if sign else ""
        problems.append(f"{file}: has no header of column names separated by commas: {told}{remedy}")
        return []
    names = _column_names(file, header, source, problems)
    if any(name not in names and name not in source.defaults for name in _NEEDED):
        return []  # every row would only say so again
    rows = []
    for record in reader:
        where = f"{file} row {reader.line_num}"
        if None in record or None in record.values():
            problems.append(f"{where}: has another number of values than the header's {len(header)} columns")
            continue
        values = {ours: record[theirs].strip() for ours, theirs in names.items()}
        row = _row(values, source, root, where, problems)
        if row is not None:
            rows.append(row)
    return rows


def _column_names(file: str, header: list[str], source: SourceFolder, problems: list[str]) -> dict[str, str]:
    """Our column names -> the file's."""
    for ours, theirs in source.columns.items():
        if ours not in COLUMNS:
            problems.append(f"columns.{ours}: {_unknown(ours)}")
        if theirs not in header:
            near = difflib.get_close_matches(theirs, header, n=1)
            hint = f"did you mean {near[0]!r}?" if near else f"it has {', '.join(header)}"
            problems.append(f"{file}: has no column {theirs!r}; {hint}")
    for name in source.defaults:
        if name not in COLUMNS:
            problems.append(f"defaults.{name}: {_unknown(name)}")
    names = {name: source.columns.get(name, name) for name in COLUMNS}
    names = {ours: theirs for ours, theirs in names.items() if theirs in header}
    # A column that is ours but for its spelling would be lost without a word.
    for theirs in header:
        near = difflib.get_close_matches(theirs, [n for n in COLUMNS if n not in names], n=1, cutoff=0.8)
        if theirs not in names.values() and near:
            problems.append(f"{file}: column {theirs!r} is unknown; did you mean {near[0]!r}?")
    for name in _NEEDED:
        if name not in names and name not in source.defaults:
            problems.append(f"{file}: has no column {name!r} and the recipe's `defaults` have none")
    return names


def _unknown(name: str) -> str:
    near = difflib.get_close_matches(name, COLUMNS, n=1)
    return f"no such column; did you mean {near[0]!r}?" if near else f"no such column; there are {', '.join(COLUMNS)}"


def _folder_rows(recipe: Recipe, source: SourceFolder, problems: list[str]) -> list[ClipRow]:
    assert source.folder is not None
    root = recipe.resolve(source.folder)
    if not root.is_dir():
        raise NvfairError("there is no such folder", where=root, remedy="correct it; it is relative to the recipe")
    rows = []
    for person in sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")):
        portraits = [person / f"portrait{suffix}" for suffix in PORTRAIT_SUFFIXES]
        portrait = next((str(path.relative_to(root)) for path in portraits if path.is_file()), "")
        clips = sorted(path for path in person.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)
        if not clips:
            problems.append(f"{root.name}/{person.name}: holds no video ({', '.join(VIDEO_SUFFIXES)})")
        for clip in clips:
            name = clip.relative_to(root).as_posix()
            values = {"path": name, "identity": f"{source.source}:{person.name}", "portrait": portrait}
            row = _row(values, source, root, f"{root.name}/{name}", problems)
            if row is not None:
                rows.append(row)
    return rows


def _row(values: dict[str, str], source: SourceFolder, root: Path, where: str, problems: list[str]) -> ClipRow | None:
    filled = {name: values.get(name, "") or source.defaults.get(name, "") for name in COLUMNS}
    before = len(problems)
    collection = filled["source"] or source.source or filled["identity"].partition(":")[0]
    identity = filled["identity"]
    if identity and ":" not in identity and (filled["source"] or source.source):
        identity = f"{collection}:{identity}"  # a bare id belongs to the collection that its row names
    problems += [f"{where}: {name} is empty" for name in _NEEDED if not filled[name]]
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
    if len(problems) > before:
        return None
    plain = {name: filled[name] for name in COLUMNS if name not in ("path", "portrait", "aliases")}
    plain |= {"identity": identity, "source": collection}
    return ClipRow(
        path=(root / filled["path"]).resolve(),
        name=Path(filled["path"]).as_posix(),
        where=where,
        portrait=portrait,
        aliases=tuple(sorted(filter(None, (part.strip() for part in filled["aliases"].split(";"))))),
        **plain,
    )


def _contradictions(rows: Iterable[ClipRow]) -> Iterator[str]:
    """Facts of a person that differ between the person's rows, and files listed twice."""
    first: dict[str, ClipRow] = {}
    paths: dict[Path, ClipRow] = {}
    for row in rows:
        known = first.setdefault(row.identity, row)
        for name in PERSONAL:
            mine, theirs = getattr(row, name), getattr(known, name)
            if mine != theirs:
                yield f"{row.where}: {name} of {row.identity} is {str(mine)!r}, but {str(theirs)!r} in {known.where}"
        other = paths.setdefault(row.path, row)
        if other is not row:
            yield f"{row.where}: {row.name} is listed already, in {other.where}"
