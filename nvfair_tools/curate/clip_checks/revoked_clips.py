"""Listed clips of people who have withdrawn: they are not opened, and the tables say why without the name."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nvfair_tools.curate.finding import Finding
from nvfair_tools.errors import NvfairError
from nvfair_tools.governance.tombstones import RevokedPeople, revoked_people
from nvfair_tools.pipeline.items import item_id
from nvfair_tools.quantities import count_text
from nvfair_tools.recipe.clip_list import ClipRow

REVOKED = "revoked"
DETAIL = "the person has withdrawn from this data set; remove the clip from the list"


@dataclass(frozen=True)
class RevokedClip:
    """A listed clip of a person who has withdrawn. id: made of numbers alone. row: without anything about the person.
    listed: the person's name in the list, by which the split is known; it is stored nowhere."""

    id: str
    row: ClipRow
    listed: str


def split_by_name(
    rows: Sequence[ClipRow], people: RevokedPeople | None
) -> tuple[list[ClipRow], list[tuple[ClipRow, int]]]:
    """The rows of everybody else, and those of people who have withdrawn with the person's number."""
    numbers = [None if people is None else people.number_of(row.identity, row.aliases) for row in rows]
    pairs = list(zip(rows, numbers, strict=True))
    return [row for row, number in pairs if number is None], [(row, n) for row, n in pairs if n is not None]


def check_revoked(dataset: Path, rows: Sequence[ClipRow]) -> Iterator[Finding]:
    """What a recipe's check says of listed clips whose people have withdrawn from the data set in a folder, if any."""
    try:
        refused = split_by_name(rows, revoked_people(dataset))[1]
    except NvfairError as error:  # somebody has withdrawn, and the key that recognises them is not here
        yield Finding("error", "consent", error.what, error.remedy)
        return
    if refused:
        clips, people = len(refused), len({person for _, person in refused})
        withdrawn = count_text(people, "person who has withdrawn", "people who have withdrawn")
        text = f"not used: {count_text(clips, 'clip')} of {withdrawn} from this data set"
        yield Finding(
            "warning", "consent", text, f"remove from the list: {', '.join(row.where for row, _ in refused[:5])}"
        )


def anonymous_clips(rows: Iterable[tuple[ClipRow, int]]) -> list[RevokedClip]:
    """The clips without names. rows: each with the number of its person."""
    counts: Counter[int] = Counter()
    clips = []
    for row, person in rows:
        counts[person] += 1
        blank = replace(
            row,
            name=f"clip-{counts[person]}",
            identity=f"{REVOKED}:person-{person}",
            consent="withdrawn",
            permitted_use="none",
            portrait=None,
            aliases=(),
            terms=None,
            footage=None,
            span=None,
            segment=None,
            scenario="",
            emotion="",
            content="",
            gender="",
            age="",
            ethnicity="",
        )
        clips.append(RevokedClip(item_id(REVOKED, person=person, clip=counts[person]), blank, row.identity))
    return clips
