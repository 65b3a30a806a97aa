"""Labels: what each frame row says of its video, so that the rows stand alone: driver, target, generator and split."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import LABEL_COLUMNS


@dataclass(frozen=True)
class VideoLabels:
    """The labels of one video, as in its row of videos.parquet. generator: None for a real video."""

    driver: str
    target: str
    generator: str | None
    split: str


def labels_by_video(videos: pd.DataFrame) -> dict[str, VideoLabels]:
    """The labels of each video of a videos table by its id, in the order of the rows."""
    columns = [videos[name].astype(object).where(videos[name].notna(), None) for name in LABEL_COLUMNS]
    return {str(video): VideoLabels(*labels) for video, *labels in zip(videos["video"], *columns, strict=True)}


def has_labels(part: Path, labels: Mapping[str, VideoLabels]) -> bool:
    """Whether a part is there, can be read, and has rows of exactly these videos, in order, with these labels.

    It has not where a data set's list of people has changed since, or the part is of a format without labels.
    """
    names = ["video", *LABEL_COLUMNS]
    try:
        if not set(names) <= set(pq.read_schema(part).names):
            return False
        with pq.ParquetFile(part, read_dictionary=names) as file:
            rows = file.read(columns=names).select(names).to_pandas().drop_duplicates()
    except (pa.ArrowException, OSError):
        return False
    stored = rows.astype(object).where(rows.notna(), None).itertuples(index=False, name=None)
    return list(stored) == [(video, *astuple(of_video)) for video, of_video in labels.items()]
