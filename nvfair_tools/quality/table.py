"""The table of measures, quality.parquet: one row a rendered video."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output
from nvfair_tools.quality.measure import MEASURES, VERSION
from nvfair_tools.quality.thresholds import derived

TABLE_NAME = "quality.parquet"  # in the folder `quality` of a data set
# What the summary shows of each generator, as medians.
SUMMARY = ("face_share", "correlation", "amplitude", "identity_arcface", "identity_shape", "flicker_excess",
           "sharpness_ratio")  # fmt: skip
_TEXTS = ("video", "generator", "kind", "target", "driver", "clip", "sha256", "problem", "measured_by")
QUALITY_SCHEMA = pa.schema(
    [pa.field(name, pa.string()) for name in _TEXTS] + [pa.field(name, pa.float32()) for name in MEASURES]
)


def measured_by(recogniser: str | None) -> str:
    """What a row was measured with: rows of another version, or with another network, are measured again."""
    return f"{VERSION}, {recogniser or 'no recogniser'}"


def quality_table(videos: pd.DataFrame, measures: Mapping[str, Mapping[str, Any]], method: str) -> pd.DataFrame:
    """The table of the videos with measures. videos: rows of the videos table. measures: by video id."""
    chosen = videos[videos["video"].isin(list(measures))]
    columns: dict[str, Any] = {
        name: chosen[name].to_numpy() for name in ("video", "generator", "kind", "target", "driver", "clip", "sha256")
    }
    values = [measures[video] for video in chosen["video"]]
    columns["problem"] = [row.get("problem") for row in values]
    columns["measured_by"] = method
    for name in MEASURES:
        columns[name] = np.array([row.get(name, np.nan) for row in values], dtype=np.float32)
    return pd.DataFrame(columns, columns=QUALITY_SCHEMA.names)


def write_quality(path: Path, table: pd.DataFrame) -> None:
    """Writes the table, sorted by video, whole or not at all."""
    content = pa.Table.from_pandas(
        table.sort_values("video", ignore_index=True), schema=QUALITY_SCHEMA, preserve_index=False
    )
    with atomic_output(path) as aside:
        pq.write_table(content, aside)


def read_quality(path: Path) -> pd.DataFrame:
    """Reads the table. Raises NvfairError where it is not one."""
    try:
        return pq.read_table(path, schema=QUALITY_SCHEMA).to_pandas()
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise NvfairError(
            f"not a table of measures: {reason}", where=path, remedy="delete it, or name another --out"
        ) from error


def summarise(table: pd.DataFrame) -> pd.DataFrame:
    """Medians by generator: columns generator, videos, unreadable and SUMMARY. A median is over the known values."""
    rows = []
    records: list[dict[str, Any]] = table[list(MEASURES)].to_dict("records")  # type: ignore[assignment]
    added = pd.DataFrame([derived(row) for row in records], index=table.index)
    for generator, group in table.groupby("generator", sort=True):
        values = added.loc[group.index].reindex(columns=list(SUMMARY))
        medians = values.median(numeric_only=True)
        rows.append(
            {"generator": generator, "videos": len(group), "unreadable": int(group["problem"].notna().sum())}
            | {name: float(medians.get(name, np.nan)) for name in SUMMARY}
        )
    return pd.DataFrame(rows, columns=["generator", "videos", "unreadable", *SUMMARY])
