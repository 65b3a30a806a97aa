"""Landmarks decoded once into a folder of the user's, so that any slice of frames is a view of mapped memory.

A file is named by the SHA-256 of its part, which dataset.json records and which is compared when the part is decoded.
So a part that was written anew, for instance because somebody has withdrawn, is decoded anew, and what was decoded of
the earlier one is deleted.

Legend: T frames of a slice, L landmarks (126).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa

from nvfair_tools.dataset.part_reader import PartReader, as_array, file_errors, wrong_frames
from nvfair_tools.dataset.places import Places
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.dataset.tracks import TrackTable
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import atomic_output, sha256_of

Progress = Callable[[int, int], None]  # parts done, parts in all

_COLUMNS = {"landmarks": ("<f4", (LANDMARK_COUNT, 2)), "valid": ("|b1", ()), "time": ("<f8", ())}
_OURS = re.compile(rf"[0-9a-f]{{64}}\.({'|'.join(_COLUMNS)})\.npy")


class MappedTracks:
    """The landmarks of a data set's videos in mapped memory; from `Dataset.memory_map`."""

    def __init__(self, data: Path, folder: Path, places: Places) -> None:
        self._data, self._folder, self._places = data, folder, places
        self._hashes: dict[str, str] = {}
        self._arrays: dict[str, dict[str, np.ndarray]] = {}

    def prepare(self, hashes: Mapping[str, str], progress: Progress | None) -> None:
        """Decodes the parts that are not there yet, and deletes what is there of others.

        hashes: the SHA-256 of each part, as dataset.json has them.
        """
        parts = sorted(set(self._places.parts.tolist()))
        unknown = [part for part in parts if part not in hashes]
        if unknown:
            raise NvfairError(
                f"no hash of {unknown[0]}",
                where=self._data / "dataset.json",
                remedy="build or copy the data set again",
            )
        self._hashes = {part: hashes[part] for part in parts}
        self._folder.mkdir(parents=True, exist_ok=True)
        names = {self._path(part, column).name for part in parts for column in _COLUMNS}
        for path in self._folder.iterdir():
            if _OURS.fullmatch(path.name) and path.name not in names:
                path.unlink()
        reader = PartReader(self._data)
        for number, part in enumerate(parts):
            if progress:
                progress(number, len(parts))
            if not all(self._path(part, column).exists() for column in _COLUMNS):
                self._decode(reader, part)
        if progress:
            progress(len(parts), len(parts))

    def track(self, video: str, start: int = 0, stop: int | None = None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The frames start:stop of a video, as views of mapped memory: nothing is copied; the disk is read as they are
        looked at.

        start, stop: as in a Python slice. Returns landmarks float32 (T, L, 2) in pixels, NaN where not valid; valid
        (T,); time (T,) in seconds. What is written into them stays in this process and reaches no file. Raises
        NvfairError where the video has no frames here.
        """
        place = self._places.of([video], self._data)
        first, end, _ = slice(start, stop).indices(int(place.frames[0]))
        row = int(place.first_rows[0])
        rows = slice(row + first, row + max(first, end))
        arrays = self._of_part(str(place.parts[0]))
        return arrays["landmarks"][rows], arrays["valid"][rows], arrays["time"][rows]

    def slices(self, slices: Iterable[tuple[str, int, int | None]]) -> TrackTable:
        """Copies many slices of frames, as `Dataset.slices` reads them."""
        chosen = list(slices)
        tracks = [self.track(video, start, stop) for video, start, stop in chosen]
        offsets = np.cumsum([0, *(len(valid) for _, valid, _ in tracks)], dtype=np.int64)
        landmarks = np.empty((int(offsets[-1]), LANDMARK_COUNT, 2), dtype=np.float32)
        valid, time = np.empty(len(landmarks), dtype=bool), np.empty(len(landmarks), dtype=np.float64)
        for n, frames in enumerate(tracks):
            rows = slice(int(offsets[n]), int(offsets[n + 1]))
            landmarks[rows], valid[rows], time[rows] = frames
        return TrackTable(np.array([video for video, _, _ in chosen], dtype=object), offsets, landmarks, valid, time)

    def __len__(self) -> int:
        return len(self._places.ids)

    def __iter__(self) -> Iterator[tuple[str, np.ndarray, np.ndarray, np.ndarray]]:
        """Yields (id, landmarks (T, L, 2), valid (T,), time (T,)) of each video, as views."""
        for video in self._places.ids.tolist():
            yield video, *self.track(video)

    def __getstate__(self) -> dict[str, object]:
        """What another process is sent: no mapped memory, which it maps itself."""
        return self.__dict__ | {"_arrays": {}}

    def _path(self, part: str, column: str) -> Path:
        return self._folder / f"{self._hashes[part]}.{column}.npy"

    def _of_part(self, part: str) -> dict[str, np.ndarray]:
        if part not in self._arrays:
            arrays: dict[str, np.ndarray] = {}
            for column, (dtype, shape) in _COLUMNS.items():
                path = self._path(part, column)
                # Copied on write, because torch takes no array that it could not write into.
                arrays[column] = np.load(path, mmap_mode="c", allow_pickle=False)
                if arrays[column].dtype != np.dtype(dtype) or arrays[column].shape[1:] != shape:
                    raise NvfairError("not a file of decoded landmarks", where=path, remedy=f"delete {self._folder}")
            self._arrays[part] = arrays
        return self._arrays[part]

    def _decode(self, reader: PartReader, part: str) -> None:
        path = self._data / part
        with file_errors(path):
            if sha256_of(path) != self._hashes[part]:
                raise NvfairError(
                    "the file has another SHA-256 than dataset.json says",
                    where=path,
                    remedy="`nvfair dataset check --full` names all such files; build or copy them again",
                )
        here = self._places.at(np.flatnonzero(self._places.parts == part))
        rows = reader.rows_in(part)
        with ExitStack() as stack:
            files: dict[str, IO[bytes]] = {}
            for column, (dtype, shape) in _COLUMNS.items():
                temporary = stack.enter_context(atomic_output(self._path(part, column)))
                files[column] = stack.enter_context(open(temporary, "wb"))
                header = {"descr": dtype, "fortran_order": False, "shape": (rows, *shape)}
                np.lib.format.write_array_header_1_0(files[column], header)
            for row, batch in reader.batches(part, np.array([0]), np.array([rows]), ["video", "index", *_COLUMNS]):
                if not _has_its_videos(row, batch, here):
                    raise wrong_frames(path)
                for column, (dtype, _) in _COLUMNS.items():
                    files[column].write(np.ascontiguousarray(as_array(batch.column(column)), dtype=dtype).data)


def _has_its_videos(row: int, batch: pa.RecordBatch, places: Places) -> bool:
    """Whether each of the videos that begins in `batch`, whose first row is `row`, does so, and each that ends."""
    ids, index = batch.column("video"), batch.column("index").to_numpy()
    for frame in (np.zeros_like(places.frames), places.frames - 1):
        rows = places.first_rows + frame - row
        here = np.flatnonzero((rows >= 0) & (rows < batch.num_rows) & (places.frames > 0))
        if ids.take(pa.array(rows[here])).to_pylist() != places.ids[here].tolist():
            return False
        if not np.array_equal(index[rows[here]], frame[here]):
            return False
    return True
