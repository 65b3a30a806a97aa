"""The file of a data set that says where in long or edited footage its clips were cut out: segments.parquet.

One row a segment, those included that gave no usable clip. A data set that was not cut from footage has no such file.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.writer import write_table

SEGMENTS_FILE = "segments.parquet"
SCHEMA = pa.schema(
    [
        pa.field("video", pa.string(), nullable=False),  # id of the clip in videos.parquet
        pa.field("identity", pa.string(), nullable=False),
        pa.field("footage", pa.string(), nullable=False),  # name of the file, as listed
        pa.field("footage_sha256", pa.string(), nullable=False),
        pa.field("shot", pa.int32(), nullable=False),  # number within the file, from 1
        pa.field("first_frame", pa.int64(), nullable=False),  # of the file, from 0
        pa.field("last_frame", pa.int64(), nullable=False),  # itself a frame of the segment
        pa.field("start", pa.float64(), nullable=False),  # seconds since the file's first frame
        pa.field("end", pa.float64(), nullable=False),
        pa.field("others", pa.int32(), nullable=False),  # other faces that are seen for half a second and more
        pa.field("others_share", pa.float64(), nullable=False),  # share of the frames in which any of them is
        # "confirmed", "another person", or "not verified" (no recogniser, or nothing to compare with)
        pa.field("person", pa.string(), nullable=False),
        pa.field("likeness", pa.float64()),  # cosine with the person's reference; null where it was not compared
    ]
)


def write_segments(folder: Path, rows: Iterable[Mapping[Any, Any]]) -> Path:
    """Writes the places of segments into a data set's folder, in the order of footage and frames."""
    table = pd.DataFrame(list(rows), columns=SCHEMA.names)
    path = folder / SEGMENTS_FILE
    write_table(path, table.sort_values(["footage", "first_frame", "video"]), SCHEMA)
    return path


def read_segments(folder: Path) -> pd.DataFrame | None:
    """The places of a data set's segments; None where it was not cut from footage."""
    path = folder / SEGMENTS_FILE
    return pq.read_table(path, schema=SCHEMA, partitioning=None).to_pandas() if path.is_file() else None
