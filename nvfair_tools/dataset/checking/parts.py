"""Faults of the parts of a data set: rows that videos.parquet does not describe, and features that are not theirs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.checking.fault import Fault
from nvfair_tools.dataset.schema import LABEL_COLUMNS, LANDMARK_COUNT, frames_schema
from nvfair_tools.dataset.version import is_first, is_newer_minor
from nvfair_tools.features import DEFAULT_SCALE, distances
from nvfair_tools.quantities import count_text


def footer_faults(folder: Path, part: str, videos: pd.DataFrame, meta: Mapping[str, Any]) -> Iterator[Fault]:
    """What the footer of a part tells: whether it is whole, its columns, and its number of rows."""
    try:
        with pq.ParquetFile(folder / part) as file:
            schema, rows = file.schema_arrow, file.metadata.num_rows
    except FileNotFoundError:
        return  # a missing file is one fault, which another check reports
    except (pa.ArrowException, OSError) as error:
        yield Fault(part, f"not a whole Parquet file: {_first_line(error)}")
        return
    features, version = (
        {"distances": "none", "mesh": False} | dict(meta.get("features", {})),
        meta.get("format_version"),
    )
    expected = frames_schema(
        distances=features["distances"] != "none", mesh=bool(features["mesh"]), labels=not is_first(version)
    )
    if is_newer_minor(version):
        schema = pa.schema([field for field in schema if field.name in expected.names])
    if not schema.equals(expected):
        yield Fault(part, f"has the columns {', '.join(map(str, schema))}, not {', '.join(map(str, expected))}")
    end = int((videos["first_row"] + videos["frames"]).max())
    total = int(videos["frames"].sum())
    if rows != end or rows != total:
        yield Fault(
            part,
            f"{count_text(rows, 'row')}, but videos.parquet puts {count_text(total, 'frame')} there, up to row {end:,}",
        )


def content_faults(folder: Path, part: str, videos: pd.DataFrame, meta: Mapping[str, Any]) -> Iterator[Fault]:
    """What the rows of a part tell: each video's frames in its place, in order, with its labels; the first distances of
    every row group equal to those of its landmarks."""
    ordered = videos.sort_values("first_row")
    counts = ordered["frames"].to_numpy(dtype=np.int64)
    starts = np.repeat(np.cumsum(counts) - counts, counts)
    expected_index = np.arange(counts.sum()) - starts
    names = ["video", "index", "time", "valid", "landmarks"]
    labels = () if is_first(meta.get("format_version")) else LABEL_COLUMNS
    expected = {
        name: np.repeat(ordered[name].astype(object).where(ordered[name].notna(), None).to_numpy(), counts)
        for name in ("video", *labels)
    }
    scale = dict(meta.get("features", {})).get("scale", DEFAULT_SCALE)
    row = 0
    try:
        with pq.ParquetFile(folder / part) as file:
            if not {*names, *labels} <= set(file.schema_arrow.names):
                return  # said from the footer
            for number in range(file.num_row_groups):
                table = file.read_row_group(number, columns=[*names, *labels])
                stop = row + table.num_rows
                yield from _row_faults(part, row, table, expected["video"][row:stop], expected_index[row:stop])
                yield from _label_faults(part, row, table, {name: expected[name][row:stop] for name in labels})
                if "distances" in file.schema_arrow.names:
                    yield from _distance_faults(part, row, file, number, scale)
                row = stop
    except FileNotFoundError:
        return
    except (pa.ArrowException, OSError) as error:
        yield Fault(part, f"cannot be read from row {row:,} on: {_first_line(error)}")


def _row_faults(part: str, row: int, table: pa.Table, videos: np.ndarray, index: np.ndarray) -> Iterator[Fault]:
    if len(videos) != table.num_rows:
        return  # said from the footer
    wrong = np.flatnonzero((table.column("video").to_numpy() != videos) | (table.column("index").to_numpy() != index))
    if len(wrong):
        yield Fault(part, f"row {row + int(wrong[0]):,} is not the frame that videos.parquet puts there")
    time = table.column("time").to_numpy()
    falls = np.flatnonzero(~(np.diff(time) > 0) & (np.diff(index) == 1))
    if len(falls):
        yield Fault(part, f"row {row + int(falls[0]) + 1:,}: its time is not after that of the frame before")
    landmarks = table.column("landmarks").combine_chunks()
    flat = landmarks.flatten() if isinstance(landmarks, pa.Array) else pa.concat_arrays(landmarks.chunks).flatten()
    is_finite = np.isfinite(flat.to_numpy(zero_copy_only=False).reshape(table.num_rows, -1)).all(axis=1)
    wrong = np.flatnonzero(is_finite != table.column("valid").to_numpy())
    if len(wrong):
        yield Fault(part, f"row {row + int(wrong[0]):,}: `valid` and its landmarks contradict each other")


def _label_faults(part: str, row: int, table: pa.Table, expected: Mapping[str, np.ndarray]) -> Iterator[Fault]:
    """Compares the labels of rows with those that videos.parquet gives their videos."""
    for name, labels in expected.items():
        if len(labels) != table.num_rows:
            return  # said from the footer
        wrong = np.flatnonzero(table.column(name).to_numpy() != labels)
        if len(wrong):
            yield Fault(part, f"row {row + int(wrong[0]):,}: its {name} is not that of its video in videos.parquet")


def _distance_faults(part: str, row: int, file: pq.ParquetFile, number: int, scale: Any) -> Iterator[Fault]:
    """Compares the distances of the first 32 rows of a row group with those of their landmarks."""
    batch = next(file.iter_batches(32, row_groups=[number], columns=["landmarks", "distances"]), None)
    if batch is None:
        return
    landmarks = batch.column("landmarks").flatten().to_numpy(zero_copy_only=False).reshape(-1, LANDMARK_COUNT, 2)
    stored = batch.column("distances").flatten().to_numpy(zero_copy_only=False).reshape(len(landmarks), -1)
    # The distances have the same bits on every processor (see nvfair_tools.features).
    computed = distances(landmarks, scale, dtype=np.float16)
    differs = stored.view(np.uint16) != computed.view(np.uint16)
    differs &= ~(np.isnan(stored) & np.isnan(computed))
    if wrong := np.flatnonzero(differs.any(axis=1)).tolist():
        yield Fault(part, f"row {row + wrong[0]:,}: its distances are not those of its landmarks")


def _first_line(error: BaseException) -> str:
    return (str(error) or type(error).__name__).splitlines()[0]
