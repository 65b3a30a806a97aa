"""Where the right content of a damaged file may come from. What a source offers counts only if its hash is right."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any, Protocol

import pyarrow.parquet as pq

from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import write_part
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.repairing.single_bit import MOST_BYTES, corrected
from nvfair_tools.dataset.schema import LANDMARK_COUNT, MESH_POINTS
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.features import DEFAULT_SCALE
from nvfair_tools.files import sha256_of


class FileSource(Protocol):
    """Something that may have, or make, a file of a data set again. name: it in words, after "mended"."""

    name: str

    def offer(self, file: str, digest: str, out: Path) -> bool:
        """Writes what it has for a file to `out`; False where it has nothing. The caller compares the hash.

        file: path, relative to the data set. digest: the promised SHA-256. Errors of reading count as nothing.
        """
        ...


class HashedFiles:
    """Files that are looked for by their hash, whatever their names are; each is hashed once, when it is needed."""

    def __init__(self, name: str, files: Iterable[Path]) -> None:
        self.name = name
        self._unread = sorted(set(files))
        self._places: dict[str, list[Path]] = {}

    def add(self, files: Iterable[Path]) -> None:
        """More files to look at."""
        self._unread = sorted({*self._unread, *files})

    def moved(self, old: Path, new: Path) -> None:
        """A file has another place now."""
        self._unread = [new if path == old else path for path in self._unread]
        for digest, paths in self._places.items():
            self._places[digest] = [new if path == old else path for path in paths]

    def offer(self, file: str, digest: str, out: Path) -> bool:
        """Offers a file with the promised hash; only files with the same suffix are read."""
        suffix = PurePosixPath(file).suffix
        for path in [path for path in self._unread if path.suffix == suffix and path.is_file()]:
            self._places.setdefault(sha256_of(path), []).append(path)
        self._unread = [path for path in self._unread if path.suffix != suffix]
        for path in self._places.get(digest, ()):
            if path.is_file():
                shutil.copyfile(path, out)
                return True
        return False


class Copy:
    """Another copy of the data set: the same path, or else any file of it that has the promised hash."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.name = f"from {folder}"
        self._others: HashedFiles | None = None

    def offer(self, file: str, digest: str, out: Path) -> bool:
        """Offers the file of the copy that has the promised hash."""
        if (self.folder / file).is_file() and sha256_of(self.folder / file) == digest:
            shutil.copyfile(self.folder / file, out)
            return True
        if self._others is None:
            self._others = HashedFiles(self.name, (path for path in self.folder.rglob("*") if path.is_file()))
        return self._others.offer(file, digest, out)


class SingleBit:
    """A small file in which a single bit is wrong: its hash says which."""

    name = "by its hash, which says which bit was wrong"

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def offer(self, file: str, digest: str, out: Path) -> bool:
        """Offers the file with the one bit changed that gives the promised hash."""
        path = self._folder / file
        if not path.is_file() or path.stat().st_size > MOST_BYTES:
            return False
        content = corrected(path.read_bytes(), digest)
        if content is not None:
            out.write_bytes(content)
        return content is not None


class OwnColumns:
    """A part whose landmarks can still be read: its distances follow from them, its ids and labels from videos.parquet,
    which must be whole."""

    name = "from its own landmarks"

    def __init__(self, folder: Path, meta: Mapping[str, Any]) -> None:
        self._folder = folder
        self._features: dict[str, Any] = {"distances": "none", "mesh": False, "scale": DEFAULT_SCALE} | dict(
            meta.get("features", {})
        )

    def offer(self, file: str, digest: str, out: Path) -> bool:
        """Offers the part written anew from its own times, validity and landmarks."""
        path = self._folder / file
        if not file.startswith("frames/") or not path.is_file():
            return False
        names = ["time", "valid", "reason", "landmarks", *(["mesh"] if self._features["mesh"] else [])]
        with pq.ParquetFile(path) as part:
            table = part.read(columns=names)
        videos = Dataset.open(self._folder).usable()
        videos = videos[videos["part"] == file].sort_values("first_row")
        stretches = videos[["first_row", "frames"]].astype(int).itertuples(index=False, name=None)
        places = dict(zip(videos["video"], stretches, strict=True))

        def rows_of(id: str) -> FrameRows:
            rows = table.slice(*places[id])
            lists = {name: rows.column(name).combine_chunks().flatten().to_numpy() for name in names[3:]}
            return FrameRows(
                landmarks=lists["landmarks"].reshape(-1, LANDMARK_COUNT, 2),
                valid=rows.column("valid").to_numpy(),
                time=rows.column("time").to_numpy(),
                reason=rows.column("reason").to_numpy(),
                mesh=lists["mesh"].reshape(-1, MESH_POINTS, 3) if "mesh" in lists else None,
            )

        write_part(
            out,
            labels_by_video(videos),
            rows_of,
            with_distances=self._features["distances"] != "none",
            with_mesh=bool(self._features["mesh"]),
            scale=self._features["scale"],
        )
        return True


def put_in_place(candidate: Path, path: Path, aside: Path) -> None:
    """Puts a file into its place, from which what is there is moved aside first."""
    with open(candidate, "rb+") as file:
        os.fsync(file.fileno())
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists():
        aside.parent.mkdir(parents=True, exist_ok=True)
        os.replace(path, aside)
    os.replace(candidate, path)
