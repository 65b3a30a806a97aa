"""One row of the list of clips, and what may contradict between rows."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path

from nvfair_tools.governance.uses import Consent
from nvfair_tools.landmarks.track_files import is_track_file
from nvfair_tools.media.spans import Span
from nvfair_tools.pipeline.items import ItemResult
from nvfair_tools.recipe.footage_rule import FootageRule

# Columns that describe the person; they must agree in all rows of the person.
PERSON_COLUMNS = ("source", "split", "gender", "age", "ethnicity", "portrait", "aliases")
_person_facts = attrgetter(*PERSON_COLUMNS)


@dataclass(frozen=True)
class Segment:
    """The place of a clip in the footage that it was cut from.

    footage: the file; name: as listed. sha256: of its content. shot: the number of the shot, from 1. first, last:
    indices of its frames in the file, both included. start, end: seconds since the file's first frame. others: how many
    other faces are seen for some time; others_share: share of the frames in which any is. face: box of the followed
    face in the first frame (left, top, right, bottom in pixels). span: how to reach its frames. result: "ok" with the
    fact sha256, the segment's own digest, or why there is no clip.
    """

    footage: Path
    name: str
    sha256: str
    shot: int
    first: int
    last: int
    start: float
    end: float
    result: ItemResult
    others: int = 0
    others_share: float = 0.0
    face: tuple[float, float, float, float] | None = None
    span: Span | None = None


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One listed clip, a video or a track.

    path: the file; name: the path as listed, which is the same on every machine.
    portrait: a picture of the person. where: file and row, for messages. terms: what the person agreed to, where the
    recipe has a consent table. footage: how the file is cut, where it is footage; span: the only seconds of it that are
    the person's. segment: the place of a clip that was cut from footage. Other fields as in the CSV; "" is unknown.
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
    terms: Consent | None = None
    footage: FootageRule | None = None
    span: tuple[float, float] | None = None
    segment: Segment | None = None

    @property
    def is_track(self) -> bool:
        """Whether the file holds landmarks with times in place of a video."""
        return is_track_file(self.path)


def contradictions(rows: Iterable[ClipRow]) -> Iterator[str]:
    """Problems between rows: facts of a person that differ between the person's rows, names of people or sources that
    differ only in letter case, and files listed twice, unless they are footage and each row has seconds of its own."""
    first_by_person: dict[str, ClipRow] = {}
    spellings: dict[tuple[str, str], dict[str, ClipRow]] = {}  # column, value without case -> value -> first row
    people_by_alias: dict[tuple[str, str], dict[str, ClipRow]] = {}
    rows_by_path: dict[str, list[ClipRow]] = {}
    for row in rows:
        first = first_by_person.setdefault(row.identity, row)
        for name in PERSON_COLUMNS if _person_facts(row) != _person_facts(first) else ():
            value, first_value = getattr(row, name), getattr(first, name)
            if value != first_value:
                difference = f"is {str(value)!r}, but {str(first_value)!r} in {first.where}"
                yield f"{row.where}: {name} of {row.identity} {difference}"
        for name in ("identity", "source"):
            value = getattr(row, name)
            spellings.setdefault((name, value.casefold()), {}).setdefault(value, row)
        for alias in row.aliases:
            people_by_alias.setdefault((row.source, alias), {}).setdefault(row.identity, row)
        # Of a copy: from Python 3.14 on a path keeps its parts once it was written as text, 600 bytes a file.
        rows_by_path.setdefault(os.path.normcase(Path(row.path)), []).append(row)
    for of_file in rows_by_path.values():
        yield from _listed_again(of_file)
    for (name, _), first_rows in spellings.items():
        (value, first), *others = first_rows.items()
        for other_value, row in others:
            yield (
                f"{row.where}: {name} {other_value!r} differs only in letter case from {value!r} in {first.where}; "
                "write both alike if they are the same, else rename one"
            )
    for (_, alias), first_rows in people_by_alias.items():
        (identity, first), *others = first_rows.items()
        for other_identity, row in others:
            yield f"{row.where}: alias {alias!r} of {other_identity} is also one of {identity}, in {first.where}"


def _listed_again(rows: list[ClipRow]) -> Iterator[str]:
    """Problems of one file's rows: each must have seconds of its own where there are several."""
    for number, row in enumerate(rows):
        for first in rows[:number]:
            if row.span is None or first.span is None:
                hint = "; give each row its own `start` and `end`" if row.footage is not None else ""
                yield f"{row.where}: {row.name} is listed already, in {first.where}{hint}"
                break
            if row.span[0] < first.span[1] and first.span[0] < row.span[1]:
                yield (
                    f"{row.where}: its seconds of {row.name} overlap those of {first.where}; a segment belongs to one "
                    "person"
                )
                break
