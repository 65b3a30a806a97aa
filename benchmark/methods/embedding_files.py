"""Files of embeddings: how a method's output travels to the scorer and to the leaderboard. Needs no torch.

Legend: W windows, D embedding size.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark.trial_scores.scores import VideoEmbeddings
from benchmark.windows.window_set import WindowSet
from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.files import atomic_output


@dataclass(frozen=True)
class EmbeddingTable:
    """An embeddings file: video (W,), window (W,) number within its video, start_frame (W,), embedding (W, D).

    meta: what the file says of itself (protocol, checkpoint, data).
    """

    video: np.ndarray
    window: np.ndarray
    start_frame: np.ndarray
    embedding: np.ndarray
    meta: dict[str, str]


def write_embeddings(path: Path, windows: WindowSet, embeddings: np.ndarray, meta: dict[str, str]) -> None:
    """Writes `video`, `window`, `start_frame`, `embedding` as Parquet, whole or not at all."""
    counts = np.bincount(windows.video, minlength=len(windows.videos))
    number = np.arange(len(windows)) - np.repeat(np.cumsum(counts) - counts, counts)
    size = embeddings.shape[1]
    schema = pa.schema(
        [
            pa.field("video", pa.string(), nullable=False),
            pa.field("window", pa.int32(), nullable=False),
            pa.field("start_frame", pa.int32(), nullable=False),
            pa.field("embedding", pa.list_(pa.float32(), size), nullable=False),
        ],
        metadata={f"nvfair.{key}": value for key, value in sorted(meta.items())},
    )
    flat = pa.array(np.ascontiguousarray(embeddings, dtype=np.float32).reshape(-1))
    ids = windows.videos["video"].to_numpy(dtype=object)[windows.video]
    columns = [
        pa.array(ids.tolist(), pa.string()),
        pa.array(number.astype(np.int32)),
        pa.array(windows.start_frame.astype(np.int32)),
        pa.FixedSizeListArray.from_arrays(flat, size),
    ]
    with atomic_output(path) as aside:
        pq.write_table(pa.Table.from_arrays(columns, schema=schema), aside, compression="zstd")


def read_embeddings(path: str | Path) -> EmbeddingTable:
    """Reads an embeddings file; NvfairError where it is absent or lacks a column."""
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise NvfairError("no such embeddings file", where=path) from error
    except pa.ArrowInvalid as error:
        raise NvfairError(f"not a whole Parquet file: {error}", where=path) from error
    missing = [name for name in ("video", "window", "start_frame", "embedding") if name not in table.column_names]
    if missing:
        raise NvfairError(f"no column {missing[0]!r}", where=path, expected="video, window, start_frame, embedding")
    column = table.column("embedding").combine_chunks()
    if not pa.types.is_fixed_size_list(column.type):
        raise NvfairError("embedding is not a fixed-size list", where=path, expected="float32 lists of one length")
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    values = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    return EmbeddingTable(
        video=np.asarray(table.column("video").to_pylist(), dtype=object),
        window=table.column("window").to_numpy(),
        start_frame=table.column("start_frame").to_numpy(),
        embedding=values,
        meta=_own_metadata(table.schema),
    )


def table_columns(path: str | Path) -> tuple[list[str], dict[str, str]]:
    """Column names of a Parquet or CSV file, and what a Parquet file says of itself; else NvfairError."""
    path = Path(path)
    if path.suffix.lower() == ".csv":
        try:
            return list(pd.read_csv(path, nrows=0).columns), {}
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise NvfairError(f"not a CSV file in UTF-8: {error}", where=path) from error
    try:
        schema = pq.read_schema(path)
    except pa.ArrowInvalid as error:
        raise NvfairError(f"neither Parquet nor .csv: {error}", where=path) from error
    return schema.names, _own_metadata(schema)


def _own_metadata(schema: pa.Schema) -> dict[str, str]:
    return {
        key.decode().removeprefix("nvfair."): value.decode()
        for key, value in (schema.metadata or {}).items()
        if key.startswith(b"nvfair.")
    }


def video_embeddings(table: EmbeddingTable, videos: Sequence[str], *, where: object = "") -> VideoEmbeddings:
    """The embeddings of `videos`, in their order, from a file that somebody else may have written.

    Rows may come in any order; other videos are ignored. Raises Problems that list videos without an embedding, numbers
    that are not finite, and windows given twice.
    """
    index = pd.Index(list(videos))
    position = index.get_indexer(pd.Index(table.video))
    rows = np.flatnonzero(position >= 0)
    rows = rows[np.lexsort((table.window[rows], position[rows]))]
    number, window = position[rows], table.window[rows]
    counts = np.bincount(number, minlength=len(index))
    problems = [f"video {index[n]} has no embedding" for n in np.flatnonzero(counts == 0)]
    bad = np.unique(number[~np.isfinite(table.embedding[rows]).all(axis=1)])
    problems += [f"video {index[n]} has an embedding that is not finite" for n in bad]
    twice = np.unique(number[1:][(np.diff(number) == 0) & (np.diff(window) == 0)])
    problems += [f"video {index[n]} has a window twice" for n in twice]
    if problems:
        more = [f"and {len(problems) - 10} more"] if len(problems) > 10 else []
        raise Problems(where, problems[:10] + more, remedy="embed every video of the protocol once")
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return VideoEmbeddings(index.to_numpy(dtype=object), offsets, table.embedding[rows])
