"""One row of the list of clips, and what may contradict between rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.governance.uses import Consent
from nvfair_tools.landmarks.track_files import is_track_file

# Columns that describe the person; they must agree in all rows of the person.
PERSON_COLUMNS = ("source", "split", "gender", "age", "ethnicity", "portrait", "aliases")


@dataclass(frozen=True, slots=True)
class ClipRow:
    """One listed clip, a video or a track.

    path: the file; name: the path as listed, which is the same on every machine.
    portrait: a picture of the person. where: file and row, for messages. terms: what the person agreed to, where the
    recipe has a consent table. Other fields as in the CSV; "" is unknown.
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

    @property
    def is_track(self) -> bool:
        """Whether the file holds landmarks with times in place of a video."""
        return is_track_file(self.path)


def contradictions(rows: Iterable[ClipRow]) -> Iterator[str]:
    """Problems between rows: facts of a person that differ between the person's rows, names of people or sources that
    differ only in letter case, and files listed twice."""
    first_by_person: dict[str, ClipRow] = {}
    spellings: dict[tuple[str, str], dict[str, ClipRow]] = {}  # column, value without case -> value -> first row
    people_by_alias: dict[tuple[str, str], dict[str, ClipRow]] = {}
    first_by_path: dict[Path, ClipRow] = {}
    for row in rows:
        first = first_by_person.setdefault(row.identity, row)
        for name in PERSON_COLUMNS:
            value, first_value = getattr(row, name), getattr(first, name)
            if value != first_value:
                difference = f"is {str(value)!r}, but {str(first_value)!r} in {first.where}"
                yield f"{row.where}: {name} of {row.identity} {difference}"
        for name in ("identity", "source"):
            value = getattr(row, name)
            spellings.setdefault((name, value.casefold()), {}).setdefault(value, row)
        for alias in row.aliases:
            people_by_alias.setdefault((row.source, alias), {}).setdefault(row.identity, row)
        first = first_by_path.setdefault(row.path, row)
        if first is not row:
            yield f"{row.where}: {row.name} is listed already, in {first.where}"
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
