"""Checks that the segments of a person show that person, where the recipe has a recogniser.

Legend: N segments of a person, D embedding size; embeddings are unit vectors.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from nvfair_tools.curate.clip_checks.same_person import THRESHOLD
from nvfair_tools.curate.footage.cautions import CONFIRMED, OTHER, OTHER_PERSON
from nvfair_tools.curate.ingest import Clip
from nvfair_tools.curate.session import Session
from nvfair_tools.files import sha256_of
from nvfair_tools.pipeline.items import ItemResult, item_id, ok, rejected
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec

VERSION = "1"  # of which frames are embedded

CHECK, LIKENESS = "person_check", "person_likeness"  # facts of a clip
_FRAMES = 8
# Without a portrait, so many segments must agree on who the person is.
_LEAST_SEGMENTS = 3


@dataclass(frozen=True)
class PersonTask:
    """A face to embed: that of a video with its track, or that of a picture (track None)."""

    source: Path
    track: Path | None


def confirm_people(session: Session, clips: Sequence[Clip]) -> list[Clip]:
    """Compares the face of each usable segment with its person; returns all clips in the same order.

    The person is the listed portrait, else the segment that most resembles the person's others (of three or more).
    Segments below the threshold of `same_person` are rejected; all that were compared have the facts CHECK and
    LIKENESS. Without a recogniser nothing is compared.
    """
    spec = LandmarkerSpec.from_recipe(session.recipe)
    segments = [clip for clip in clips if clip.usable and clip.row.segment is not None]
    if spec.recogniser is None or not segments:
        return list(clips)
    fingerprint = spec.fingerprint()
    ids = {clip.id: item_id("person", track=clip.track_id, models=fingerprint, version=VERSION) for clip in segments}
    tasks = {ids[clip.id]: PersonTask(clip.row.path, session.workspace.track_path(clip.track_id)) for clip in segments}
    portraits: dict[str, str] = {}  # identity -> item id
    for clip in segments:
        picture = clip.row.portrait
        if picture is not None and clip.row.identity not in portraits:
            id = item_id("person", picture=sha256_of(picture), models=fingerprint, version=VERSION)
            portraits[clip.row.identity], tasks[id] = id, PersonTask(picture, None)
    session.runner.link_people((clip.row.identity, "person", ids[clip.id]) for clip in segments)
    session.runner.link_people((identity, "person", id) for identity, id in portraits.items())
    results = session.runner.run_items("person", partial(PersonWorker, spec), tasks)
    likeness: dict[str, float] = {}
    by_person: dict[str, list[Clip]] = defaultdict(list)
    for clip in segments:
        by_person[clip.row.identity].append(clip)
    for identity, of_person in by_person.items():
        known = [clip for clip in of_person if results[ids[clip.id]].state == "ok"]
        if not known:
            continue
        embeddings = np.array([results[ids[clip.id]].facts["embedding"] for clip in known])
        portrait = results[portraits[identity]] if identity in portraits else None
        if portrait is not None and portrait.state == "ok":
            cosines = embeddings @ np.array(portrait.facts["embedding"])
        else:
            cosines = likeness_to_person(embeddings)
        likeness |= {clip.id: float(cosine) for clip, cosine in zip(known, cosines, strict=True) if np.isfinite(cosine)}
    return [_checked(clip, likeness[clip.id]) if clip.id in likeness else clip for clip in clips]


def likeness_to_person(embeddings: np.ndarray) -> np.ndarray:
    """The cosines (N,) of embeddings (N, D) with the most typical of them; NaN where there are too few to tell."""
    if len(embeddings) < _LEAST_SEGMENTS:
        return np.full(len(embeddings), np.nan)
    cosines = embeddings @ embeddings.T
    typical = int(np.argmax(np.median(cosines, axis=1)))
    return np.asarray(cosines[typical])


def _checked(clip: Clip, cosine: float) -> Clip:
    is_person = cosine >= THRESHOLD
    facts = {**(clip.facts or {}), CHECK: CONFIRMED if is_person else OTHER, LIKENESS: round(cosine, 4)}
    if is_person:
        return replace(clip, facts=facts)
    detail = f"its face resembles the person's by a cosine of {cosine:.2f}; {THRESHOLD:g} and more are one person"
    return replace(clip, facts=facts, result=rejected(OTHER_PERSON, detail))


class PersonWorker:
    """Embeds the faces of segments and of portraits."""

    def __init__(self, spec: LandmarkerSpec) -> None:
        recogniser = spec.load_recogniser()
        assert recogniser is not None
        self._spec = spec
        self._recogniser = recogniser

    def run(self, task: PersonTask) -> ItemResult:
        """Embeds one face. facts: embedding, the unit mean of some frames' (D,)."""
        faces = self._faces_of_video(task) if task.track is not None else self._faces_of_picture(task)
        if not faces:
            return rejected("no_face", "there is no face to compare")
        mean = np.mean([self._recogniser.embed(image, mesh) for image, mesh in faces], axis=0)
        return ok(embedding=(mean / max(float(np.linalg.norm(mean)), 1e-12)).astype(float).tolist())

    def _faces_of_video(self, task: PersonTask) -> list[tuple[np.ndarray, np.ndarray]]:
        from nvfair_tools.landmarks.track import load_track
        from nvfair_tools.media import decode

        assert task.track is not None
        track = load_track(task.track)
        valid = np.flatnonzero(track.valid)
        if not len(valid):
            return []
        chosen = set(valid[np.linspace(0, len(valid) - 1, min(_FRAMES, len(valid))).round().astype(int)].tolist())
        return [(frame.image, track.mesh[frame.index]) for frame in decode(task.source) if frame.index in chosen]

    def _faces_of_picture(self, task: PersonTask) -> list[tuple[np.ndarray, np.ndarray]]:
        from nvfair_tools.curate.portraits import find_face
        from nvfair_tools.media.pictures import read_picture

        image = read_picture(task.source)
        landmarker = self._spec.create()
        try:
            mesh, _ = find_face(image, landmarker)
        finally:
            landmarker.close()
        return [] if mesh is None else [(image, mesh)]
