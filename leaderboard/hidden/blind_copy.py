"""A blind copy of a data set's test people: what method authors get of a set whose labels stay with the board.

It holds what embedding needs and no more: tracks, frame times, and pictures where there are any, encoded anew. Who
drives, whose face it is, which clip and which generator are left out; names are random, and their order with them.
Frames that no window of the protocols covers are cut off: the length of a clip would tell which videos share it.

The coordinates themselves are the originals': whoever has the hidden set's own videos or tracks can match them. They
must never be published, nor anything that was made from them by a generator that others can run.

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
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import (
    finish_dataset,
)
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import make_folder, sha256_of, write_text

HIDDEN = "hidden"
_PERSON = f"{HIDDEN}:{HIDDEN}"
_SPLIT = "test"
_EPOCH = 315_532_800  # 1980-01-01: when a file was written tells in which order the videos were taken
_SNAP = 1e-5  # of a frame, as in resampling
# What of dataset.json says how to read the tracks, and nothing about what was recorded.
_META = ("landmark_scheme", "simulated")
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

    protocols: those that the set is to be used under; their windows are the same in the copy. A key that is there
    already is used again, so that the names stay. Returns the key.
    Raises NvfairError where `out` holds something, the key would lie in it, the key is of other data, or no video of
    the test people has a window.
    """
    if key_file.resolve().is_relative_to(out.resolve()):
        raise NvfairError("the key would lie in the copy that others get", where=key_file, remedy="put it elsewhere")
    if out.exists() and any(out.iterdir()):
        raise NvfairError("there is something already", where=out, expected="a folder that is empty or not there")
    make_folder(out)
    lengths = _lengths(dataset, protocols)
    if not lengths:
        raise NvfairError("no reenactment of the test people has a window under these protocols", where=dataset.folder)
    key = _key(dataset, key_file, list(lengths))
    table = dataset.usable().set_index("video", drop=False)
    chosen = sorted(lengths, key=lambda video: key.names[video])
    rows: list[dict[str, Any]] = []
    for source in table.loc[chosen].to_dict("records"):
        rows.append(_row(dataset, source, key.names[source["video"]], lengths[source["video"]], out))
        if progress:
            progress(len(rows), len(chosen))
    videos = pd.DataFrame(rows)
    videos = videos.assign(**plan_parts(videos))
    source_of = {key.names[video]: video for video in chosen}
    mesh = bool(dataset.meta.get("features", {}).get("mesh"))
    for part, group in videos.groupby("part", sort=True):
        names = group.sort_values("first_row")["video"].tolist()
        _write(dataset, out / str(part), {name: source_of[name] for name in names}, lengths, mesh)
    write_text(out / "README.md", _NOTE)
    finish_dataset(out, pd.DataFrame(columns=IDENTITIES_SCHEMA.names), videos, _meta(dataset, protocols, mesh))
    for path in sorted(out.rglob("*"), reverse=True):
        os.utime(path, (_EPOCH, _EPOCH))
    os.utime(out, (_EPOCH, _EPOCH))
    return key


def frames_needed(time: np.ndarray, valid: np.ndarray, protocols: Sequence[Protocol]) -> int:
    """How many of a video's frames, time (T,) seconds and valid (T,), its windows need: 0 where it has none.

    The windows of the first so many frames are those of all.
    """
    if len(time) == 0:
        return 0
    since, most = time - time[0], 0
    for protocol in protocols:
        window, stride, rate = protocol.time.window, protocol.time.stride, float(protocol.time.rate)
        count = int(np.floor(since[-1] * rate + _SNAP)) + 1
        count = count if protocol.time.frames is None else min(count, protocol.time.frames)
        if count < window:
            most = len(time) if protocol.missing.short_videos == "mirror" else most
            continue
        last = (count - window) // stride * stride + window - 1
        frames = int(np.searchsorted(since, (last - _SNAP) / rate)) + 1
        # A frame without a face lies between two that have one: the second is needed to fill it in.
        while frames < len(time) and not valid[frames - 1]:
            frames += 1
        most = max(most, min(frames, len(time)))
    return most


def _lengths(dataset: Dataset, protocols: Sequence[Protocol]) -> dict[str, int]:
    """{video: frames to keep} of the test people's reenactments that have a window."""
    videos = dataset.usable()
    splits = {protocol.split.test for protocol in protocols}
    videos = videos[videos["split"].isin(splits) & videos["generator"].notna()]
    found = {}
    for part in sorted(videos["part"].unique()):
        for video, _, valid, time in dataset.tracks(videos.loc[videos["part"] == part, "video"]):
            if frames := frames_needed(time, valid, protocols):
                found[video] = frames
    return found


def _key(dataset: Dataset, path: Path, videos: Sequence[str]) -> BlindKey:
    data = sha256_of(dataset.folder / "dataset.json")
    if path.exists():
        key = read_key(path)
        if key.data != data or set(key.names) != set(videos):
            raise NvfairError(
                "this key is of other data, or of other protocols", where=path, remedy="move it away to make a new one"
            )
        return key
    names: set[str] = set()
    while len(names) < len(videos):
        names.add(secrets.token_hex(8))
    order = list(names)
    secrets.SystemRandom().shuffle(order)
    key = BlindKey(data, dict(zip(videos, order, strict=True)))
    make_folder(path.parent)
    write_key(path, key)
    return key


def _row(dataset: Dataset, source: Mapping[Any, Any], name: str, frames: int, out: Path) -> dict[str, Any]:
    """A row of the copy's table; writes the video's file where it has one."""
    row: dict[str, Any] = dict.fromkeys(VIDEOS_SCHEMA.names)
    row.update(
        dict.fromkeys(("kind", "source", "clip", "clip_name", "generator", "generator_family"), HIDDEN),
        video=name, split=_SPLIT, target=_PERSON, driver=_PERSON, state="ok", reason="", detail="", frames=frames,
        licence=HIDDEN, consent=HIDDEN, permitted_use="benchmark only",
        **{column: source[column] for column in ("fps_num", "fps_den", "width", "height")},
    )  # fmt: skip
    if isinstance(source["path"], str):
        row["path"] = f"videos/{name}.mp4"
        row["sha256"] = _encoded(dataset.folder / source["path"], out / row["path"], source, frames)
    return row


def _encoded(path: Path, target: Path, source: Mapping[Any, Any], frames: int) -> str:
    """Encodes the first frames anew, without tags; returns the new file's sha256."""
    from nvfair_tools.media.decoding import decode
    from nvfair_tools.media.encoding import encode

    pictures = (frame.image for frame in islice(decode(path), frames))
    return encode(target, pictures, Fraction(int(source["fps_num"]), int(source["fps_den"]))).sha256


def _write(dataset: Dataset, path: Path, source_of: dict[str, str], lengths: dict[str, int], mesh: bool) -> None:
    tracks = dataset.tracks(source_of.values(), mesh=mesh)
    number = {str(video): n for n, video in enumerate(tracks.videos)}

    def rows_of(name: str) -> FrameRows:
        rows = tracks.rows(number[source_of[name]])
        first = slice(rows.start, rows.start + lengths[source_of[name]])
        return FrameRows(
            landmarks=tracks.landmarks[first],
            valid=tracks.valid[first],
            time=tracks.time[first] - tracks.time[rows.start],
            mesh=tracks.mesh[first] if tracks.mesh is not None else None,
        )

    write_part(path, source_of, rows_of, with_distances=False, with_mesh=mesh)


def _meta(dataset: Dataset, protocols: Sequence[Protocol], mesh: bool) -> dict[str, Any]:
    return {
        "name": "blind copy of a hidden set",
        "blind": {"protocols": sorted(protocol.name for protocol in protocols)},
        "features": {"distances": "none", "mesh": mesh},
        "tools": {"nvfair-tools": __version__},
        **{name: dataset.meta[name] for name in _META if name in dataset.meta},
    }
