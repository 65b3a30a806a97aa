"""The places of the files of joined data sets: their own ones, or new ones where two have the same."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import chain, count
from pathlib import Path, PurePosixPath

import pandas as pd


@dataclass
class Places:
    """The names in a joined data set, given away once each; letter case does not tell two names apart."""

    used: set[str] = field(default_factory=set)
    renamed: int = 0

    def take(self, name: str, others: Iterable[str]) -> str:
        """Gives a file its name, or the first of `others` that is free."""
        for candidate in chain((name,), others):
            if candidate.lower() not in self.used:
                self.used.add(candidate.lower())
                self.renamed += candidate != name
                return candidate
        raise AssertionError("there is always another name")

    def take_part(self, part: str) -> str:
        """Gives a part its name, or the next free number in its folder."""
        folder = PurePosixPath(part).parent
        return self.take(part, (f"{folder}/part-{number:05d}.parquet" for number in count()))

    def take_file(self, name: str, mark: str) -> str:
        """Gives another file its name, or the same with a mark before its suffix."""
        path = PurePosixPath(name)
        marked = (f"{path.with_suffix('')}-{mark[:length]}{path.suffix}" for length in range(8, 65))
        return self.take(name, marked)


@dataclass(frozen=True)
class PartMove:
    """A part and its name in the joined set. without: ids of videos whose rows are left out, because another part of
    the joined set has them."""

    source: Path
    name: str
    digest: str
    without: frozenset[str]


def place_parts(
    folder: Path, files: dict[str, str], videos: pd.DataFrame, repeated: set[str], places: Places
) -> tuple[list[PartMove], pd.DataFrame]:
    """The parts of one data set in the joined one, and its videos without the repeated ones, placed there.

    folder: of the data set. files: {path: SHA-256}. videos: its table. repeated: ids of videos that the joined set has
    already. A part of which only repeated videos are left out whole; rows of others are numbered anew where some go.
    """
    moves: list[PartMove] = []
    remaining = videos[~videos["video"].isin(repeated)].copy()
    stored = videos[videos["part"].notna() & (videos["state"] == "ok")]
    for part, group in stored.groupby("part", sort=True):
        gone = frozenset(group["video"][group["video"].isin(repeated)])
        if len(gone) == len(group):
            continue
        name = places.take_part(str(part))
        moves.append(PartMove(folder / str(part), name, files[str(part)], gone))
        rows = group[~group["video"].isin(gone)].sort_values("first_row")
        remaining.loc[rows.index, "part"] = name
        if gone:
            ends = rows["frames"].cumsum()
            remaining.loc[rows.index, "first_row"] = (ends - rows["frames"]).astype("Int64")
    return moves, remaining
