"""The data set that is looked at, with its catalogue and rights; it is read anew when its files change on disk."""

from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.errors import NvfairError
from nvfair_tools.quality.table import TABLE_NAME
from nvfair_tools.viewer.catalogue import Catalogue

_WATCHED = ("dataset.json", "videos.parquet", "identities.parquet", "consent.parquet")


@dataclass(frozen=True)
class Picture:
    """Whether pictures of a video are on the page.

    hidden: why there is none, "" where there is one. not_public: why it may not be shown in public, "" where it may.
    """

    hidden: str
    not_public: str


class OpenSet:
    """A data set at one moment: its rows, and what each may be used for.

    show_refused: pictures whose display people or licences refuse are on the page too, marked; those of people who
    have withdrawn never are.
    """

    def __init__(self, dataset: Dataset, *, show_refused: bool = False) -> None:
        self.dataset, self.show_refused = dataset, show_refused
        self.folder = dataset.folder.resolve()
        self.rights = DatasetRights(dataset)
        self.catalogue = Catalogue(dataset.videos, lambda: self.quality)

    @cached_property
    def people(self) -> pd.DataFrame:
        """The table of people, by identity."""
        return self.dataset.identities.set_index("identity", drop=False)

    @cached_property
    def quality(self) -> pd.DataFrame | None:
        """The measures of `nvfair quality`, by video; None where the set has none, or they cannot be read."""
        # Where the build has measured, `nvfair quality` writes into `again`.
        for path in (self.folder / "quality" / "again" / TABLE_NAME, self.folder / "quality" / TABLE_NAME):
            try:
                return pd.read_parquet(path).set_index("video")
            except (OSError, ValueError, KeyError):
                continue
        return None

    def with_rows(self, videos: pd.DataFrame) -> Dataset:
        """The data set with these rows alone, so that reading some tracks does not touch the whole table."""
        return replace(self.dataset, videos=videos)

    def row(self, video: str) -> pd.Series:
        """The row of a video. Raises NvfairError where there is none."""
        return self.dataset.videos.iloc[self.number(video)]

    def number(self, video: str) -> int:
        """The row number of a video. Raises NvfairError where there is none."""
        number = self.catalogue.number(video)
        if number is None:
            raise NvfairError(
                f"no video has the id {video!r}",
                where=self.dataset.folder / "videos.parquet",
                remedy="it may have left the set since; look for it in the list",
            )
        return number

    def pictures(self, videos: pd.DataFrame) -> list[Picture]:
        """Whether pictures of each row are on the page."""
        on_this_machine = self.rights.hidden(videos)
        pictures = []
        for hidden, decision in zip(on_this_machine, self.rights.decisions(videos, "display"), strict=True):
            reasons = {refusal.reason for refusal in decision.refusals}
            if self.show_refused and "consent_withdrawn" not in reasons:
                hidden = ""
            pictures.append(Picture(hidden, "" if decision.permitted else decision.detail))
        return pictures

    def portrait_picture(self, person: str) -> Picture:
        """Whether the portrait of a person is on the page: as a recording of the person is, by the person's row."""
        row = self.people.loc[person]
        recording = {name: row[name] for name in ("licence", "permitted_use")} | {"target": person, "driver": person}
        return self.pictures(pd.DataFrame([recording | {"kind": "real"}]))[0]

    def file(self, path: object) -> Path | None:
        """A file of the set by its path in a table; None where there is none, or it lies outside the folder."""
        if not isinstance(path, str) or not path:
            return None
        place = (self.folder / path).resolve()
        return place if place.is_relative_to(self.folder) and place.is_file() else None


class Watched:
    """The newest state of a data set's folder; `current` reads it anew where a table has changed."""

    def __init__(self, folder: Path, *, show_refused: bool = False) -> None:
        self.folder, self._show_refused = folder, show_refused
        self._lock = threading.Lock()
        self._seen: tuple[object, ...] = ()
        self._state: OpenSet | None = None

    def current(self) -> OpenSet:
        """The data set as it is now. Raises NvfairError where it is absent, unfinished or of another format."""
        with self._lock:
            seen = tuple(_moment(self.folder / name) for name in _WATCHED)
            if self._state is None or seen != self._seen:
                self._state = None
                self._state = OpenSet(Dataset.open(self.folder), show_refused=self._show_refused)
                self._seen = seen
            return self._state


def plain(value: object) -> object:
    """A cell of a table as JSON has it: missing values are None, numpy's numbers Python's, arrays lists."""
    if value is None or value is pd.NA:
        return None
    if isinstance(value, (list, tuple, np.ndarray)):
        return [plain(item) for item in value]
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        if not np.isfinite(value):
            return None
        return int(value) if value.is_integer() else value
    return value if isinstance(value, (str, int, bool)) else str(value)


def _moment(path: Path) -> object:
    try:
        state = path.stat()
    except OSError:
        return None
    return state.st_mtime_ns, state.st_size, state.st_ino
