"""Reads a data set: its tables as data frames, its landmarks as arrays."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import (
    IDENTITIES_SCHEMA,
    KINDS,
    LANDMARK_COUNT,
    MESH_POINTS,
    SPLITS,
    VIDEOS_SCHEMA,
)
from nvfair_tools.dataset.tracks import FrameRows, TrackTable
from nvfair_tools.dataset.version import UPGRADING, version_error
from nvfair_tools.errors import NvfairError
from nvfair_tools.unique_keys import load_unique_json

_ROWS_PER_READ = 20_000  # of landmarks: 20 MB


@dataclass(frozen=True, repr=False)
class Dataset:
    """A finished data set.

    folder: where it lies. meta: the content of dataset.json. identities: one row a person. videos: one row a video,
    whatever its state. The columns are those of `nvfair_tools.dataset.schema`.
    """

    folder: Path
    meta: dict[str, Any]
    identities: pd.DataFrame
    videos: pd.DataFrame

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """Opens the data set in `folder`; the frames stay on disk until they are asked for.

        Raises NvfairError where the data set is absent, unfinished, damaged or of another format version.
        """
        folder = Path(folder)
        path = folder / "dataset.json"
        if not path.exists():
            raise NvfairError(
                "no dataset.json here, so this is not a finished data set",
                where=folder,
                remedy=f"nvfair dataset upgrade {folder}, which was interrupted"
                if (folder / UPGRADING).is_file()
                else "name the folder that holds dataset.json, or run `nvfair build` again to finish the build",
            )
        try:
            meta = load_unique_json(path.read_bytes())
        except ValueError as error:
            raise NvfairError(
                f"not valid JSON: {error}", where=path, remedy="build or copy the data set again"
            ) from error
        if problem := version_error(meta.get("format_version") if isinstance(meta, dict) else None, folder):
            raise problem
        return cls(
            folder=folder,
            meta=meta,
            identities=_read_table(folder / "identities.parquet", IDENTITIES_SCHEMA).to_pandas(),
            videos=_read_table(folder / "videos.parquet", VIDEOS_SCHEMA).to_pandas(),
        )

    @property
    def name(self) -> str:
        """The name in dataset.json, or else that of the folder."""
        return str(self.meta.get("name", self.folder.name))

    @property
    def people(self) -> pd.DataFrame:
        """The table `identities`: one row a person."""
        return self.identities

    def usable(self) -> pd.DataFrame:
        """The rows of `videos` whose state is "ok" and whose frames are stored."""
        return self.videos[(self.videos["state"] == "ok") & self.videos["part"].notna()]

    def tracks(self, videos: Iterable[str] | None = None, *, mesh: bool = False) -> TrackTable:
        """Reads the landmarks of `videos` (ids; None: all usable videos), in the order of `videos`.

        mesh: reads the whole mesh too. Raises NvfairError where an id has no frames here, where a part is missing,
        damaged or holds other frames than videos.parquet says, and where the data set does not store the mesh.
        """
        rows = self._usable_rows(videos)
        lengths = rows["frames"].to_numpy(dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        total = int(offsets[-1])
        landmarks = np.empty((total, LANDMARK_COUNT, 2), dtype=np.float32)
        valid = np.empty(total, dtype=bool)
        time = np.empty(total, dtype=np.float64)
        meshes = np.empty((total, MESH_POINTS, 3), dtype=np.float32) if mesh else None
        # Each part is read once, some rows at a time; videos' frames are copied to their places in the result.
        for part, numbers in rows.assign(number=np.arange(len(rows))).groupby("part", sort=True)["number"]:
            videos_of_part = rows.iloc[numbers.to_numpy()]
            for n, skipped, columns in _read_pieces(self.folder / str(part), videos_of_part, mesh):
                first = int(offsets[numbers.iloc[n]]) + skipped
                target = slice(first, first + len(columns["valid"]))
                landmarks[target] = columns["landmarks"].reshape(-1, LANDMARK_COUNT, 2)
                valid[target], time[target] = columns["valid"], columns["time"]
                if meshes is not None:
                    meshes[target] = columns["mesh"].reshape(-1, MESH_POINTS, 3)
        return TrackTable(rows["video"].to_numpy(dtype=object), offsets, landmarks, valid, time, meshes)

    def frames(self, video: str, start: int = 0, stop: int | None = None, *, mesh: bool = False) -> FrameRows:
        """Reads the frames start:stop of one video; only the row groups that hold them are read from disk.

        start, stop: as in a Python slice (negative numbers count from the end, None is the end). mesh: reads the whole
        mesh too. Raises NvfairError as `tracks` does.
        """
        row = self._usable_rows([video]).iloc[0]
        first, end, _ = slice(start, stop).indices(int(row["frames"]))
        end = max(first, end)
        path = self.folder / str(row["part"])
        names = ["valid", "time", "reason", "landmarks", *(["mesh"] if mesh else [])]
        _check_mesh(path, mesh)
        table = _read_rows(path, int(row["first_row"]) + first, int(row["first_row"]) + end, ["video", "index", *names])
        ids, indices = table.column("video").to_pylist(), table.column("index").to_pylist()
        if ids != [video] * (end - first) or indices != list(range(first, end)):
            raise _wrong_frames(path)
        columns = {name: _as_array(table.column(name)) for name in names}
        return FrameRows(
            landmarks=columns["landmarks"].reshape(-1, LANDMARK_COUNT, 2),
            valid=columns["valid"],
            time=columns["time"],
            reason=columns["reason"],
            mesh=columns["mesh"].reshape(-1, MESH_POINTS, 3) if mesh else None,
        )

    def __repr__(self) -> str:
        people, videos = len(self.identities), len(self.videos)
        return f"{type(self).__name__}({self.name!r}, {people} people, {videos} videos, folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        """A summary for notebooks: name, licences, and the number of people and of usable videos in each split."""
        usable = self.usable()
        licences = sorted({str(licence) for table in (self.identities, usable) for licence in table["licence"]})
        facts = [
            "simulated people" if self.meta.get("simulated") else "recorded people",
            f"licence: {', '.join(licences) or 'none'}",
            str(self.folder),
        ]
        counts = _split_counts(self.identities, usable).to_html(border=0)
        return f"<b>{html.escape(self.name)}</b><br>{html.escape(' · '.join(facts))}{counts}"

    def _usable_rows(self, videos: Iterable[str] | None) -> pd.DataFrame:
        """The rows of usable `videos` in their order, indexed by id; NvfairError where an id has no frames."""
        columns = ["video", "part", "first_row", "frames"]
        usable = self.usable()[columns].set_index("video", drop=False)
        if videos is None:
            return usable
        ids = np.asarray(list(videos), dtype=object)
        missing = [video for video in ids if video not in usable.index]
        if missing:
            raise NvfairError(
                f"{len(missing)} video(s) have no frames here, the first: {missing[:3]}",
                where=self.folder / "videos.parquet",
            )
        return usable.loc[ids]


def read_landmark_rows(part: Path, first: int, end: int) -> np.ndarray:
    """Reads the landmarks float32 (end - first, 126, 2) of a part's rows first:end; NaN where there is no face.

    Raises NvfairError where the part is missing or damaged.
    """
    return _as_array(_read_rows(part, first, end, ["landmarks"]).column("landmarks")).reshape(-1, LANDMARK_COUNT, 2)


def _split_counts(identities: pd.DataFrame, videos: pd.DataFrame) -> pd.DataFrame:
    """The number of people and of videos by kind and generator (rows) in each split (columns)."""
    present = {*identities["split"], *videos["split"]}
    splits = [split for split in SPLITS if split in present]
    counts = {("people", ""): identities["split"].value_counts()}
    for kind in KINDS:
        of_kind = videos[videos["kind"] == kind]
        for generator, group in of_kind.groupby(of_kind["generator"].fillna("").astype(str)):
            counts[f"{kind} videos", str(generator)] = group["split"].value_counts()
    return pd.DataFrame(counts).T.reindex(columns=splits).fillna(0).astype(int)


def _read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Reads those columns of a table that the schema has; a newer minor version may have more."""
    with _file_errors(path), pq.ParquetFile(path) as file:
        return file.read(columns=[name for name in file.schema_arrow.names if name in schema.names])


def _read_pieces(path: Path, videos: pd.DataFrame, mesh: bool) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
    """Yields pieces of the videos of a part: (number of the video, its frames before the piece, the piece's columns).

    videos: columns video, first_row, frames. Only row groups that hold their frames are read, each once and some rows
    at a time. Raises NvfairError where the part holds other frames than `videos` say.
    """
    _check_mesh(path, mesh)
    names = ["valid", "time", "landmarks", *(["mesh"] if mesh else [])]
    ids = videos["video"].to_numpy(dtype=object)
    begin = videos["first_row"].to_numpy(dtype=np.int64)
    end = begin + videos["frames"].to_numpy(dtype=np.int64)
    order = np.argsort(begin, kind="stable")
    waiting = 0  # place in `order` of the first video whose frames are not all read
    for first_row, batch in _read_batches(path, begin, end, ["video", *names]):
        last_row = first_row + batch.num_rows
        while waiting < len(order) and end[order[waiting]] <= first_row:
            waiting += 1
        stop = int(np.searchsorted(begin[order], last_row))
        here = [int(n) for n in order[waiting:stop] if end[n] > first_row]
        low = [max(int(begin[n]), first_row) - first_row for n in here]
        high = [min(int(end[n]), last_row) - first_row for n in here]
        of_video, expected = batch.column("video"), [ids[n] for n in here]
        for rows in (low, [row - 1 for row in high]):
            if of_video.take(pa.array(rows, pa.int64())).to_pylist() != expected:
                raise _wrong_frames(path)
        columns = {name: _as_array(pa.chunked_array([batch.column(name)])) for name in names}
        for n, a, b in zip(here, low, high, strict=True):
            yield n, first_row + a - int(begin[n]), {name: column[a:b] for name, column in columns.items()}


def _read_batches(
    path: Path, begin: np.ndarray, end: np.ndarray, names: list[str]
) -> Iterator[tuple[int, pa.RecordBatch]]:
    """Yields (its first row, a batch) for the row groups that hold any of the rows begin:end of the file.

    `video` stays dictionary-encoded, which reads quicker. Raises NvfairError where the file has fewer rows.
    """
    with _file_errors(path), pq.ParquetFile(path, read_dictionary=["video"]) as file:
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        bounds = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        if end.max(initial=0) > bounds[-1]:
            raise _wrong_frames(path)
        is_needed = [
            bool(np.any((begin < last) & (end > first) & (begin < end))) for first, last in pairwise(bounds.tolist())
        ]
        needed = np.flatnonzero(is_needed)
        # Row groups that lie one after another are read as one run, whose rows need no gaps.
        for run in np.split(needed, np.flatnonzero(np.diff(needed) > 1) + 1) if len(needed) else []:
            row = int(bounds[run[0]])
            for batch in file.iter_batches(_ROWS_PER_READ, row_groups=run.tolist(), columns=names):
                yield row, batch
                row += batch.num_rows


def _read_rows(path: Path, first: int, end: int, columns: list[str]) -> pa.Table:
    """Reads the rows first:end of a Parquet file from the row groups that hold them."""
    with _file_errors(path), pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(n).num_rows for n in range(file.num_row_groups)]
        starts = np.concatenate([[0], np.cumsum(sizes)]).astype(int)
        groups = [n for n in range(len(sizes)) if starts[n] < end and first < starts[n + 1]]
        table = file.read_row_groups(groups, columns=columns)
    return table.slice(first - (int(starts[groups[0]]) if groups else 0), end - first)


def _check_mesh(path: Path, mesh: bool) -> None:
    """Raises NvfairError where `mesh` is true and the part has no column of that name."""
    if not mesh:
        return
    with _file_errors(path):
        names = pq.read_schema(path).names
    if "mesh" not in names:
        raise NvfairError(
            "this data set did not keep the mesh",
            where=path,
            remedy="build it with `features: {mesh: true}` in the recipe",
        )


def _wrong_frames(path: Path) -> NvfairError:
    return NvfairError(
        "this part holds other frames than videos.parquet says", where=path, remedy="build or copy it again"
    )


@contextmanager
def _file_errors(path: Path) -> Iterator[None]:
    """Turns pyarrow's errors about an absent or damaged file into NvfairError."""
    try:
        yield
    except FileNotFoundError as error:
        raise NvfairError("a file of the data set is missing", where=path, remedy="build or copy it again") from error
    except (pa.ArrowException, OSError) as error:
        reason = (str(error) or type(error).__name__).splitlines()[0]
        raise NvfairError(f"not a whole Parquet file: {reason}", where=path, remedy="build or copy it again") from error


def _as_array(column: pa.ChunkedArray) -> np.ndarray:
    """A column as a numpy array; fixed-size lists become (rows, size)."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    if pa.types.is_fixed_size_list(array.type):
        return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size)
    return array.to_numpy(zero_copy_only=False)
