"""`nvfair_tools.open`: a finished data set by its folder."""

from __future__ import annotations

from pathlib import Path

from nvfair_tools.dataset.reader import Dataset


def open(folder: str | Path) -> Dataset:
    """Opens the data set in a folder; the frames stay on disk until they are asked for.

        data = nvfair_tools.open("runs/clips")
        data.identities, data.videos          # pandas tables: one row a person, one row a video

    Raises NvfairError where the data set is absent, unfinished, damaged or of another format version.
    """
    return Dataset.open(folder)
