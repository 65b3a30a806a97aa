"""Portraits: one source image a target, fixed for the data set, for self- and cross-reenactment alike.

Legend: T frames; meshes are (478, 3) in pixels, z in the same unit.
A given picture, or the most frontal, neutral and sharp frame of one of the person's clips, which then never drives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nvfair_tools.curate.ingest import (
    Clip,
)
from nvfair_tools.curate.session import Session
from nvfair_tools.faces.frontality import pose_costs
from nvfair_tools.files import sha256_of
from nvfair_tools.identity import identity_file_name
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.pipeline.items import ItemResult, item_id, ok, rejected
from nvfair_tools.pipeline.stage import run_stage, single_items
from nvfair_tools.recipe.landmarker_spec import Tracker

VERSION = "1"  # of how a frame is chosen

# Frames whose cost is within one unit of the best are equals; the sharpest of them is taken.
_EQUAL, _CANDIDATES = 1.0, 12
NEUTRAL = "neutral"


@dataclass(frozen=True)
class Portrait:
    """A person's source image. id: of what determines it. path: relative to the data set. clip: id of the clip it was
    taken from, "" where it was given. track: id of the one-frame track with its mesh. flags: see `choose`."""

    id: str
    identity: str
    path: str
    clip: str
    flags: tuple[str, ...]
    result: ItemResult


def sharpness(image: np.ndarray, mesh: np.ndarray) -> float:
    """Variance of the Laplacian of the face's box in uint8 RGB (H, W, 3), relative to the box's brightness variance."""
    low = np.maximum(np.floor(mesh[:, :2].min(axis=0)), 0).astype(int)
    high = np.ceil(mesh[:, :2].max(axis=0)).astype(int)
    grey = image[low[1] : high[1], low[0] : high[0]].astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    if min(grey.shape, default=0) < 3:
        return 0.0
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4.0 * grey[1:-1, 1:-1]
    return float(laplacian.var() / max(grey.var(), 1e-6))


def choose_clip(clips: Sequence[Clip]) -> Clip:
    """The clip that gives the portrait: a neutral one where there is one, then the most frontal; ties by id."""
    return min(clips, key=lambda clip: (clip.row.emotion != NEUTRAL, clip.facts["pose_cost"], clip.id))  # type: ignore[index]


def portraits(session: Session, clips: Iterable[Clip]) -> dict[str, Portrait]:
    """The portrait of every person with a usable clip. flags: "portrait_given"; "single_clip": the person has only
    the clip that the portrait comes from, which therefore drives all the same."""
    people: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.usable:
            people[clip.row.identity].append(clip)
    tracker = Tracker.of(session.recipe)
    landmarker = tracker.id()
    tasks, known = {}, {}
    for identity, own in sorted(people.items()):
        given = own[0].row.portrait
        path = f"portraits/{identity_file_name(identity)}.png"
        chosen = None if given is not None else choose_clip(own)
        if chosen is None:
            assert given is not None
            origin = {"picture": sha256_of(given)}
            source, track, flag = given, None, "portrait_given"
        else:
            origin = {"track": chosen.track}
            source, track, flag = chosen.row.path, session.workspace.track(chosen.track), "single_clip"
        flags = () if chosen is not None and len(own) > 1 else (flag,)
        id = item_id("portrait", identity=identity, landmarker=landmarker, version=VERSION, **origin)
        tasks[id] = PortraitTask(
            source,
            track,
            session.dataset / path,
            path,
            session.workspace.track(id),
            session.recipe.policy.truncated == "keep",
        )
        known[id] = (identity, path, "" if chosen is None else chosen.id, flags)
    factory = partial(PortraitWorker, tracker)
    results = run_stage(
        session.runner, "portrait", factory, single_items(tasks), outputs={id: task.path for id, task in tasks.items()}
    )
    return {
        identity: Portrait(id, identity, path, clip_id, flags, results[id])
        for id, (identity, path, clip_id, flags) in known.items()
    }


@dataclass(frozen=True)
class PortraitTask:
    """source: a picture, or the clip that goes with `clip_track`. picture, path: where the portrait goes, on this
    machine and in the data set. track: where its mesh goes."""

    source: Path
    clip_track: Path | None
    picture: Path
    path: str
    track: Path
    keep_truncated: bool


class PortraitWorker:
    """Takes portraits from clips and finds the face in given ones."""

    def __init__(self, tracker: Tracker) -> None:
        self._tracker = tracker

    def prepare(self, shared: None) -> None:
        """Nothing is shared."""

    def run(self, prepared: None, task: PortraitTask) -> ItemResult:
        """Writes the portrait and its one-frame track. facts: path, bytes, sha256, frame (index in the clip)."""
        from PIL import Image

        from nvfair_tools.files import atomic_output
        from nvfair_tools.landmarks.track import Track, save_track

        image, mesh, frame = self._from_picture(task) if task.clip_track is None else self._from_clip(task)
        if mesh is None:
            return rejected("no_face", "no face was found in the given portrait")
        height, width = image.shape[:2]
        save_track(
            task.track,
            Track(
                mesh[None], np.ones(1, bool), np.array([""], object), np.zeros(1), (width, height), "portrait", VERSION
            ),
        )
        with atomic_output(task.picture) as aside:
            Image.fromarray(image).save(aside, format="PNG")
        return ok(path=task.path, bytes=task.picture.stat().st_size, sha256=sha256_of(task.picture), frame=frame)

    def _from_picture(self, task: PortraitTask) -> tuple[np.ndarray, np.ndarray | None, int | None]:
        from PIL import Image, ImageOps

        from nvfair_tools.landmarks.tracking import track_frames
        from nvfair_tools.media import Frame

        with Image.open(task.source) as picture:
            image = np.asarray(ImageOps.exif_transpose(picture).convert("RGB"))
        size = (image.shape[1], image.shape[0])
        track = track_frames([Frame(0, 0.0, image)], self._tracker.make(), size)
        return image, track.mesh[0] if track.valid[0] else None, None

    def _from_clip(self, task: PortraitTask) -> tuple[np.ndarray, np.ndarray | None, int | None]:
        from nvfair_tools.landmarks.track import load_track

        assert task.clip_track is not None
        mesh = load_track(task.clip_track).mesh
        costs = np.where(np.isfinite(costs := pose_costs(mesh)), costs, np.inf)
        order = np.argsort(costs, kind="stable")[:_CANDIDATES]
        wanted = {int(index) for index in order if costs[index] <= costs[order[0]] + _EQUAL}
        best: tuple[float, int, np.ndarray] | None = None
        for frame in whole_frames(task.source, keep_truncated=task.keep_truncated):
            if frame.index in wanted:
                found = sharpness(frame.image, mesh[frame.index])
                if best is None or found > best[0]:
                    best = found, frame.index, frame.image
            if frame.index >= max(wanted):
                break
        if best is None:
            raise ValueError(f"the clip has none of the frames {sorted(wanted)} that its track has")
        return best[2], mesh[best[1]], best[1]
