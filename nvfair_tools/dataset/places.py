"""Where the frames of a data set's videos lie."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from nvfair_tools.errors import NvfairError
from nvfair_tools.quantities import count_text


@dataclass(frozen=True, eq=False)
class Places:
    """Where the frames of videos lie. ids, parts: (N,) of str. first_rows, frames: int64 (N,)."""

    ids: np.ndarray
    parts: np.ndarray
    first_rows: np.ndarray
    frames: np.ndarray

    @cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each video, by its id."""
        return dict(zip(self.ids.tolist(), range(len(self.ids)), strict=True))

    def at(self, numbers: np.ndarray) -> Places:
        """The places of some videos."""
        return Places(self.ids[numbers], self.parts[numbers], self.first_rows[numbers], self.frames[numbers])

    def of(self, videos: Iterable[str], folder: Path) -> Places:
        """The places of `videos` in their order; NvfairError where an id has no frames."""
        ids = list(videos)
        numbers = self.numbers
        missing = [video for video in ids if video not in numbers]
        if missing:
            raise NvfairError(
                f"{count_text(len(missing), 'video has', 'videos have')} no frames here, the first: {missing[:3]}",
                where=folder / "videos.parquet",
            )
        return self.at(np.array([numbers[video] for video in ids], dtype=np.int64))
