"""Measuring clips: while they are decoded for their tracks, or later from their files and stored tracks."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.curate.clip_checks.models import ClipModels
from nvfair_tools.curate.session import Session
from nvfair_tools.landmarks.track import Track
from nvfair_tools.media.decoding import whole_frames
from nvfair_tools.pipeline.items import ItemResult, failed, item_id, ok
from nvfair_tools.quality.clip_measures import ClipMeter, track_measures

STAGE = "clip checks"


@dataclass(frozen=True)
class MeasuredFile:
    """The files of a clip that was tracked. video: None where a track was listed in its place. facts: of its track."""

    identity: str
    track_id: str
    track: Path
    video: Path | None
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class MeasureTask:
    """A clip to measure. keep_truncated: whether a missing end is no error."""

    video: Path | None
    track: Path
    keep_truncated: bool


def measured_facts(meter: ClipMeter | None, track: Track, method: str) -> dict[str, Any]:
    """What was measured of a clip, as JSON values: method, measures and, where there is one, the face's embedding."""
    values = track_measures(track)
    facts: dict[str, Any] = {"method": method}
    if meter is not None:
        values |= meter.measures()
        if (embedding := meter.embedding()) is not None:
            # Half precision changes a cosine by less than 0.001.
            facts["embedding"] = base64.b64encode(embedding.astype("<f2").tobytes()).decode()
    return facts | {"measures": values}


def read_embedding(facts: Mapping[str, Any]) -> np.ndarray | None:
    """The unit embedding, float32 (D,), in what `measured_facts` returned; None where there is none."""
    if "embedding" not in facts:
        return None
    vector = np.frombuffer(base64.b64decode(facts["embedding"]), dtype="<f2").astype(np.float32)
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


def measure_files(session: Session, files: Iterable[MeasuredFile], models: ClipModels) -> dict[str, ItemResult]:
    """Measures clips; returns {track id: result with the facts of `measured_facts`}.

    Clips that were measured with the same networks while they were tracked are not decoded again.
    """
    files = list(files)
    results: dict[str, ItemResult] = {}
    ids: dict[str, str] = {}
    tasks: dict[str, MeasureTask] = {}
    for file in files:
        checks = file.facts.get("checks", {})
        if checks.get("method") == models.method:
            results[file.track_id] = ok(**checks)
            continue
        id = item_id(STAGE, track=file.track_id, method=models.method)
        ids[file.track_id] = id
        tasks[id] = MeasureTask(file.video, file.track, "truncated" in file.facts["flags"])
    session.runner.link_people((file.identity, STAGE, ids[file.track_id]) for file in files if file.track_id in ids)
    measured = session.runner.run_items(STAGE, partial(ClipMeasurer, models), tasks) if tasks else {}
    return results | {track_id: measured[id] for track_id, id in ids.items()}


class ClipMeasurer:
    """Measures clips whose tracks are stored."""

    def __init__(self, models: ClipModels) -> None:
        self._models = models
        self._loaded = models.load()

    def run(self, task: MeasureTask) -> ItemResult:
        """Measures one clip. facts: those of `measured_facts`."""
        from nvfair_tools.faces.framing import face_box
        from nvfair_tools.landmarks.track import load_track

        track = load_track(task.track)
        if task.video is None:
            return ok(**measured_facts(None, track, self._models.method))
        meter = self._loaded.meter(len(track))
        count = 0
        for frame in whole_frames(task.video, keep_truncated=task.keep_truncated):
            if frame.index < len(track):
                mesh = track.mesh[frame.index] if track.valid[frame.index] else None
                # The track holds one face. A second one is known from its flags, or by a detector.
                faces = [] if mesh is None or "several_faces" in track.flags else [face_box(mesh)]
                meter.add(frame, mesh, faces)
            count += 1
        if count != len(track):
            text = f"the file has {count} frames, and its track {len(track)}"
            return failed("unusable_track", f"{text}; it changed while it was read", retryable=True)
        return ok(**measured_facts(meter, track, self._models.method))
