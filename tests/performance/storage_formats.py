"""How each way of storing writes and reads the same frames, as its plain user would; `bench_storage` compares them.

A way is written once, opened once, and read by the slice. Every way holds the same values in the same order, and gives
back an array (frames, values). Legend: F frames in all, V values of a frame (252 of landmarks, 7,875 distances).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from nvfair_tools.dataset import Dataset, TrackTable
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.part_reader import PartReader, as_array
from nvfair_tools.dataset.parts import write_part
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.features import distances
from tests.performance.page_cache import forget


@dataclass(frozen=True)
class Frames:
    """What is stored. identities, videos: the tables of a data set. tracks: its landmarks, in the order of `videos`.

    feature: "landmarks" (float32) or "distances" (float16).
    """

    identities: pd.DataFrame
    videos: pd.DataFrame
    tracks: TrackTable
    feature: str

    @property
    def count(self) -> int:
        """F."""
        return len(self.tracks.valid)

    def values(self, n: int) -> np.ndarray:
        """The values (T, V) of video number `n`; distances are computed."""
        landmarks = self.tracks.landmarks[self.tracks.rows(n)]
        if self.feature == "distances":
            return distances(landmarks, dtype=np.float16)
        return landmarks.reshape(len(landmarks), -1)

    def table(self, numbers: list[int]) -> pa.Table:
        """A plain table of some videos: id, time, and a column of fixed-size lists."""
        values = np.concatenate([self.values(n) for n in numbers])
        rows = [self.tracks.rows(n) for n in numbers]
        ids = np.repeat(self.tracks.videos[numbers], [row.stop - row.start for row in rows])
        return pa.table(
            {
                "video": pa.array(ids, pa.string()),
                "time": np.concatenate([self.tracks.time[row] for row in rows]),
                self.feature: pa.FixedSizeListArray.from_arrays(pa.array(values.reshape(-1)), values.shape[1]),
            }
        )

    def parts(self) -> list[tuple[str, list[int]]]:
        """The parts of a data set with these videos, and the numbers of each part's videos."""
        return [(str(part), group.index.tolist()) for part, group in self.videos.groupby("part", sort=True)]


class Way:
    """One way to store frames, in the folder `folder`."""

    name = ""

    def __init__(self, folder: Path, frames: Frames) -> None:
        self.folder, self.frames = folder, frames
        folder.mkdir(parents=True)

    def write(self) -> None:
        """Writes all frames."""
        raise NotImplementedError

    def open(self) -> None:
        """Opens what was written; not timed."""

    def close(self) -> None:
        """Lets go of files and mapped memory."""

    def read_all(self) -> int:
        """Reads every value, some at a time where that is usual; returns how many frames there were."""
        raise NotImplementedError

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        """The values of the frames start:stop of video number `n`."""
        raise NotImplementedError

    def size(self) -> int:
        """Bytes on disk."""
        return sum(path.stat().st_size for path in self.folder.rglob("*") if path.is_file())

    def make_cold(self) -> None:
        """Drops the files from the page cache; what the process knows of them stays."""
        forget(self.folder)


class Mapped(Way):
    """A way that maps files, which must let go of them before they can be dropped."""

    def make_cold(self) -> None:
        self.close()
        forget(self.folder)
        self.open()


class Ours(Way):
    """A data set: written by `write_part` (from landmarks: distances are computed there), read by `Dataset`."""

    name = "ours"

    def write(self) -> None:
        tracks, labels = self.frames.tracks, labels_by_video(self.frames.videos)
        number = {video: n for n, video in enumerate(tracks.videos)}

        def rows_of(video: str) -> FrameRows:
            rows = tracks.rows(number[video])
            return FrameRows(tracks.landmarks[rows], tracks.valid[rows], tracks.time[rows])

        for part, numbers in self.frames.parts():
            of_part = {video: labels[video] for video in tracks.videos[numbers]}
            write_part(self.folder / part, of_part, rows_of, with_distances=self.frames.feature == "distances")
        finish_dataset(self.folder, self.frames.identities, self.frames.videos, {"name": "storage"})

    def open(self) -> None:
        self.data = Dataset.open(self.folder)
        self.parts = PartReader(self.folder)

    def read_all(self) -> int:
        if self.frames.feature == "landmarks":
            return sum(
                len(self.data.tracks(self.frames.tracks.videos[numbers]).valid) for _, numbers in self.frames.parts()
            )
        count = 0
        for part, _ in self.frames.parts():
            rows = self.parts.rows_in(part)
            for _, batch in self.parts.batches(part, np.array([0]), np.array([rows]), ["distances"]):
                count += len(as_array(batch.column("distances")))
        return count

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        if self.frames.feature == "landmarks":
            return self.data.frames(self.frames.tracks.videos[n], start, stop).landmarks.reshape(stop - start, -1)
        row = self.frames.videos.loc[n]
        first = int(row["first_row"])
        return as_array(self.parts.rows(row["part"], first + start, first + stop, ["distances"]).column("distances"))


class OursComputed(Ours):
    """The same data set without distances, which are computed from its landmarks as they are read."""

    name = "ours, distances computed when read"

    def __init__(self, folder: Path, frames: Frames) -> None:
        super().__init__(folder, Frames(frames.identities, frames.videos, frames.tracks, "landmarks"))

    def read_all(self) -> int:
        block = np.empty((520, 7875), np.float16)
        count = 0
        for _, numbers in self.frames.parts():
            landmarks = self.data.tracks(self.frames.tracks.videos[numbers]).landmarks
            for first in range(0, len(landmarks), len(block)):
                some = landmarks[first : first + len(block)]
                count += len(distances(some, out=block[: len(some)]))
        return count

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        return distances(super().window(n, start, stop).reshape(-1, 126, 2), dtype=np.float16)


class OursMapped(Mapped):
    """`Dataset.memory_map` of the data set that `ours` wrote: size and writing are those of its folder alone."""

    name = "ours, memory_map"

    def write(self) -> None:
        Dataset.open(self.folder.parent / "ours").memory_map(self.folder)

    def open(self) -> None:
        self.tracks = Dataset.open(self.folder.parent / "ours").memory_map(self.folder)

    def close(self) -> None:
        del self.tracks

    def read_all(self) -> int:
        return sum(len(np.array(landmarks)) for _, landmarks, _, _ in self.tracks)

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        landmarks = self.tracks.track(self.frames.tracks.videos[n], start, stop)[0]
        return np.array(landmarks).reshape(stop - start, -1)


class PlainParquet(Way):
    """pyarrow's own defaults (snappy, dictionaries, row groups of 1,048,576 rows), one file a part.

    A window is the rows of its video, which the filter of `pq.read_table` finds, and of them a slice.
    """

    name = "plain Parquet"

    def write(self) -> None:
        for part, numbers in self.frames.parts():
            path = self.folder / part
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(self.frames.table(numbers), path)

    def read_all(self) -> int:
        count = 0
        for part, _ in self.frames.parts():
            table = pq.read_table(self.folder / part, columns=[self.frames.feature], partitioning=None)
            count += len(as_array(table.column(0)))
        return count

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        path = self.folder / self.frames.videos.loc[n, "part"]
        of_video = [("video", "==", self.frames.tracks.videos[n])]
        table = pq.read_table(path, columns=[self.frames.feature], filters=of_video, partitioning=None)
        return as_array(table.column(0).slice(start, stop - start))


class NumpyFiles(Way):
    """One .npy a video, mapped."""

    name = "one .npy a video"

    def write(self) -> None:
        for n in range(len(self.frames.tracks)):
            np.save(self.folder / f"{n:06d}.npy", self.frames.values(n))

    def read_all(self) -> int:
        return sum(len(np.load(self.folder / f"{n:06d}.npy")) for n in range(len(self.frames.tracks)))

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        return np.array(np.load(self.folder / f"{n:06d}.npy", mmap_mode="r")[start:stop])


class Hdf5(Way):
    """One HDF5 file by h5py, with its own chunks, shuffle and gzip; ids and offsets beside."""

    name = "HDF5, shuffle + gzip, chunks of h5py"
    options: Mapping[str, Any] = MappingProxyType({"compression": "gzip", "shuffle": True})

    def write(self) -> None:
        import h5py

        values = np.concatenate([self.frames.values(n) for n in range(len(self.frames.tracks))])
        with h5py.File(self.folder / "frames.h5", "w") as file:
            file.create_dataset(self.frames.feature, data=values, **self.options, chunks=self.chunks(values))
            file["offsets"], file["time"] = self.frames.tracks.offsets, self.frames.tracks.time
            file.create_dataset("videos", data=self.frames.tracks.videos, dtype=h5py.string_dtype())

    def chunks(self, values: np.ndarray) -> Any:
        """The rows and columns of a chunk; True: as h5py chooses."""
        return True

    def open(self) -> None:
        import h5py

        self.file = h5py.File(self.folder / "frames.h5")
        self.array = self.file[self.frames.feature]

    def close(self) -> None:
        self.file.close()

    def read_all(self) -> int:
        return sum(len(self.array[row : row + 6_000]) for row in range(0, self.frames.count, 6_000))

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        first = int(self.frames.tracks.offsets[n])
        return self.array[first + start : first + stop]


class Hdf5ByFrames(Hdf5):
    """The same with chunks of 71 whole frames and lzf, for windows."""

    name = "HDF5, shuffle + lzf, chunks of 71 frames"

    options = MappingProxyType({"compression": "lzf", "shuffle": True})

    def chunks(self, values: np.ndarray) -> tuple[int, int]:
        return min(71, len(values)), values.shape[1]


class ArrowCache(Mapped):
    """What `datasets` makes of Parquet parts when it loads them: an uncompressed Arrow file, mapped."""

    name = "Arrow cache of `datasets`"

    def write(self) -> None:
        import datasets

        datasets.disable_progress_bars()
        source = self.folder.parent / "plain Parquet"
        files = [str(source / part) for part, _ in self.frames.parts()]
        datasets.Dataset.from_parquet(files, cache_dir=str(self.folder))

    def open(self) -> None:
        import datasets

        files = sorted(self.folder.rglob("*.arrow"))
        self.rows = datasets.concatenate_datasets([datasets.Dataset.from_file(str(file)) for file in files])
        self.rows = self.rows.select_columns([self.frames.feature]).with_format("arrow")
        order = [n for _, numbers in self.frames.parts() for n in numbers]
        lengths = np.diff(self.frames.tracks.offsets)[order]
        self.first = dict(zip(order, (np.cumsum(lengths) - lengths).tolist(), strict=True))

    def close(self) -> None:
        del self.rows

    def read_all(self) -> int:
        count = 0
        for first in range(0, self.frames.count, 1000):
            count += len(np.array(as_array(self.rows[first : first + 1000].column(0))))
        return count

    def window(self, n: int, start: int, stop: int) -> np.ndarray:
        first = self.first[n]
        return np.array(as_array(self.rows[first + start : first + stop].column(0)))


WAYS: tuple[type[Way], ...] = (
    Ours,
    OursComputed,
    OursMapped,
    PlainParquet,
    NumpyFiles,
    Hdf5,
    Hdf5ByFrames,
    ArrowCache,
)


def ways_for(feature: str) -> list[type[Way]]:
    """The ways that store a feature."""
    left_out = OursComputed if feature == "landmarks" else OursMapped
    return [way for way in WAYS if way is not left_out]
