"""The landmark stage: the face is tracked anew in every reenactment, as by a stranger who has only the video."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nvfair_tools.curate.session import Session
from nvfair_tools.pipeline.items import ItemResult, item_id, ok
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec

VERSION = "1"


@dataclass(frozen=True)
class LandmarkTask:
    """The files of one reenactment to track.

    video: its file. rows: the file to write, with the rows of its frames. path: the same, relative to the data set.
    driver_track: the driving clip's track, whose times and length the reenactment has. mesh: whether to keep all 478
    points.
    """

    video: Path
    rows: Path
    path: str
    driver_track: Path
    mesh: bool


def frame_rows_ids(session: Session, videos: Iterable[str]) -> dict[str, str]:
    """Returns {video id: id of the rows of its frames}."""
    landmarker = LandmarkerSpec.from_recipe(session.recipe).fingerprint()
    return {video: item_id("landmarks", video=video, landmarker=landmarker, version=VERSION) for video in videos}


def track_reenactments(session: Session, videos: Mapping[str, tuple[str, str]]) -> dict[str, ItemResult]:
    """Tracks the face in reenactments; returns {video id: result}.

    videos: {video id: (path relative to the data set, track id of the driving clip)}. facts: valid_share, flags,
    detector, version, path, bytes. A reenactment without a face in any frame is ok here: that a method cannot acquire
    it is a result of the benchmark, which the column `valid` of the rows shows.
    """
    workspace = session.workspace
    ids = frame_rows_ids(session, videos)
    tasks = {}
    for video, (path, driver_track_id) in videos.items():
        rows = workspace.track_path(ids[video])
        tasks[ids[video]] = LandmarkTask(
            session.dataset / path,
            rows,
            rows.relative_to(session.dataset).as_posix(),
            workspace.track_path(driver_track_id),
            session.recipe.features.mesh,
        )
    results = session.runner.run_items(
        "landmarks",
        partial(LandmarkWorker, LandmarkerSpec.from_recipe(session.recipe)),
        tasks,
        outputs={id: task.path for id, task in tasks.items()},
    )
    return {video: results[id] for video, id in ids.items()}


class LandmarkWorker:
    """Tracks the face in reenactments."""

    def __init__(self, spec: LandmarkerSpec) -> None:
        self._landmarker = spec.create()

    def run(self, task: LandmarkTask) -> ItemResult:
        """Writes the rows of one reenactment; `track_reenactments` lists the facts."""
        from nvfair_tools.curate.frame_store import frame_rows, save_frame_rows
        from nvfair_tools.landmarks.track import load_track
        from nvfair_tools.landmarks.tracking import track_video

        track = track_video(task.video, self._landmarker)
        driver_track = load_track(task.driver_track)
        if len(track) != len(driver_track):
            raise ValueError(f"the reenactment has {len(track)} frames, but its driving clip {len(driver_track)}")
        # The file's constant rate is the mean of the clip's: a variable rate is kept in the times alone.
        track = replace(track, time=driver_track.time)
        save_frame_rows(task.rows, frame_rows(track, mesh=task.mesh))
        return ok(
            valid_share=float(track.valid.mean()),
            flags=list(track.flags),
            detector=track.detector,
            version=track.version,
            path=task.path,
            bytes=task.rows.stat().st_size,
        )
