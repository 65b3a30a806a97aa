"""Videos that no data set holds: rows and tracks that are made when they are read, cut into windows as any other."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from benchmark.stress.tracks import Track, track_table
from nvfair_tools.dataset import Dataset, TrackTable


@dataclass(frozen=True)
class MadeVideos(Dataset):
    """A data set of made videos; make: video id -> its track."""

    make: Callable[[str], Track] | None = None

    @classmethod
    def of(cls, dataset: Dataset, rows: pd.DataFrame, make: Callable[[str], Track]) -> MadeVideos:
        """Made videos beside a data set. rows: a row each, as in the data set's table, with ids of their own."""
        return cls(dataset.folder, dataset.meta, dataset.identities, rows.reset_index(drop=True), make)

    def tracks(self, videos: Iterable[str] | None = None, *, mesh: bool = False) -> TrackTable:
        """The tracks of `videos` (default: all); a mesh is not available."""
        assert self.make is not None
        assert not mesh
        ids = self.videos["video"].tolist() if videos is None else list(videos)
        return track_table(np.array(ids, dtype=object), [self.make(video) for video in ids])


def made_row(like: Mapping[Any, Any], video: str, **changes: Any) -> dict[str, Any]:
    """A row of a made video: that of a stored one with another id and `changes`."""
    return {**like, "video": video, "state": "ok", "reason": "", "part": "made", **changes}
