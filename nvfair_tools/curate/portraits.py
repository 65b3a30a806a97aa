"""Portraits: one source image for each target, fixed for the data set, for self- and cross-reenactment alike.

A picture from the list of clips, or the most frontal, neutral and sharp frame of one of the person's clips, which then
never drives.

Legend: T frames; meshes are (478, 3) in pixels, z in the same unit.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.session import Session
from nvfair_tools.faces.frontality import pose_costs
from nvfair_tools.files import sha256_of
from nvfair_tools.identity import identity_file_name
from nvfair_tools.landmarks.landmarker import Landmarker
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.media.pictures import read_picture, reading_version
from nvfair_tools.pipeline.items import ItemResult, item_id, ok, rejected
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec

VERSION = "1"  # of how a frame is chosen

NEUTRAL = "neutral"
# Frames whose cost is within one unit of the best are equals; the sharpest of the first twelve is taken.
_EQUAL_COST, _MAX_CANDIDATES = 1.0, 12
# Flags of clips in which another person may be seen at another time.
_OTHER_PERSON_FLAGS = frozenset(("hard_cut", "identity_changes", "face_jumped"))
_LUMA = np.array([0.299, 0.587, 0.114])  # ITU-R BT.601


@dataclass(frozen=True)
class Portrait:
    """The source image of one person, and how it was made.

    id: hash of what determines it, also the id of the one-frame track with its mesh. path: relative to the data set.
    clip_id: id of the clip that it was taken from, "" where the list of clips names a picture. flags: see
    `make_portraits`.
    """

    id: str
    identity: str
    path: str
    clip_id: str
    flags: tuple[str, ...]
    result: ItemResult


@dataclass(frozen=True)
class PortraitTask:
    """The files of one portrait to make.

    source: a picture, or the clip that goes with `clip_track`. output, path: the file to write, absolute and relative
    to the data set. track: the file to write with the mesh.
    """

    source: Path
    clip_track: Path | None
    output: Path
    path: str
    track: Path
    keep_truncated: bool


def make_portraits(session: Session, clips: Iterable[Clip]) -> dict[str, Portrait]:
    """Makes the portrait of every person with a usable clip; returns {identity: portrait}.

    A person of whom tracks alone are usable has no face to take, so a portrait only where the list names a picture.
    Nothing is made of a person who may not be a target: the portrait is rejected with the reason.

    flags: "portrait_given": the list of clips names a picture; "single_clip": the person has only the clip that the
    portrait comes from, which therefore drives as well; "portrait_several_faces": the picture has more than one face,
    of which the largest was taken.
    """
    clips_by_person: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        if clip.usable:
            clips_by_person[clip.row.identity].append(clip)
    landmarker = LandmarkerSpec.from_recipe(session.recipe)
    fingerprint = landmarker.fingerprint()
    tasks: dict[str, PortraitTask] = {}
    planned: dict[str, tuple[str, str, tuple[str, ...]]] = {}  # id -> identity, clip id, flags
    ids_by_picture: dict[str, list[str]] = defaultdict(list)
    refused: dict[str, Portrait] = {}
    for identity, person_clips in sorted(clips_by_person.items()):
        decision = session.permissions.of_face([clip.row for clip in person_clips])
        if not decision.permitted:
            refused[identity] = Portrait("", identity, "", "", (), rejected(decision.reason, decision.detail))
            continue
        picture = person_clips[0].row.portrait
        videos = [clip for clip in person_clips if not clip.row.is_track]
        if picture is None and not videos:
            continue
        if picture is not None:
            origin = {"picture": sha256_of(picture)}
            if reading := reading_version(picture):
                origin["reading"] = reading
            source, clip_track, clip_id = picture, None, ""
            flags: tuple[str, ...] = ("portrait_given",)
        else:
            clip = choose_clip(videos)
            origin = {"track": clip.track_id}
            source, clip_track, clip_id = clip.row.path, session.workspace.track_path(clip.track_id), clip.id
            flags = ("single_clip",) if len(person_clips) == 1 else ()
        id = item_id("portrait", identity=identity, landmarker=fingerprint, version=VERSION, **origin)
        path = f"portraits/{identity_file_name(identity)}.png"
        tasks[id] = PortraitTask(
            source,
            clip_track,
            session.dataset / path,
            path,
            session.workspace.track_path(id),
            session.recipe.policy.truncated == "keep",
        )
        planned[id] = (identity, clip_id, flags)
        if picture is not None:
            ids_by_picture[origin["picture"]].append(id)
    paths = {id: task.path for id, task in tasks.items()}
    conflicts: dict[str, ItemResult] = {}
    for ids in ids_by_picture.values():
        if len(ids) > 1:
            people = ", ".join(planned[id][0] for id in ids)
            conflicts |= dict.fromkeys(
                ids, rejected("conflicting_identity", f"the same picture is listed for {people}")
            )
    tasks = {id: task for id, task in tasks.items() if id not in conflicts}
    session.runner.link_people((identity, "portrait", id) for id, (identity, _, _) in planned.items())
    results = conflicts | session.runner.run_items(
        "portrait", partial(PortraitWorker, landmarker), tasks, outputs={id: paths[id] for id in tasks}
    )
    portraits = refused
    for id, (identity, clip_id, flags) in planned.items():
        if results[id].facts.get("several_faces"):
            flags = (*flags, "portrait_several_faces")
        portraits[identity] = Portrait(id, identity, paths[id], clip_id, flags, results[id])
    return portraits


def choose_clip(clips: Sequence[Clip]) -> Clip:
    """Chooses the clip that gives the portrait: one that shows one person throughout, as far as its flags say, then a
    neutral one, then the most frontal; ties by id."""

    def rank(clip: Clip) -> tuple[bool, bool, float, str]:
        assert clip.facts is not None
        may_show_others = not _OTHER_PERSON_FLAGS.isdisjoint(clip.facts["flags"])
        return may_show_others, clip.row.emotion.casefold() != NEUTRAL, clip.facts["pose_cost"], clip.id

    return min(clips, key=rank)


def sharpness(image: np.ndarray, mesh: np.ndarray) -> float:
    """Variance of the Laplacian of the face's box in uint8 RGB (H, W, 3), relative to the box's brightness variance."""
    # The box around the mesh, in whole pixels inside the image, as brightness.
    low = np.maximum(np.floor(mesh[:, :2].min(axis=0)), 0).astype(int)
    high = np.ceil(mesh[:, :2].max(axis=0)).astype(int)
    grey = image[low[1] : high[1], low[0] : high[0]].astype(np.float64) @ _LUMA
    if min(grey.shape, default=0) < 3:
        return 0.0
    # The five-point Laplacian: the four neighbours less four times the pixel.
    laplacian = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:] - 4.0 * grey[1:-1, 1:-1]
    return float(laplacian.var() / max(grey.var(), 1e-6))


def find_face(image: np.ndarray, landmarker: Landmarker) -> tuple[np.ndarray | None, bool]:
    """Finds the largest face in uint8 RGB (H, W, 3): its mesh (478, 3) or None, and whether there are more faces."""
    from nvfair_tools.landmarks.tracking import track_frames
    from nvfair_tools.media import Frame

    track = track_frames([Frame(0, 0.0, image)], landmarker, (image.shape[1], image.shape[0]))
    return (track.mesh[0] if track.valid[0] else None), "several_faces" in track.flags


class PortraitWorker:
    """Takes portraits from clips, and finds the face in pictures."""

    def __init__(self, spec: LandmarkerSpec) -> None:
        self._spec = spec
        self._landmarker: Landmarker | None = None

    def close(self) -> None:
        """Frees the models of its landmarker."""
        if self._landmarker is not None:
            self._landmarker.close()

    def run(self, task: PortraitTask) -> ItemResult:
        """Writes the portrait and its one-frame track. facts: path, bytes, sha256, frame (index in the clip),
        several_faces (of a picture)."""
        from PIL import Image

        from nvfair_tools.files import atomic_output
        from nvfair_tools.landmarks.track import Track, save_track

        several_faces, frame = False, None
        if task.clip_track is None:
            image = read_picture(task.source)
            self._landmarker = self._landmarker or self._spec.create()
            mesh, several_faces = find_face(image, self._landmarker)
        else:
            image, mesh, frame = self._from_clip(task)
        if mesh is None:
            return rejected("no_face", "no face was found in the given portrait")
        height, width = image.shape[:2]
        save_track(
            task.track,
            Track(
                mesh[None], np.ones(1, bool), np.array([""], object), np.zeros(1), (width, height), "portrait", VERSION
            ),
        )
        with atomic_output(task.output) as aside:
            Image.fromarray(image).save(aside, format="PNG")
        return ok(
            path=task.path,
            bytes=task.output.stat().st_size,
            sha256=sha256_of(task.output),
            frame=frame,
            several_faces=several_faces,
        )

    def _from_clip(self, task: PortraitTask) -> tuple[np.ndarray, np.ndarray, int]:
        """The best frame of a clip, its mesh and its index."""
        from nvfair_tools.landmarks.track import load_track

        assert task.clip_track is not None
        mesh = load_track(task.clip_track).mesh
        costs = pose_costs(mesh)
        costs = np.where(np.isfinite(costs), costs, np.inf)
        by_cost = np.argsort(costs, kind="stable")[:_MAX_CANDIDATES]
        candidates = {int(index) for index in by_cost if costs[index] <= costs[by_cost[0]] + _EQUAL_COST}
        best: tuple[float, int, np.ndarray] | None = None
        for frame in whole_frames(task.source, keep_truncated=task.keep_truncated):
            if frame.index in candidates:
                frame_sharpness = sharpness(frame.image, mesh[frame.index])
                if best is None or frame_sharpness > best[0]:
                    best = frame_sharpness, frame.index, frame.image
            if frame.index >= max(candidates):
                break
        if best is None:
            raise ValueError(f"the clip has none of the frames {sorted(candidates)} that its track has")
        return best[2], mesh[best[1]], best[1]
