"""NVFAIR's layout: {source}/{originals|GENERATOR-generated}/{target}/{target}--{clip}--{driver}.mp4, and its table.

Published are the layout and what the table says of each file, not the headings of the table; ours are such that
`nvfair import nvfair` reads them.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from functools import partial
from pathlib import Path, PurePosixPath
from typing import Any

from nvfair_tools.dataset.exports.copies import copying, sizes_of
from nvfair_tools.dataset.exports.nvfair_names import GENERATORS, ORIGINALS, SPREADSHEET
from nvfair_tools.dataset.exports.permitted import USE, PermittedVideos
from nvfair_tools.dataset.exports.plan import ExportPlan, PlannedFile, read_me
from nvfair_tools.dataset.exports.sheet import BYTES_PER_ROW, MAX_ROWS, write_sheet
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.governance.uses import Use
from nvfair_tools.identity import COLLECTIONS, identity_aliases, identity_file_name
from nvfair_tools.quantities import count_text

_FOLDERS = {label: folder for folder, label in GENERATORS.items()}
_SOURCES = {collection.namespace: collection.source for collection in COLLECTIONS}
_USES: tuple[Use, ...] = ("training", USE)
_HEADER = (
    "File", "Real/Synthetic", "Self/Cross", "Licence", *(f"Permitted use: {use}" for use in _USES),
    "Terms", "Consent", "SHA-256",
)  # fmt: skip
_LAYOUT = f"""\
## What is where
    SOURCE/originals/PERSON/CLIP.mp4
    SOURCE/GENERATOR-generated/TARGET/TARGET--CLIP--DRIVER.mp4
    {SPREADSHEET}    a row a file: real or synthetic, self or cross, licence, permitted uses, consent

`nvfair import nvfair` reads it where people and generators are those of NVFAIR."""


def plan_layout(dataset: Dataset, judged: PermittedVideos) -> ExportPlan:
    """Plans a copy of each video that has a file, and the table of them. Raises Problems where two of them would be
    one file; NvfairError where the table would be too long."""
    videos = judged.videos
    with_file = videos[videos["path"].notna()]
    if len(with_file) >= MAX_ROWS:
        raise NvfairError(
            f"{count_text(len(with_file), 'video does', 'videos do')} not fit NVFAIR's table",
            where=dataset.folder,
            expected=f"at most {MAX_ROWS - 1:,}, the rows of an .xlsx sheet",
        )
    rows = with_file.to_dict("records")
    places = [_place(row) for row in rows]
    _check_distinct(dataset.folder, places, [str(row["video"]) for row in rows])
    sizes = sizes_of(dataset.folder, [row["path"] for row in rows])
    files = [
        PlannedFile(place, size, copying(dataset.folder / row["path"], _text(row["sha256"]) or None), 1)
        for place, size, row in zip(places, sizes, rows, strict=True)
    ]
    rights = DatasetRights(dataset, judged.day)
    uses = [[decision.permitted for decision in rights.decisions(with_file, use)] for use in _USES]
    table = [_row(place, row, permitted) for place, row, *permitted in zip(places, rows, *uses, strict=True)]
    sheet = PlannedFile(SPREADSHEET, BYTES_PER_ROW * (len(table) + 1), partial(write_sheet, [_HEADER, *table]))
    missing = len(videos) - len(with_file)
    return ExportPlan(
        (*files, read_me(dataset, with_file, _LAYOUT), sheet),
        {"no .mp4 in the data set": missing} if missing else {},
        tuple(_remarks(rows)),
    )


def _place(row: dict[Any, Any]) -> str:
    """The path of a video in the layout."""
    namespace = str(row["target"]).partition(":")[0]
    source = _SOURCES.get(namespace, _plain(str(row["source"])))
    target, driver = _person(str(row["target"])), _person(str(row["driver"]))
    if row["kind"] == "real":
        return f"{source}/{ORIGINALS}/{target}/{_clip(row)}.mp4"
    label = str(row["generator"])
    folder = _FOLDERS.get(label, f"{_plain(label)}-generated")
    return f"{source}/{folder}/{target}/{target}--{_clip(row)}--{driver}.mp4"


def _person(identity: str) -> str:
    """A person's name in NVFAIR's file names: "1001", "Actor_01", "id001"; of others the identity as a file name."""
    return next(iter(identity_aliases(identity)), identity_file_name(identity))


def _clip(row: dict[Any, Any]) -> str:
    """The name of the driving clip: as in the data set's own file names, which no two clips of a person share."""
    stem = PurePosixPath(row["path"]).stem
    if row["kind"] == "real":
        return stem
    parts = stem.split("--")
    return "--".join(parts[1:-1]) if len(parts) > 2 else _plain(str(row["clip_name"]))


def _plain(text: str) -> str:
    return re.sub(r"[^A-Za-z0-9_.-]", "_", text).lstrip(".") or "unnamed"


def _check_distinct(folder: Path, places: list[str], videos: list[str]) -> None:
    at_place: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for place, video in zip(places, videos, strict=True):
        at_place[place.lower()].append((place, video))  # some file systems do not distinguish upper from lower case
    problems = [
        f"the videos {', '.join(video for _, video in same)} would all be {same[0][0]}"
        for same in at_place.values()
        if len(same) > 1
    ]
    if problems:
        raise Problems(folder, problems, remedy="rename the clips in the list and build again")


def _row(place: str, row: dict[Any, Any], permitted: list[bool]) -> tuple[str, ...]:
    return (
        place,
        "real" if row["kind"] == "real" else "synthetic",
        "" if row["kind"] == "real" else str(row["kind"]),
        _text(row["licence"]),
        *("yes" if permission else "no" for permission in permitted),
        _text(row["permitted_use"]),
        _text(row["consent"]),
        _text(row["sha256"]),
    )


def _remarks(rows: list[dict[Any, Any]]) -> Iterator[str]:
    others = {person for row in rows for person in (row["target"], row["driver"]) if not identity_aliases(person)}
    if others:
        yield (
            f"{count_text(len(others), 'person is', 'people are')} of none of NVFAIR's collections: `nvfair import "
            "nvfair` does not read them"
        )
    labels = {row["generator"] for row in rows if row["kind"] != "real"} - _FOLDERS.keys()
    if labels:
        yield (
            f"videos of {', '.join(sorted(map(str, labels)))} stand in folders that NVFAIR does not have: "
            "`nvfair import nvfair` does not read them"
        )


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
