"""Taking a part of the first format, whose rows lack labels, to the present one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from nvfair_tools.dataset.labels import VideoLabels
from nvfair_tools.dataset.part_writer import PartWriter, rows_per_group
from nvfair_tools.dataset.schema import LABEL_COLUMNS, frames_schema
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output


def label_part(part: Path, target: Path, labels: Mapping[str, VideoLabels]) -> None:
    """Writes the rows of `part` to `target`, which may be the same file, with the labels of their videos.

    All other values are copied, not computed again: their bits stay. Raises NvfairError where a row is of none of these
    videos, and where the part cannot be read.
    """
    values = {
        name: pa.array([getattr(of_video, name) for of_video in labels.values()], pa.string()) for name in LABEL_COLUMNS
    }
    ids = pa.array(list(labels), pa.string())
    try:
        with pq.ParquetFile(part) as source:
            names = source.schema_arrow.names
            schema = frames_schema(distances="distances" in names, mesh="mesh" in names)
            with atomic_output(target) as aside, PartWriter(aside, schema) as writer:
                for batch in source.iter_batches(rows_per_group(schema)):
                    places = pc.index_in(batch.column("video"), value_set=ids)
                    if places.null_count:
                        raise _damaged(part, "it holds frames of a video that videos.parquet does not put there")
                    columns = [
                        values[field.name].take(places) if field.name in values else batch.column(field.name)
                        for field in schema
                    ]
                    writer.write(pa.RecordBatch.from_arrays(columns, schema=schema))
    except (pa.ArrowException, KeyError) as error:
        raise _damaged(part, f"not a whole part: {(str(error) or type(error).__name__).splitlines()[0]}") from error


def _damaged(part: Path, what: str) -> NvfairError:
    return NvfairError(what, where=part, remedy="copy this part again; `nvfair dataset check --full` finds all damage")
