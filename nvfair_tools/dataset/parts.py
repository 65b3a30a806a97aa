"""Parts: the Parquet files that hold a data set's frames.

Which videos go into which part is planned from their ids and lengths alone, so that equal data sets have equal parts
whatever the order in which they were made. A part is written aside and renamed: it is whole or it is not there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import LANDMARK_COUNT, PIXEL_FRACTION, frames_schema
from nvfair_tools.features import DEFAULT_SCALE, Scale, distances
from nvfair_tools.files import atomic_output

ROWS_PER_PART = 200_000
# A row group is the unit of reading; with distances a row takes 16 kB.
ROWS_PER_GROUP = 20_000
ROWS_PER_GROUP_WITH_DISTANCES = 2_000


@dataclass(frozen=True)
class FrameRows:
    """The frames of one video, as a part stores them (see TrackTable for shapes)."""

    landmarks: np.ndarray
    valid: np.ndarray
    time: np.ndarray
    reason: np.ndarray | None = None  # (T,) of str; None: "" where valid, "no_face" elsewhere
    mesh: np.ndarray | None = None


def plan_parts(videos: pd.DataFrame, rows_per_part: int = ROWS_PER_PART) -> pd.DataFrame:
    """`part` and `first_row` for each of `videos` (columns video, split, generator, frames), indexed as given.

    Videos are taken split by split and generator by generator (real ones as "originals"), in the order of their ids.
    """
    generator = videos["generator"].fillna("originals").astype(str)
    plan = pd.DataFrame({"part": "", "first_row": 0}, index=videos.index)
    parts, rows = plan["part"].to_numpy(dtype=object, copy=True), plan["first_row"].to_numpy(copy=True)
    place = pd.Series(np.arange(len(videos)), index=videos.index)
    for (split, name), group in videos.groupby([videos["split"], generator], sort=True):
        ordered = group.sort_values("video")
        part, row = 0, 0
        for at, frames in zip(place.loc[ordered.index], ordered["frames"].to_numpy(), strict=True):
            if row and row + frames > rows_per_part:
                part, row = part + 1, 0
            parts[at] = f"frames/{split}/{name}/part-{part:05d}.parquet"
            rows[at] = row
            row += int(frames)
    plan["part"], plan["first_row"] = parts, rows
    return plan


def write_part(
    path: Path,
    videos: Iterable[str],
    rows_of: Callable[[str], FrameRows],
    *,
    with_distances: bool,
    with_mesh: bool = False,
    scale: Scale = DEFAULT_SCALE,
) -> int:
    """Writes the frames of `videos` in order to `path`; returns the number of rows."""
    schema = frames_schema(distances=with_distances, mesh=with_mesh)
    plain = [name for name in schema.names if name not in ("video", "reason")]
    group = ROWS_PER_GROUP_WITH_DISTANCES if with_distances else ROWS_PER_GROUP
    total = 0
    with (
        atomic_output(path) as aside,
        pq.ParquetWriter(
            aside,
            schema,
            compression="zstd",
            compression_level=3,
            use_dictionary=["video", "reason"],
            use_byte_stream_split=[
                f"{name}.list.element" for name in ("landmarks", "distances", "mesh") if name in plain
            ],
        ) as writer,
    ):
        waiting: list[pa.RecordBatch] = []
        for video in videos:
            batch = _batch(video, rows_of(video), schema, scale)
            waiting.append(batch)
            total += batch.num_rows
            if sum(b.num_rows for b in waiting) >= group:
                writer.write_table(pa.Table.from_batches(waiting), row_group_size=group)
                waiting = []
        if waiting:
            writer.write_table(pa.Table.from_batches(waiting), row_group_size=group)
    return total


def round_landmarks(landmarks: np.ndarray) -> np.ndarray:
    """Landmarks as a part holds them: float32 pixels rounded to 1/64."""
    return (np.round(np.asarray(landmarks, dtype=np.float32) * PIXEL_FRACTION) / PIXEL_FRACTION).astype(np.float32)


def _batch(video: str, rows: FrameRows, schema: pa.Schema, scale: Scale) -> pa.RecordBatch:
    frames = len(rows.valid)
    landmarks = round_landmarks(rows.landmarks)
    landmarks[~rows.valid] = np.nan
    reason = np.where(rows.valid, "", "no_face") if rows.reason is None else rows.reason
    columns: dict[str, pa.Array] = {
        "video": pa.array([video] * frames, pa.string()),
        "index": pa.array(np.arange(frames, dtype=np.int32)),
        "time": pa.array(np.asarray(rows.time, dtype=np.float64)),
        "valid": pa.array(np.asarray(rows.valid, dtype=bool)),
        "reason": pa.array(reason.tolist(), pa.string()),
        "landmarks": _fixed(landmarks.reshape(frames, LANDMARK_COUNT * 2)),
    }
    if "distances" in schema.names:
        columns["distances"] = _fixed(distances(landmarks, scale, dtype=np.float16))
    if "mesh" in schema.names:
        if rows.mesh is None:
            raise ValueError(f"video {video} has no mesh, but the part is to hold one")
        mesh = round_landmarks(rows.mesh)
        mesh[~rows.valid] = np.nan
        columns["mesh"] = _fixed(mesh.reshape(frames, -1))
    return pa.RecordBatch.from_arrays([columns[name] for name in schema.names], schema=schema)


def _fixed(values: np.ndarray) -> pa.Array:
    """A 2-D array as a flat fixed-size list column; nested lists read hundreds of times slower."""
    return pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1])
