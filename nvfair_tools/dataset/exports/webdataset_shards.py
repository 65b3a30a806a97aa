"""The WebDataset layout: tar files that are read from the first byte to the last, a sample a video.

A sample has the video (.mp4), what videos.parquet says of it (.json), and its track (.landmarks.npy, .time.npy,
.valid.npy). Equal data sets give equal bytes: members have no times and no owners, and stand in the order of ids.
"""

from __future__ import annotations

import io
import json
import re
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache, partial
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.dataset.exports.copies import HashedFile, sizes_of
from nvfair_tools.dataset.exports.permitted import PermittedVideos
from nvfair_tools.dataset.exports.plan import ExportPlan, PlannedFile, read_me
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.dataset.schema import LANDMARK_COUNT, SPLITS
from nvfair_tools.media.source_types import SOURCE_TYPE_TAG
from nvfair_tools.quantities import count_text

DEFAULTS: Mapping[str, Any] = {"shard_bytes": 1_000_000_000, "landmarks": True}
# Where the row's frames stand in the data set: means nothing in a shard.
_NOT_DESCRIBED = ("part", "first_row", "path", "state", "reason")
_VIDEOS_PER_READ = 200  # of which tracks are in memory at a time
_LAYOUT = """\
## How to read it
`SPLIT-NUMBER.tar` in WebDataset's form; the files of one video follow each other:

| member | content |
|---|---|
| `KEY.json` | driver, target, generator, licence, consent, permitted use, `synthetic` and all that is known |
| `KEY.mp4` | the video, where the data set has it |
| `KEY.landmarks.npy` | float32 (frames, 126, 2), pixels of the video; NaN where there is no face |
| `KEY.time.npy`, `KEY.valid.npy` | float64 seconds and bool (frames,) |

```python
import webdataset

samples = webdataset.WebDataset("train-000000.tar", shardshuffle=False).decode()
```"""


@dataclass(frozen=True)
class _Sample:
    """A video in a shard. text: its description; path: of the video, relative to the data set, "" for none."""

    video: str
    key: str
    frames: int
    text: bytes
    path: str
    video_bytes: int
    sha256: str | None

    def member_sizes(self, landmarks: bool) -> Iterator[int]:
        """The bytes of each of its members."""
        yield len(self.text)
        if self.path:
            yield self.video_bytes
        if landmarks:
            for dtype, shape in _arrays(self.frames).values():
                yield _npy_bytes(dtype, shape)


def plan_shards(dataset: Dataset, judged: PermittedVideos, *, shard_bytes: int, landmarks: bool) -> ExportPlan:
    """Plans the shards of the videos of a data set: those of a split in the order of their ids, of at most
    `shard_bytes` where more than one video is in it. landmarks: whether tracks are in them too."""
    videos = judged.videos if landmarks else judged.videos[judged.videos["path"].notna()]
    left_out = len(judged.videos) - len(videos)
    samples = _samples(dataset, videos)
    files: list[PlannedFile] = []
    for split in SPLITS:
        of_split = [sample for name, sample in samples if name == split]
        for number, (shard, size) in enumerate(_shards(of_split, shard_bytes, landmarks)):
            write = partial(_write_shard, dataset, shard, landmarks)
            files.append(PlannedFile(f"{split}-{number:06d}.tar", size, write, len(shard)))
    without_video = sum(not sample.path for _, sample in samples)
    remarks = (
        [f"{count_text(without_video, 'video has', 'videos have')} landmarks and no .mp4 in the data set"]
        if without_video
        else []
    )
    files.append(read_me(dataset, videos, _LAYOUT))
    reasons = {"no .mp4 in the data set": left_out} if left_out else {}
    return ExportPlan(tuple(files), reasons, tuple(remarks))


def _samples(dataset: Dataset, videos: pd.DataFrame) -> list[tuple[str, _Sample]]:
    """(split, sample) of each video, in the order of ids."""
    ordered = videos.sort_values("video")
    paths = ["" if pd.isna(path) else str(path) for path in ordered["path"]]
    sizes = iter(sizes_of(dataset.folder, [path for path in paths if path]))
    source_types = {
        generator.get("label"): generator.get(SOURCE_TYPE_TAG) for generator in dataset.meta.get("generators", [])
    }
    simulated = dataset.meta.get("simulated") is True
    samples = []
    for row, path in zip(ordered.to_dict("records"), paths, strict=True):
        described = {str(name): _plain(value) for name, value in row.items() if name not in _NOT_DESCRIBED}
        described |= {
            "synthetic": row["kind"] != "real" or simulated,
            "simulated": simulated,
            SOURCE_TYPE_TAG: source_types.get(row["generator"]),
            "dataset": dataset.name,
        }
        text = json.dumps(described, sort_keys=True, ensure_ascii=False).encode()
        digest = described.get("sha256")
        sample = _Sample(
            row["video"],
            _key(row["video"]),
            int(row["frames"]),
            text,
            path,
            next(sizes) if path else 0,
            digest if isinstance(digest, str) else None,
        )
        samples.append((str(row["split"]), sample))
    return samples


def _shards(samples: list[_Sample], most: int, landmarks: bool) -> Iterator[tuple[list[_Sample], int]]:
    """Consecutive samples that fit a shard together, and the bytes of its file."""
    shard: list[_Sample] = []
    size = 0
    for sample in samples:
        added = sum(512 + _padded(member, 512) for member in sample.member_sizes(landmarks))
        if shard and _padded(size + added + 1024, tarfile.RECORDSIZE) > most:
            yield shard, _padded(size + 1024, tarfile.RECORDSIZE)
            shard, size = [], 0
        shard.append(sample)
        size += added
    if shard:
        yield shard, _padded(size + 1024, tarfile.RECORDSIZE)


def _write_shard(dataset: Dataset, samples: list[_Sample], landmarks: bool, place: Path) -> None:
    with tarfile.open(place, "w", format=tarfile.GNU_FORMAT) as archive:
        for first in range(0, len(samples), _VIDEOS_PER_READ):
            some = samples[first : first + _VIDEOS_PER_READ]
            tracks = dataset.tracks([sample.video for sample in some]) if landmarks else None
            for number, sample in enumerate(some):
                _add(archive, f"{sample.key}.json", len(sample.text), io.BytesIO(sample.text))
                if sample.path:
                    with HashedFile(dataset.folder / sample.path) as file:
                        _add(archive, f"{sample.key}.mp4", sample.video_bytes, file)
                        file.check(sample.sha256)
                if tracks is not None:
                    for name in _arrays(sample.frames):
                        content = _npy(getattr(tracks, name)[tracks.rows(number)])
                        _add(archive, f"{sample.key}.{name}.npy", len(content), io.BytesIO(content))


def _add(archive: tarfile.TarFile, name: str, size: int, content: io.BytesIO | HashedFile) -> None:
    """Adds a member without time and owner."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = size, 0o644
    archive.addfile(member, content)  # type: ignore[arg-type]  # it is only read


def _arrays(frames: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """The arrays of a track, which are attributes of a table of tracks: {name: (dtype, shape)}."""
    return {"landmarks": ("<f4", (frames, LANDMARK_COUNT, 2)), "time": ("<f8", (frames,)), "valid": ("|b1", (frames,))}


def _npy(values: np.ndarray) -> bytes:
    content = io.BytesIO()
    np.lib.format.write_array(content, np.ascontiguousarray(values), version=(1, 0), allow_pickle=False)
    return content.getvalue()


@cache
def _npy_bytes(dtype: str, shape: tuple[int, ...]) -> int:
    content = io.BytesIO()
    np.lib.format.write_array_header_1_0(content, {"descr": dtype, "fortran_order": False, "shape": shape})
    return len(content.getvalue()) + np.dtype(dtype).itemsize * int(np.prod(shape, dtype=np.int64))


def _key(video: str) -> str:
    """The name of a video's members: its id, or a hash where the id could not stand in a file's name."""
    if re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,79}", video):
        return video
    return sha256(video.encode()).hexdigest()[:32]


def _padded(size: int, block: int) -> int:
    return -(-size // block) * block


def _plain(value: Any) -> Any:
    """A table's value as JSON has it: lists for arrays, null for what is missing."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, list):
        return value
    if pd.isna(value):
        return None
    number = value.item() if hasattr(value, "item") else value
    return int(number) if isinstance(number, float) and number.is_integer() else number
