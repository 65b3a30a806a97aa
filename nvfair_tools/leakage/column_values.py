"""What is known of each video without looking at the face: its sentence, length, rate, size, bytes and codec.

Legend: N videos.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class VideoColumn:
    """Values of one kind for all videos.

    name: in words. values: (N,), float with NaN (a number) or object with None (a category) where unknown. by_builder:
    whether the maker of the files chooses it, and not the recording. reason: why there are no values, "" where any is
    known.
    """

    name: str
    values: np.ndarray
    by_builder: bool = False
    reason: str = ""

    @property
    def is_number(self) -> bool:
        """Whether values are compared by their ratio, and not only as equal or different."""
        return self.values.dtype != object

    @property
    def known(self) -> np.ndarray:
        """Which videos have a value, bool (N,)."""
        if self.is_number:
            return np.isfinite(self.values)
        return np.array([value is not None for value in self.values], dtype=bool)


def table_columns(videos: pd.DataFrame) -> list[VideoColumn]:
    """The columns that videos.parquet itself gives (N rows)."""
    frames = _numbers(videos, "frames")
    with np.errstate(divide="ignore", invalid="ignore"):
        rate = _numbers(videos, "fps_num") / _numbers(videos, "fps_den")
        seconds = frames / rate
    names = {"sentence": "content", "scenario": "scenario", "emotion": "emotion"}
    columns = [
        _with_reason(VideoColumn(name, _categories(videos, column)), f"no {column} in the metadata")
        for name, column in names.items()
    ]
    width, height = _numbers(videos, "width"), _numbers(videos, "height")
    size = [f"{w:.0f}x{h:.0f}" if w == w and h == h else None for w, h in zip(width, height, strict=True)]
    return [
        *columns,
        _with_reason(VideoColumn("frames", _positive(frames)), "no frames in videos.parquet"),
        _with_reason(VideoColumn("seconds", _positive(seconds)), "no frames or rate in videos.parquet"),
        _with_reason(VideoColumn("frames a second", _positive(rate)), "no rate in videos.parquet"),
        _with_reason(VideoColumn("picture size", _objects(size), True), "no width and height in videos.parquet"),
    ]


def file_columns(
    folder: Path, videos: pd.DataFrame, progress: Callable[[int, int], None] = lambda done, total: None
) -> list[VideoColumn]:
    """The columns that the files themselves give: bytes, bytes a frame, codec and container.

    folder: the data set's. videos: N rows of videos.parquet. A file that is absent or cannot be read has no value.
    """
    sizes, codecs = np.full(len(videos), np.nan), np.full(len(videos), None, dtype=object)
    paths = videos["path"].tolist()
    for number, path in enumerate(paths):
        if isinstance(path, str) and (folder / path).is_file():
            sizes[number] = (folder / path).stat().st_size
            codecs[number] = _codec(folder / path)
        progress(number + 1, len(paths))
    with np.errstate(divide="ignore", invalid="ignore"):
        per_frame = sizes / _numbers(videos, "frames")
    reason = "no videos in the folder"
    return [
        _with_reason(VideoColumn("bytes", _positive(sizes)), reason),
        _with_reason(VideoColumn("bytes a frame", _positive(per_frame)), reason),
        _with_reason(VideoColumn("codec", codecs, True), reason),
    ]


def _codec(path: Path) -> str | None:
    """Container, codec, profile and pixel format by the file's header; None where it cannot be read."""
    from nvfair_tools.media.container import open_container
    from nvfair_tools.media.decoding import chosen_stream
    from nvfair_tools.media.errors import MediaError

    try:
        with open_container(path) as container:
            stream = chosen_stream(container)
            context = stream.codec_context
            return f"{path.suffix.lower()} {context.name} {context.profile} {context.pix_fmt}"
    except MediaError:
        return None


def _with_reason(column: VideoColumn, reason: str) -> VideoColumn:
    """The column, with the reason where no video has a value."""
    if column.known.any():
        return column
    return VideoColumn(column.name, column.values, column.by_builder, reason)


def _numbers(videos: pd.DataFrame, column: str) -> np.ndarray:
    if column not in videos:
        return np.full(len(videos), np.nan)
    return pd.to_numeric(videos[column], errors="coerce").to_numpy(np.float64, na_value=np.nan)


def _positive(values: np.ndarray) -> np.ndarray:
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def _categories(videos: pd.DataFrame, column: str) -> np.ndarray:
    values = videos[column].tolist() if column in videos else [None] * len(videos)
    return _objects([value if isinstance(value, str) and value else None for value in values])


def _objects(values: list[str | None]) -> np.ndarray:
    array = np.empty(len(values), dtype=object)
    array[:] = values
    return array
