"""Files of embeddings: how a method's output travels to the scorer and to the leaderboard. Needs no torch.

Legend: W windows, D embedding size.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
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
from nvfair_tools.quantities import count_text

_LISTED = 10  # problems of a file that an error lists


@dataclass(frozen=True)
class EmbeddingTable:
    """The content of an embeddings file, one row a window.

    video: (W,) ids. window: (W,) number of the window within its video. start_frame: (W,) its first frame.
    embedding: (W, D). meta: what the file says of itself (protocol, checkpoint, data).
    """

    video: np.ndarray
    window: np.ndarray
    start_frame: np.ndarray
    embedding: np.ndarray
    meta: dict[str, str]


def write_embeddings(path: Path, windows: WindowSet, embeddings: np.ndarray, meta: dict[str, str]) -> None:
    """Writes a Parquet file with `video`, `window`, `start_frame` and `embedding`, whole or not at all.

    embeddings: (W, D), in the order of `windows`. meta: what the file says of itself.
    """
    counts = np.bincount(windows.video, minlength=len(windows.videos))
    ids = windows.videos["video"].to_numpy(dtype=object)
    _write_rows(path, ids, counts, windows.start_frame, embeddings, meta)


def write_video_embeddings(path: Path, embeddings: VideoEmbeddings, meta: dict[str, str]) -> None:
    """Writes embeddings whose windows are not at hand: as `write_embeddings`, with -1 for each first frame."""
    counts = np.diff(embeddings.offsets)
    start_frame = np.full(len(embeddings.window_embeddings), -1)
    _write_rows(path, embeddings.video_ids, counts, start_frame, embeddings.window_embeddings, meta)


def _write_rows(
    path: Path,
    videos: np.ndarray,
    counts: np.ndarray,
    start_frame: np.ndarray,
    embeddings: np.ndarray,
    meta: dict[str, str],
) -> None:
    """Writes embeddings (W, D) of N videos, `counts` (N,) windows of each, one video after another."""
    # The number of a window within its video: its place among all windows, less those of the videos before.
    window_number = np.arange(len(embeddings)) - np.repeat(np.cumsum(counts) - counts, counts)
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
    flat_values = pa.array(np.ascontiguousarray(embeddings, dtype=np.float32).reshape(-1))
    columns = [
        pa.array(np.repeat(videos, counts).tolist(), pa.string()),
        pa.array(window_number.astype(np.int32)),
        pa.array(start_frame.astype(np.int32)),
        pa.FixedSizeListArray.from_arrays(flat_values, size),
    ]
    _write_table(pa.Table.from_arrays(columns, schema=schema), path)


def join_embeddings(
    parts: Sequence[Path], path: Path, joined: Mapping[str, Callable[[Sequence[str]], str]] | None = None
) -> None:
    """Writes the rows of files that `write_embeddings` wrote, one after the other, to one file of the same form.

    joined: {key: function}; what the parts say under this key becomes what the function makes of it. Raises NvfairError
    where they are not of the same form: what else they say of themselves counts.
    """
    tables = [pq.read_table(part) for part in parts]
    for key, join in (joined or {}).items():
        name = f"nvfair.{key}".encode()
        value = join([table.schema.metadata[name].decode() for table in tables]).encode()
        tables = [table.replace_schema_metadata({**table.schema.metadata, name: value}) for table in tables]
    if any(not table.schema.equals(tables[0].schema, check_metadata=True) for table in tables):
        raise NvfairError(
            "the parts are not of one file: checkpoint, protocol, data set or size differ",
            where=path,
            remedy="let all processes embed the same data with the same checkpoint",
        )
    _write_table(pa.concat_tables(tables).combine_chunks(), path)


def _write_table(table: pa.Table, path: Path) -> None:
    with atomic_output(path) as aside:
        pq.write_table(table, aside, compression="zstd")


def read_embeddings(path: str | Path) -> EmbeddingTable:
    """Reads an embeddings file; NvfairError where it is absent, not Parquet, or lacks a column.

    Raises Problems where a column holds something else than `write_embeddings` writes, or has gaps.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise NvfairError("no such embeddings file", where=path) from error
    except (pa.ArrowException, OSError) as error:
        raise NvfairError(
            f"not a whole Parquet file: {error}", where=path, remedy="write it again with `nvfair embed`"
        ) from error
    missing = [name for name in ("video", "window", "start_frame", "embedding") if name not in table.column_names]
    if missing:
        raise NvfairError(f"no column {missing[0]!r}", where=path, expected="video, window, start_frame, embedding")
    problems = _column_problems(table)
    if problems:
        raise Problems(path, problems, remedy="write it with `nvfair embed`")
    column = table.column("embedding").combine_chunks()
    if isinstance(column, pa.ChunkedArray):
        column = pa.concat_arrays(column.chunks) if column.num_chunks else pa.array([], column.type)
    values = column.flatten().to_numpy(zero_copy_only=False).reshape(len(column), column.type.list_size)
    return EmbeddingTable(
        video=np.asarray(table.column("video").to_pylist(), dtype=object),
        window=table.column("window").to_numpy(),
        start_frame=table.column("start_frame").to_numpy(),
        embedding=values,
        meta=_file_metadata(table.schema),
    )


def _column_problems(table: pa.Table) -> list[str]:
    """What is wrong with the columns of a file of embeddings, which somebody else may have written."""
    is_right = {
        "video": lambda type_: pa.types.is_string(type_) or pa.types.is_large_string(type_),
        "window": pa.types.is_integer,
        "start_frame": pa.types.is_integer,
        "embedding": lambda type_: pa.types.is_fixed_size_list(type_) and pa.types.is_floating(type_.value_type),
    }
    expected = {"video": "text", "embedding": "a fixed-size list of float32 (of one length)"}
    problems = []
    for name, holds in is_right.items():
        if table.column_names.count(name) != 1:
            problems.append(f"there are {count_text(table.column_names.count(name), 'column')} {name!r}; expected one")
            continue
        column = table.column(name)
        type_ = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
        if not holds(type_):
            problems.append(f"{name} is {str(type_)[:80]}; expected {expected.get(name, 'whole numbers')}")
        elif column.null_count or (name == "embedding" and any(chunk.flatten().null_count for chunk in column.chunks)):
            problems.append(f"{name} has gaps (null); expected a value in every row")
    return problems


def table_columns(path: str | Path) -> tuple[list[str], dict[str, str]]:
    """Column names of a Parquet or CSV file, and what a Parquet file says of itself.

    Raises NvfairError where it is neither, or where a column is there twice.
    """
    path = Path(path)
    if path.suffix.lower() == ".csv":
        try:
            names = [str(name) for name in pd.read_csv(path, nrows=1, header=None, dtype=str).iloc[0]]
            return _unique_names(names, path), {}
        except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
            raise NvfairError(f"not a CSV file in UTF-8: {error}", where=path) from error
    try:
        schema = pq.read_schema(path)
    except FileNotFoundError as error:
        raise NvfairError("no such file", where=path) from error
    except (pa.ArrowException, OSError) as error:
        raise NvfairError(
            f"neither Parquet nor .csv: {error}", where=path, expected="a file of `nvfair embed`, or of scores"
        ) from error
    return _unique_names(schema.names, path), _file_metadata(schema)


def _unique_names(names: list[str], path: Path) -> list[str]:
    """The names of columns; raises NvfairError where one stands twice, of which a reader would take either."""
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise NvfairError(f"the column {twice[0]} is there twice", where=path, expected="each column once")
    return names


def _file_metadata(schema: pa.Schema) -> dict[str, str]:
    """What a file says of itself: metadata whose keys begin with `nvfair.`, without that."""
    return {
        key.decode().removeprefix("nvfair."): value.decode()
        for key, value in (schema.metadata or {}).items()
        if key.startswith(b"nvfair.")
    }


def video_embeddings(table: EmbeddingTable, videos: Sequence[str], *, where: object = "") -> VideoEmbeddings:
    """The embeddings of `videos`, in their order, from a file that somebody else may have written.

    Rows may come in any order; other videos are ignored. where: the file, for errors. Raises Problems that list videos
    without an embedding, numbers that are not finite, and windows that are in the file twice.
    """
    index = pd.Index(list(videos))
    # Rows of these videos, in the order of the videos and of their windows.
    video_of_row = index.get_indexer(pd.Index(table.video))
    rows = np.flatnonzero(video_of_row >= 0)
    rows = rows[np.lexsort((table.window[rows], video_of_row[rows]))]
    video, window = video_of_row[rows], table.window[rows]
    counts = np.bincount(video, minlength=len(index))

    missing = np.flatnonzero(counts == 0)
    not_finite = np.unique(video[~np.isfinite(table.embedding[rows]).all(axis=1)])
    repeated = np.unique(video[1:][(np.diff(video) == 0) & (np.diff(window) == 0)])
    problems = [f"video {index[number]} has no embedding" for number in missing]
    problems += [f"video {index[number]} has an embedding that is not finite" for number in not_finite]
    problems += [f"video {index[number]} has a window twice" for number in repeated]
    if problems:
        more = [f"and {len(problems) - _LISTED} more"] if len(problems) > _LISTED else []
        raise Problems(where, problems[:_LISTED] + more, remedy="embed every video of the protocol once")
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    return VideoEmbeddings(index.to_numpy(dtype=object), offsets, table.embedding[rows])
