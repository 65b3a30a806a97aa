"""Checking a submission: every problem at once, by the very code that the board runs before it scores.

Every test video that has a window under the entry's protocol must be embedded: leaving hard ones out is no option.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmark import protocols
from benchmark.windows import WindowSet, prepare
from leaderboard.submission import FILE, Entry, Submission, entry_path, read
from nvfair_tools.dataset import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.protocol import Protocol, Relation

COLUMNS = {"video": "string", "window": "integer", "start_frame": "integer", "embedding": "fixed-size list of float32"}
MAX_VALUES = 2_000_000_000  # of one file: 8 GB once read
MAX_EMBEDDING = 4096
_SHOWN = 3


def problems(folder: Path, dataset: Dataset) -> list[str]:
    """Every problem of the submission in `folder`, as lines that say file, row and remedy; empty when it is good."""
    try:
        submission = read(folder)
    except NvfairError as error:
        return [str(error)]
    return [problem for entry in submission.entries for problem in _entry(folder, submission, entry, dataset)]


def test_windows(dataset: Dataset, protocol: Protocol) -> WindowSet:
    """The windows of every reenactment of the test people: `.videos` lists what an entry must embed."""
    return prepare(dataset, _test_videos(dataset, protocol)["video"], protocol)


def _test_videos(dataset: Dataset, protocol: Protocol) -> pd.DataFrame:
    videos = dataset.usable()
    return videos[(videos["split"] == protocol.split.test) & videos["generator"].notna()]


def fits(relation: Relation, generator: str, submission: Submission, entry: Entry) -> bool:
    """Whether `generator` stands to the method as the protocol asks; undeclared training counts as having seen all."""
    if relation is Relation.ANY:
        return True
    seen = generator in entry.trained_on_generators
    if relation is Relation.SEEN:
        return seen
    touched = submission.training.generators
    return not seen and not isinstance(touched, str) and generator not in touched


def _entry(folder: Path, submission: Submission, entry: Entry, dataset: Dataset) -> Iterator[str]:
    if entry.protocol not in protocols.names():  # a name only: a path would have the board read files of its own
        yield f"{FILE}: protocol {entry.protocol!r} is unknown; expected one of {', '.join(protocols.names())}"
        return
    protocol = protocols.load(entry.protocol)
    if protocol.scoring.headline != "mean-auc-over-targets":
        yield f"{FILE}: protocol {protocol.name} has one pooled figure, but a board ranks by the mean over targets"
        return
    tested = sorted(_test_videos(dataset, protocol)["generator"].unique())
    relation = protocol.generators.relation
    if not any(fits(relation, generator, submission, entry) for generator in tested):
        yield (
            f"{FILE}: protocol {entry.protocol}: none of the tested generators ({', '.join(tested)}) is "
            f"{relation.value} to a method trained on {', '.join(entry.trained_on_generators) or 'none'}; name "
            "`trained_on_generators` of this entry and `training.generators`, or submit to the other protocol"
        )
    try:
        path = entry_path(folder, entry)
    except NvfairError as error:
        yield str(error)
        return
    name = entry.embeddings
    try:
        file = pq.ParquetFile(path)
    except (pa.ArrowInvalid, OSError) as error:
        yield f"{name}: not a whole Parquet file ({error}); write it with `nvfair embed` or pyarrow"
        return
    with file:
        shape = list(_shape(name, file))
        if shape:
            yield from shape
            return
        yield from _rows(name, file, pd.Index(test_windows(dataset, protocol).videos["video"]))


def _shape(name: str, file: pq.ParquetFile) -> Iterator[str]:
    """Problems of columns and sizes, from the footer alone, before a row is read."""
    schema = file.schema_arrow
    for column, kind in COLUMNS.items():
        if column not in schema.names:
            yield f"{name}: column {column!r} ({kind}) is missing; there are {schema.names}"
            continue
        type_ = schema.field(column).type
        good = {
            "string": pa.types.is_string(type_) or pa.types.is_large_string(type_),
            "integer": pa.types.is_integer(type_),
            "fixed-size list of float32": pa.types.is_fixed_size_list(type_) and type_.value_type == pa.float32(),
        }[kind]
        if not good:
            yield f"{name}: column {column!r} is {type_}; expected {kind}"
        elif column == "embedding":
            size, rows = type_.list_size, file.metadata.num_rows
            if not 1 <= size <= MAX_EMBEDDING:
                yield f"{name}: embeddings have {size} values; expected 1 to {MAX_EMBEDDING}"
            elif rows * size > MAX_VALUES:
                yield f"{name}: {rows} rows of {size} values are too many; at most {MAX_VALUES} values in one file"
    if file.metadata.num_rows == 0:
        yield f"{name}: there are no rows"


def _rows(name: str, file: pq.ParquetFile, expected: pd.Index) -> Iterator[str]:
    """Problems of the rows, read a batch at a time."""
    seen: list[pd.DataFrame] = []
    start = 0
    for batch in file.iter_batches(batch_size=65_536, columns=["video", "window", "embedding"]):
        embedding = batch.column("embedding")
        values = embedding.flatten().to_numpy(zero_copy_only=False)
        if embedding.null_count or len(values) != len(batch) * embedding.type.list_size:
            yield f"{name}: rows {start} to {start + len(batch) - 1} hold a null embedding; leave such a window out"
        else:
            bad = np.flatnonzero(~np.isfinite(values.reshape(len(batch), -1)).all(axis=1))
            if len(bad):
                video = batch.column("video")[int(bad[0])]
                yield (
                    f"{name}: row {start + bad[0]} (video {video}) and {len(bad) - 1} more of its batch hold NaN or "
                    "infinite values; leave a window out that cannot be embedded"
                )
        seen.append(batch.select(["video", "window"]).to_pandas())
        start += len(batch)
    keys = pd.concat(seen, ignore_index=True)
    repeated = keys.index[keys.duplicated()]
    if len(repeated):
        first = keys.loc[repeated[0]]
        yield (
            f"{name}: {len(repeated)} rows repeat a window, the first row {repeated[0]} "
            f"(video {first['video']}, window {first['window']}); keep one of each"
        )
    videos = pd.Index(keys["video"].unique())
    missing, unknown = expected.difference(videos), videos.difference(expected)
    if len(missing):
        yield f"{name}: {len(missing)} of {len(expected)} videos are missing, such as {list(missing[:_SHOWN])}"
    if len(unknown):
        yield f"{name}: {len(unknown)} videos are not to be tested, such as {list(unknown[:_SHOWN])}; leave them out"
