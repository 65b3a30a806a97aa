"""A blind copy of a data set's test videos, which method authors get of a set whose labels stay with the board.

It holds what embedding needs and no more: tracks, frame times, and pictures where there are any, encoded anew. Driver,
target, clip and generator are left out; names are random, and their order with them. Frames that no window of the
protocols covers are cut off, because the length of a clip would show which videos share it.

The coordinates themselves are the originals': anybody who has the hidden set's own videos or tracks can match them.
They must never be published, nor anything that was made from them by a generator that others can run.

Legend: T frames.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.protocols.schema import Protocol
from leaderboard.hidden.blind_key import BlindKey, read_key, write_key
from nvfair_tools import __version__
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.labels import VideoLabels
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.rights import DatasetRights
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import check_writable, make_folder, sha256_of, write_text
from nvfair_tools.governance.decision import count_reasons
from nvfair_tools.quantities import count_text

HIDDEN = "hidden"
_PERSON = f"{HIDDEN}:{HIDDEN}"
_SPLIT = "test"
_LABELS = VideoLabels(driver=_PERSON, target=_PERSON, generator=HIDDEN, split=_SPLIT)
_EPOCH = 315_532_800  # 1980-01-01, on every file: the true times would show in which order the videos were taken
_SNAP = 1e-5  # of a frame, as in resampling
# Keys of dataset.json that say how to read the tracks, and nothing about what was recorded.
_COPIED_META = ("simulated",)
_SCHEME = ("scheme", "scheme_version", "points", "landmarkers")
_NOTE = """\
# A blind copy

The test videos of a hidden data set, under random names and in random order. There is nothing here but what a method
needs to embed them: landmarks, the time of each frame, and the pictures where the set has them. Drivers, targets, clips
and generators are all called "hidden".

    nvfair embed FOLDER OUT.parquet --checkpoint CHECKPOINT
    nvfair submit init SUBMISSION

Submit embeddings: the board, which has the key to the names, makes the trials and the scores. Trying to find out which
videos belong together by other means than your method is against the rules.
"""


def write_blind_copy(
    dataset: Dataset,
    out: Path,
    key_file: Path,
    protocols: Sequence[Protocol],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> BlindKey:
    """Writes the blind copy of the test people's reenactments to the empty folder `out`, and its key to `key_file`.

    protocols: those that the set is to be used under; their windows are the same in the copy. progress: called with
    the number of videos that are done, and of all. A key that is there already is used again, so that the names stay.
    Returns the key.
    Raises NvfairError where people or licences do not permit to pass videos on, `out` is not empty, the key would lie
    in it, the key is of other data, or no video of the test people has a window.
    """
    lengths = plan_blind_copy(dataset, out, key_file, protocols)
    make_folder(out)
    key = _read_or_make_key(dataset, key_file, list(lengths))
    has_mesh = bool(dataset.meta.get("features", {}).get("mesh"))
    # Videos in the order of their random names, so that their order shows nothing.
    sources = sorted(lengths, key=lambda video: key.names[video])
    source_rows = dataset.usable().set_index("video", drop=False).loc[sources].to_dict("records")
    rows: list[dict[str, Any]] = []
    for source in source_rows:
        rows.append(_copy_video(dataset, source, key.names[source["video"]], lengths[source["video"]], out))
        if progress:
            progress(len(rows), len(sources))
    videos = pd.DataFrame(rows)
    videos = videos.assign(**plan_parts(videos))
    source_of = {key.names[video]: video for video in sources}
    for part, group in videos.groupby("part", sort=True):
        names = group.sort_values("first_row")["video"].tolist()
        _copy_tracks(dataset, out / str(part), {name: source_of[name] for name in names}, lengths, has_mesh)
    write_text(out / "README.md", _NOTE)
    finish_dataset(out, pd.DataFrame(columns=IDENTITIES_SCHEMA.names), videos, _meta(dataset, protocols, has_mesh))
    # Files before the folders that hold them: writing into a folder changes its time.
    for path in sorted(out.rglob("*"), reverse=True):
        os.utime(path, (_EPOCH, _EPOCH))
    os.utime(out, (_EPOCH, _EPOCH))
    return key


def plan_blind_copy(dataset: Dataset, out: Path, key_file: Path, protocols: Sequence[Protocol]) -> dict[str, int]:
    """Does what `write_blind_copy` does before it writes, and raises what it raises.

    Returns {video: number of its frames that are copied}.
    """
    if key_file.resolve().is_relative_to(out.resolve()):
        raise NvfairError("the key would lie in the copy that others get", where=key_file, remedy="put it elsewhere")
    if out.exists() and any(out.iterdir()):
        raise NvfairError("the folder is not empty", where=out, expected="a folder that is empty or not there")
    _check_publication(dataset)
    check_writable(out)
    lengths = _frames_needed_by_video(dataset, protocols)
    if not lengths:
        raise NvfairError("no reenactment of the test people has a window under these protocols", where=dataset.folder)
    if key_file.exists():
        _read_key(dataset, key_file, list(lengths))
    return lengths


def _check_publication(dataset: Dataset) -> None:
    """Raises NvfairError where a reenactment of the data set may not be passed on today."""
    videos = dataset.usable()
    videos = videos[videos["generator"].notna()]
    refused = [
        decision for decision in DatasetRights(dataset).decisions(videos, "redistribution") if not decision.permitted
    ]
    if refused:
        reasons = count_reasons(decision.reason for decision in refused)
        raise NvfairError(
            f"what people and licences say forbids to pass them on: {count_text(len(refused), 'reenactment')} "
            f"({reasons}); the first: {refused[0].detail}",
            where=dataset.folder,
            expected="a yes to redistribution from everybody, in a consent table or as permitted use 'any'",
            remedy="build the set from a recipe with a consent table and `use: [training, redistribution]`, which "
            "leaves out whoever has not agreed (docs/consent.md); or run a board on other data",
        )


def frames_needed(time: np.ndarray, valid: np.ndarray, protocols: Sequence[Protocol]) -> int:
    """The number of a video's first frames that its windows need; 0 where it has no window.

    time: (T,) seconds. valid: (T,), whether a frame has a face. The windows of those first frames are the windows of
    the whole video.
    """
    if len(time) == 0:
        return 0
    elapsed, needed = time - time[0], 0
    for protocol in protocols:
        window, stride, rate = protocol.time.window, protocol.time.stride, float(protocol.time.rate)
        # Frames at the protocol's rate, as resampling counts them.
        resampled = int(np.floor(elapsed[-1] * rate + _SNAP)) + 1
        resampled = resampled if protocol.time.frames is None else min(resampled, protocol.time.frames)
        if resampled < window:
            needed = len(time) if protocol.missing.short_videos != "exclude" else needed
            continue
        # The last resampled frame of the last window, and the first stored frame at or after its time.
        last = (resampled - window) // stride * stride + window - 1
        frames = int(np.searchsorted(elapsed, (last - _SNAP) / rate)) + 1
        # A frame without a face lies between two that have one: the second is needed to fill it in.
        while frames < len(time) and not valid[frames - 1]:
            frames += 1
        needed = max(needed, min(frames, len(time)))
    return needed


def _frames_needed_by_video(dataset: Dataset, protocols: Sequence[Protocol]) -> dict[str, int]:
    """{video: number of frames to copy} of the test people's reenactments that have a window."""
    videos = dataset.usable()
    splits = {protocol.split.test for protocol in protocols}
    videos = videos[videos["split"].isin(splits) & videos["generator"].notna()]
    lengths = {}
    for part in sorted(videos["part"].unique()):
        for video, _, valid, time in dataset.tracks(videos.loc[videos["part"] == part, "video"]):
            if frames := frames_needed(time, valid, protocols):
                lengths[video] = frames
    return lengths


def _read_key(dataset: Dataset, path: Path, videos: Sequence[str]) -> BlindKey:
    """The key of an earlier copy. Raises NvfairError where it is of other data, or of other videos."""
    key = read_key(path)
    if key.data != sha256_of(dataset.folder / "dataset.json") or set(key.names) != set(videos):
        raise NvfairError(
            "this key is of other data, or of other protocols", where=path, remedy="move it away to make a new one"
        )
    return key


def _read_or_make_key(dataset: Dataset, path: Path, videos: Sequence[str]) -> BlindKey:
    data = sha256_of(dataset.folder / "dataset.json")
    if path.exists():
        return _read_key(dataset, path, videos)
    unique_names: set[str] = set()
    while len(unique_names) < len(videos):
        unique_names.add(secrets.token_hex(8))
    names = list(unique_names)
    secrets.SystemRandom().shuffle(names)
    key = BlindKey(data, dict(zip(videos, names, strict=True)))
    make_folder(path.parent)
    write_key(path, key)
    return key


def _copy_video(dataset: Dataset, source: Mapping[Any, Any], name: str, frames: int, out: Path) -> dict[str, Any]:
    """Writes the video's first frames to the copy, where the set has a file; returns its row of the copy's table."""
    row: dict[str, Any] = dict.fromkeys(VIDEOS_SCHEMA.names)
    row.update(
        dict.fromkeys(("kind", "source", "clip", "clip_name", "generator", "generator_family"), HIDDEN),
        video=name, split=_SPLIT, target=_PERSON, driver=_PERSON, state="ok", reason="", detail="", frames=frames,
        licence=HIDDEN, consent=HIDDEN, permitted_use="benchmark only",
        **{column: source[column] for column in ("fps_num", "fps_den", "width", "height")},
    )  # fmt: skip
    if isinstance(source["path"], str):
        row["path"] = f"videos/{name}.mp4"
        row["sha256"] = _encode_without_tags(dataset.folder / source["path"], out / row["path"], source, frames)
    return row


def _encode_without_tags(path: Path, target: Path, source: Mapping[Any, Any], frames: int) -> str:
    """Encodes a video's first frames anew, without tags; returns the sha256 of the new file."""
    from nvfair_tools.media.decoding import decode
    from nvfair_tools.media.encoding import encode

    pictures = (frame.image for frame in islice(decode(path), frames))
    return encode(target, pictures, Fraction(int(source["fps_num"]), int(source["fps_den"]))).sha256


def _copy_tracks(
    dataset: Dataset, path: Path, source_of: dict[str, str], lengths: dict[str, int], has_mesh: bool
) -> None:
    """Writes a part file of the copy with the first frames of each video. source_of: {name in the copy: video id}."""
    tracks = dataset.tracks(source_of.values(), mesh=has_mesh)
    position = {str(video): n for n, video in enumerate(tracks.videos)}

    def first_frames(name: str) -> FrameRows:
        rows = tracks.rows(position[source_of[name]])
        first = slice(rows.start, rows.start + lengths[source_of[name]])
        return FrameRows(
            landmarks=tracks.landmarks[first],
            valid=tracks.valid[first],
            time=tracks.time[first] - tracks.time[rows.start],
            mesh=tracks.mesh[first] if tracks.mesh is not None else None,
        )

    labels = dict.fromkeys(source_of, _LABELS)
    write_part(path, labels, first_frames, with_distances=False, with_mesh=has_mesh)


def _meta(dataset: Dataset, protocols: Sequence[Protocol], has_mesh: bool) -> dict[str, Any]:
    """The metadata of the copy, for its dataset.json."""
    landmarks = dataset.meta.get("landmarks", {})
    return {
        "name": "blind copy of a hidden set",
        "blind": {"protocols": sorted(protocol.name for protocol in protocols)},
        "landmarks": {name: landmarks[name] for name in _SCHEME if name in landmarks},
        "features": {"distances": "none", "mesh": has_mesh},
        "tools": {"nvfair-tools": __version__},
        **{name: dataset.meta[name] for name in _COPIED_META if name in dataset.meta},
    }
