"""Reads a data set: its tables as data frames, its landmarks as arrays."""

from __future__ import annotations

import html
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset.mapped_tracks import MappedTracks, Progress
from nvfair_tools.dataset.part_reader import PartReader, as_array, file_errors, wrong_frames
from nvfair_tools.dataset.places import Places
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
from nvfair_tools.landmarks.sources_of_points import sources_of_points
from nvfair_tools.quantities import count_text
from nvfair_tools.unique_keys import load_unique_json


def read_meta(folder: Path) -> dict[str, Any]:
    """Reads dataset.json of the data set in `folder`. Raises NvfairError where it is absent, damaged or of another
    format version."""
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
        raise NvfairError(f"not valid JSON: {error}", where=path, remedy="build or copy the data set again") from error
    if problem := version_error(meta.get("format_version") if isinstance(meta, dict) else None, folder):
        raise problem
    return meta


@dataclass(frozen=True, repr=False)
class Dataset:
    """A finished data set.

    folder: where it lies. meta: the content of dataset.json. identities: one row a person. videos: one row a video,
    whatever its state. The columns are those of `nvfair_tools.dataset.schema`. Do not change the tables in place, since
    places of frames are looked up once: `dataclasses.replace(data, videos=...)` is a data set of other videos.
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
        meta = read_meta(folder)
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
    def landmark_sources(self) -> frozenset[str]:
        """The landmarkers that found its faces, as `source_of_points` writes them; none in a simulated data set."""
        listed = (self.meta.get("landmarks") or {}).get("landmarkers") or ()
        return sources_of_points(str(landmarker) for landmarker in listed)

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
        places = self._places if videos is None else self._places.of(videos, self.folder)
        return self._read(places, np.zeros(len(places.ids), dtype=np.int64), places.frames, mesh)

    def slices(self, slices: Iterable[tuple[str, int, int | None]], *, mesh: bool = False) -> TrackTable:
        """Reads many slices of frames in one pass over the parts, in the order of `slices`.

        slices: (video, start, stop) of each, as in `frames`; slices may overlap and videos come again. Slices of one
        length T are `landmarks.reshape(-1, T, 126, 2)`, without a copy. Raises NvfairError as `tracks` does.
        """
        chosen = list(slices)
        places = self._places.of((video for video, _, _ in chosen), self.folder)
        bounds = [
            slice(start, stop).indices(frames)[:2]
            for (_, start, stop), frames in zip(chosen, places.frames.tolist(), strict=True)
        ]
        begin, end = np.array(bounds, dtype=np.int64).reshape(-1, 2).T
        return self._read(places, begin, np.maximum(begin, end), mesh)

    def frames(self, video: str, start: int = 0, stop: int | None = None, *, mesh: bool = False) -> FrameRows:
        """Reads the frames start:stop of one video; only the row groups that hold them are read from disk.

        start, stop: as in a Python slice (negative numbers count from the end, None is the end). mesh: reads the whole
        mesh too. Raises NvfairError as `tracks` does.
        """
        place = self._places.of([video], self.folder)
        first, end, _ = slice(start, stop).indices(int(place.frames[0]))
        end = max(first, end)
        part, row = str(place.parts[0]), int(place.first_rows[0])
        names = ["valid", "time", "reason", "landmarks", *(["mesh"] if mesh else [])]
        self._check_mesh(part, mesh)
        table = self._parts.rows(part, row + first, row + end, ["video", "index", *names])
        ids, indices = table.column("video").to_pylist(), as_array(table.column("index"))
        if ids != [video] * (end - first) or not np.array_equal(indices, np.arange(first, end)):
            raise wrong_frames(self.folder / part)
        columns = {name: as_array(table.column(name)) for name in names}
        return FrameRows(
            landmarks=columns["landmarks"].reshape(-1, LANDMARK_COUNT, 2),
            valid=columns["valid"],
            time=columns["time"],
            reason=columns["reason"],
            mesh=columns["mesh"].reshape(-1, MESH_POINTS, 3) if mesh else None,
        )

    def memory_map(self, cache: str | Path, *, progress: Progress | None = None) -> MappedTracks:
        """Decodes all landmarks into the folder `cache`, once, and maps them: any slice of frames is then a view.

        cache: a folder for this data set alone, on a local disk: 1 kB a frame. What it has of parts that have changed
        is deleted, so that people who have withdrawn are not in it any more. progress: is told how many parts are done.
        Raises NvfairError where a part is missing, damaged, or not what dataset.json says.
        """
        tracks = MappedTracks(self.folder, Path(cache), self._places)
        tracks.prepare(self.meta.get("files", {}), progress)
        return tracks

    def __repr__(self) -> str:
        people, videos = len(self.identities), len(self.videos)
        return (
            f"{type(self).__name__}({self.name!r}, {count_text(people, 'person')}, {count_text(videos, 'video')}, "
            f"folder={str(self.folder)!r})"
        )

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

    @cached_property
    def _places(self) -> Places:
        is_usable = ((self.videos["state"] == "ok") & self.videos["part"].notna()).to_numpy(dtype=bool)
        usable = {name: self.videos[name].to_numpy()[is_usable] for name in ("video", "part", "first_row", "frames")}
        return Places(
            ids=usable["video"].astype(object),
            parts=usable["part"].astype(object),
            first_rows=usable["first_row"].astype(np.int64),
            frames=usable["frames"].astype(np.int64),
        )

    @cached_property
    def _parts(self) -> PartReader:
        return PartReader(self.folder)

    def __getstate__(self) -> dict[str, Any]:
        """What another process is sent: the fields, and nothing that was looked up."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    def _read(self, places: Places, begin: np.ndarray, end: np.ndarray, mesh: bool) -> TrackTable:
        """Reads the frames begin:end of videos; begin, end: int64 (N,)."""
        offsets = np.concatenate([[0], np.cumsum(end - begin)]).astype(np.int64)
        total = int(offsets[-1])
        landmarks = np.empty((total, LANDMARK_COUNT, 2), dtype=np.float32)
        valid = np.empty(total, dtype=bool)
        time = np.empty(total, dtype=np.float64)
        meshes = np.empty((total, MESH_POINTS, 3), dtype=np.float32) if mesh else None
        # Each part is read once, some rows at a time; frames are copied to their places in the result.
        codes, parts = pd.factorize(places.parts, sort=True)
        for code, part in enumerate(parts):
            numbers = np.flatnonzero(codes == code)
            for n, skipped, columns in self._pieces(str(part), places.at(numbers), begin[numbers], end[numbers], mesh):
                first = int(offsets[numbers[n]]) + skipped
                target = slice(first, first + len(columns["valid"]))
                landmarks[target] = columns["landmarks"].reshape(-1, LANDMARK_COUNT, 2)
                valid[target], time[target] = columns["valid"], columns["time"]
                if meshes is not None:
                    meshes[target] = columns["mesh"].reshape(-1, MESH_POINTS, 3)
        return TrackTable(places.ids.copy(), offsets, landmarks, valid, time, meshes)

    def _pieces(
        self, part: str, places: Places, begin: np.ndarray, end: np.ndarray, mesh: bool
    ) -> Iterator[tuple[int, int, dict[str, np.ndarray]]]:
        """Yields pieces of the frames begin:end of a part's videos: (number of the video in `places`, how many of its
        frames come before the piece, the piece's columns).

        Only row groups that hold them are read, each once and some rows at a time. Raises NvfairError where the part
        holds other frames than `places` say.
        """
        self._check_mesh(part, mesh)
        names = ["valid", "time", "landmarks", *(["mesh"] if mesh else [])]
        first_row, last_row = places.first_rows + begin, places.first_rows + end
        order = np.argsort(first_row, kind="stable")
        starts = first_row[order]
        waiting = 0  # place in `order` of the first video whose frames are not all read
        for row, batch in self._parts.batches(part, first_row, last_row, ["video", "index", *names]):
            stop_row = row + batch.num_rows
            while waiting < len(order) and last_row[order[waiting]] <= row:
                waiting += 1
            here = order[waiting : int(np.searchsorted(starts, stop_row))]
            here = here[(last_row[here] > row) & (last_row[here] > first_row[here])]
            low, high = np.maximum(first_row[here], row), np.minimum(last_row[here], stop_row)
            ids, indices = batch.column("video"), batch.column("index").to_numpy()
            for ends in (low, high - 1):
                same_ids = ids.take(pa.array(ends - row)).to_pylist() == places.ids[here].tolist()
                if not same_ids or not np.array_equal(indices[ends - row], ends - places.first_rows[here]):
                    raise wrong_frames(self.folder / part)
            columns = {name: as_array(batch.column(name)) for name in names}
            for n, a, b, first in zip(
                here.tolist(), low.tolist(), high.tolist(), first_row[here].tolist(), strict=True
            ):
                yield n, a - first, {name: column[a - row : b - row] for name, column in columns.items()}

    def _check_mesh(self, part: str, mesh: bool) -> None:
        """Raises NvfairError where `mesh` is true and the part has no column of that name."""
        if mesh and "mesh" not in self._parts.columns(part):
            raise NvfairError(
                "this data set did not keep the mesh",
                where=self.folder / part,
                remedy="build it with `features: {mesh: true}` in the recipe",
            )


def read_landmark_rows(part: Path, first: int, end: int) -> np.ndarray:
    """Reads the landmarks float32 (end - first, 126, 2) of a part's rows first:end; NaN where there is no face.

    Raises NvfairError where the part is missing or damaged.
    """
    rows = PartReader(part.parent).rows(part.name, first, end, ["landmarks"])
    return as_array(rows.column("landmarks")).reshape(-1, LANDMARK_COUNT, 2)


def open(folder: str | Path) -> Dataset:
    """Opens the data set in a folder; the frames stay on disk until they are asked for.

        data = nvfair_tools.open("runs/clips")
        data.identities, data.videos          # pandas tables: one row a person, one row a video

    Raises NvfairError where the data set is absent, unfinished, damaged or of another format version.
    """
    return Dataset.open(folder)


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
    with file_errors(path), pq.ParquetFile(path) as file:
        return file.read(columns=[name for name in file.schema_arrow.names if name in schema.names])
