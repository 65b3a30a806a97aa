"""Taking videos out of a data set's parts, and numbering the rows that stay."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.dataset.part_writer import PartWriter, rows_per_group
from nvfair_tools.dataset.schema import frames_schema
from nvfair_tools.files import atomic_output

_ROLES = ("driver", "target")


def count_rows(part: Path, videos: Collection[str], person: str = "") -> int:
    """How many rows of a part are of these videos, or name `person` as driver or target ("": nobody)."""
    with pq.ParquetFile(part) as file:
        names = [name for name in ("video", *_ROLES) if name in file.schema_arrow.names]
        rows = file.read(columns=names)
    return int(pc.sum(_are_gone(rows, videos, person)).as_py() or 0)


def remove_rows(part: Path, videos: Collection[str], person: str = "") -> int:
    """Writes a part anew without these videos and without rows that name `person` as driver or target, or deletes it
    where nothing stays; returns how many rows went.

    The values that stay are copied, not computed again; the part is the same, byte for byte, as one that is written of
    the other videos alone.
    """
    gone = count_rows(part, videos, person)
    if not gone:
        return 0
    with pq.ParquetFile(part) as source:
        left = source.metadata.num_rows - gone
        if left:
            schema = _schema_of(source)
            with atomic_output(part) as aside, PartWriter(aside, schema) as writer:
                for batch in source.iter_batches(rows_per_group(schema)):
                    rows = batch.filter(pc.invert(_are_gone(batch, videos, person)))
                    if rows.num_rows:
                        writer.write(pa.RecordBatch.from_arrays(rows.columns, schema=schema))
    if not left:
        part.unlink()
    return gone


def _schema_of(part: pq.ParquetFile) -> pa.Schema:
    """The columns of a part, without what reading adds to them (numbers of fields), where they are those of a part."""
    read = part.schema_arrow
    written = frames_schema(distances="distances" in read.names, mesh="mesh" in read.names)
    return written if read.equals(written) else read


def _are_gone(rows: pa.Table | pa.RecordBatch, videos: Collection[str], person: str) -> pa.Array:
    """Bool: which rows are of these videos or name the person; parts before format "1.0" name nobody."""
    gone = pc.is_in(rows.column("video"), value_set=pa.array(sorted(videos), pa.string()))
    for role in _ROLES:
        if role in rows.schema.names:
            gone = pc.or_(gone, pc.equal(rows.column(role), person))
    return gone


def place_rows(folder: Path, videos: pd.DataFrame) -> pd.DataFrame:
    """The videos table of a data set with the columns part and first_row as its parts are now.

    A video whose rows are in no part has neither.
    """
    places: dict[str, tuple[str, int]] = {}
    for path in sorted((folder / "frames").rglob("part-*.parquet")):
        ids = pq.read_table(path, columns=["video"], partitioning=None).column("video").to_numpy(zero_copy_only=False)
        starts = np.concatenate([[0], np.flatnonzero(ids[1:] != ids[:-1]) + 1])
        places |= {str(ids[start]): (path.relative_to(folder).as_posix(), int(start)) for start in starts}
    located = [places.get(video, (None, None)) for video in videos["video"]]
    videos = videos.assign(part=pd.Series([part for part, _ in located], index=videos.index, dtype=object))
    videos["first_row"] = pd.array([first for _, first in located], dtype="Int64")
    return videos
