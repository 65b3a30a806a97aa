"""Parts: the Parquet files that hold the frames of a data set.

The plan of the parts depends on the videos' ids and lengths alone, so that equal data sets have equal parts whatever
the order in which their videos were made. A part is written under a temporary name and renamed: no part is incomplete.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from nvfair_tools.dataset.labels import VideoLabels
from nvfair_tools.dataset.part_writer import PartWriter
from nvfair_tools.dataset.schema import LABEL_COLUMNS, LANDMARK_COUNT, PIXEL_FRACTION, frames_schema
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.features import DEFAULT_SCALE, Scale, distances
from nvfair_tools.files import atomic_output
from nvfair_tools.portable_names import portable_name

ROWS_PER_PART = 200_000


def plan_parts(videos: pd.DataFrame, rows_per_part: int = ROWS_PER_PART) -> pd.DataFrame:
    """Plans the part and the first row of each video: columns `part` and `first_row`, with the index of `videos`.

    videos: columns video, split, generator, frames. Each split and generator (real videos as "originals") has its own
    parts, filled in the order of the videos' ids up to `rows_per_part` rows, in a folder that is named after it.
    """
    generator = videos["generator"].fillna("originals").astype(str).map(portable_name)
    plan = pd.DataFrame({"part": "", "first_row": 0}, index=videos.index)
    parts, first_rows = plan["part"].to_numpy(dtype=object, copy=True), plan["first_row"].to_numpy(copy=True)
    position = pd.Series(np.arange(len(videos)), index=videos.index)
    for (split, name), group in videos.groupby([videos["split"], generator], sort=True):
        ordered = group.sort_values("video")
        part, row = 0, 0
        for n, frames in zip(position.loc[ordered.index], ordered["frames"].to_numpy(), strict=True):
            if row and row + frames > rows_per_part:
                part, row = part + 1, 0
            parts[n] = f"frames/{split}/{name}/part-{part:05d}.parquet"
            first_rows[n] = row
            row += int(frames)
    plan["part"], plan["first_row"] = parts, first_rows
    return plan


def write_part(
    path: Path,
    videos: Mapping[str, VideoLabels],
    rows_of: Callable[[str], FrameRows],
    *,
    with_distances: bool,
    with_mesh: bool = False,
    scale: Scale = DEFAULT_SCALE,
) -> int:
    """Writes the frames of `videos` in order to the part `path` and returns the number of rows.

    videos: the labels of each video by its id. rows_of: gives the frames of a video by its id. scale: the facial scale
    of the distances, where they are stored.
    Raises ValueError where the part stores the mesh and a video has none.
    """
    schema = frames_schema(distances=with_distances, mesh=with_mesh)
    total = 0
    with atomic_output(path) as temporary, PartWriter(temporary, schema) as writer:
        for video, labels in videos.items():
            rows = _record_batch(video, labels, rows_of(video), schema, scale)
            writer.write(rows)
            total += rows.num_rows
    return total


def round_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Rounds landmarks to the precision that a part stores: float32 pixels in steps of 1/64."""
    return (np.round(np.asarray(landmarks, dtype=np.float32) * PIXEL_FRACTION) / PIXEL_FRACTION).astype(np.float32)


def _record_batch(video: str, labels: VideoLabels, rows: FrameRows, schema: pa.Schema, scale: Scale) -> pa.RecordBatch:
    frames = len(rows.valid)
    landmarks = round_landmarks(rows.landmarks)
    landmarks[~rows.valid] = np.nan
    reason = np.where(rows.valid, "", "no_face") if rows.reason is None else rows.reason
    columns: dict[str, pa.Array] = {
        "video": pa.repeat(pa.scalar(video, pa.string()), frames),
        **{name: pa.repeat(pa.scalar(getattr(labels, name), pa.string()), frames) for name in LABEL_COLUMNS},
        "index": pa.array(np.arange(frames, dtype=np.int32)),
        "time": pa.array(np.asarray(rows.time, dtype=np.float64)),
        "valid": pa.array(np.asarray(rows.valid, dtype=bool)),
        "reason": pa.array(reason.tolist(), pa.string()),
        "landmarks": _fixed_size_lists(landmarks.reshape(frames, LANDMARK_COUNT * 2)),
    }
    if "distances" in schema.names:
        columns["distances"] = _fixed_size_lists(distances(landmarks, scale, dtype=np.float16))
    if "mesh" in schema.names:
        if rows.mesh is None:
            raise ValueError(f"video {video} has no mesh, but the part stores the mesh")
        mesh = round_landmarks(rows.mesh)
        mesh[~rows.valid] = np.nan
        columns["mesh"] = _fixed_size_lists(mesh.reshape(frames, -1))
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _fixed_size_lists(values: np.ndarray) -> pa.Array:
    """A 2-D array as a column of flat fixed-size lists; nested lists read hundreds of times slower."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
