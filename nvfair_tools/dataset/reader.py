"""Reading a data set: its tables as data frames, its landmarks as one TrackTable."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.schema import FORMAT_VERSION, LANDMARK_COUNT
from nvfair_tools.dataset.tracks import TrackTable
from nvfair_tools.errors import NvfairError


@dataclass(frozen=True)
class Dataset:
    """A data set folder, opened. `videos` and `identities` have the columns of `nvfair_tools.dataset.schema`."""

    folder: Path
    meta: dict[str, Any]
    identities: pd.DataFrame
    videos: pd.DataFrame

    @classmethod
    def open(cls, folder: str | Path) -> Dataset:
        """Opens a finished data set; NvfairError where it is absent, unfinished or of another format version."""
        folder = Path(folder)
        path = folder / "dataset.json"
        if not path.exists():
            raise NvfairError(
                "no dataset.json here, so this is not a finished data set",
                where=folder,
                remedy="name the folder that holds dataset.json, or run `nvfair build` again to finish the build",
            )
        try:
            meta = json.loads(path.read_text(encoding="utf-8"))
        except json.JSONDecodeError as error:
            raise NvfairError(
                f"not valid JSON: {error}", where=path, remedy="build or copy the data set again"
            ) from error
        version = meta.get("format_version") if isinstance(meta, dict) else None
        if version != FORMAT_VERSION:
            raise NvfairError(
                f"format version {version!r}",
                where=path,
                expected=f"version {FORMAT_VERSION}",
                remedy="rebuild the data set with this release, or read it with the release that wrote it",
            )
        return cls(
            folder=folder,
            meta=meta,
            identities=_read(folder / "identities.parquet").to_pandas(),
            videos=_read(folder / "videos.parquet").to_pandas(),
        )

    def usable(self) -> pd.DataFrame:
        """The videos in state "ok" that have frames."""
        return self.videos[(self.videos["state"] == "ok") & self.videos["part"].notna()]

    def tracks(self, videos: Iterable[str] | None = None, *, mesh: bool = False) -> TrackTable:
        """Landmarks of `videos` (ids; None: all usable ones), in the order asked for.

        Raises NvfairError naming the ids that are not here, a part that is missing, damaged or holds other frames than
        videos.parquet says, or when a mesh is asked for that was not kept.
        """
        table = self.usable().set_index("video", drop=False)
        ids = table.index.to_numpy() if videos is None else np.asarray(list(videos), dtype=object)
        missing = [video for video in ids if video not in table.index]
        if missing:
            raise NvfairError(
                f"{len(missing)} video(s) have no frames here, the first: {missing[:3]}",
                where=self.folder / "videos.parquet",
            )
        chosen = table.loc[ids]
        lengths = chosen["frames"].to_numpy(dtype=np.int64)
        offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
        total = int(offsets[-1])
        landmarks = np.empty((total, LANDMARK_COUNT, 2), dtype=np.float32)
        valid = np.empty(total, dtype=bool)
        time = np.empty(total, dtype=np.float64)
        meshes = np.empty((total, 478, 3), dtype=np.float32) if mesh else None
        position = pd.Series(np.arange(len(chosen)), index=chosen.index)
        for part, group in chosen.groupby("part", sort=True):
            rows = self._read_part(str(part), group, mesh)
            wanted = position.loc[group.index].to_numpy()
            for n, first in zip(wanted, group["first_row"].to_numpy(), strict=True):
                source = slice(int(first), int(first) + int(lengths[n]))
                target = slice(int(offsets[n]), int(offsets[n + 1]))
                landmarks[target] = rows["landmarks"][source].reshape(-1, LANDMARK_COUNT, 2)
                valid[target] = rows["valid"][source]
                time[target] = rows["time"][source]
                if meshes is not None:
                    meshes[target] = rows["mesh"][source].reshape(-1, 478, 3)
        return TrackTable(np.asarray(ids, dtype=object), offsets, landmarks, valid, time, meshes)

    def _read_part(self, part: str, videos: pd.DataFrame, mesh: bool) -> dict[str, np.ndarray]:
        """Columns of a part in which `videos` (columns video, first_row, frames) lie where they say."""
        path = self.folder / part
        columns = ["valid", "time", "landmarks"] + (["mesh"] if mesh else [])
        if mesh and "mesh" not in _schema(path).names:
            raise NvfairError(
                "this data set did not keep the mesh",
                where=path,
                remedy="build it with `features: {mesh: true}` in the recipe",
            )
        table = _read(path, ["video", *columns])
        first = videos["first_row"].to_numpy(dtype=np.int64)
        last = first + videos["frames"].to_numpy(dtype=np.int64) - 1
        names = table.column("video")
        if last.max(initial=-1) >= len(table) or any(
            names.take(pa.array(rows)).to_pylist() != videos["video"].tolist() for rows in (first, last)
        ):
            raise NvfairError(
                "this part holds other frames than videos.parquet says", where=path, remedy="build or copy it again"
            )
        return {name: _flat(table.column(name)) for name in columns}


def _read(path: Path, columns: list[str] | None = None) -> pa.Table:
    """A Parquet file of the data set; `video` stays a dictionary where columns are named, which reads quicker."""
    with _told(path):
        return pq.read_table(
            path, columns=columns, partitioning=None, read_dictionary=["video"] if columns is not None else None
        )


def _schema(path: Path) -> pa.Schema:
    with _told(path):
        return pq.read_schema(path)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turns what pyarrow says of a file that is absent or damaged into our words."""
    try:
        yield
    except FileNotFoundError as error:
        raise NvfairError("a file of the data set is missing", where=path, remedy="build or copy it again") from error
    except (pa.ArrowException, OSError) as error:
        raise NvfairError(
            f"not a whole Parquet file: {str(error).splitlines()[0]}", where=path, remedy="build or copy it again"
        ) from error


def _flat(column: pa.ChunkedArray) -> np.ndarray:
    """A column as numpy; fixed-size lists as (rows, size)."""
    array = column.combine_chunks()
    if isinstance(array, pa.ChunkedArray):
        array = pa.concat_arrays(array.chunks) if array.num_chunks else pa.array([], type=array.type)
    if pa.types.is_fixed_size_list(array.type):
        return array.flatten().to_numpy(zero_copy_only=False).reshape(len(array), array.type.list_size)
    return array.to_numpy(zero_copy_only=False)
