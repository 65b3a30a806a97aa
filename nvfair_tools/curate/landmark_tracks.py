"""Landmarks: the face is tracked anew in every reenactment, as a stranger who is given only the video would do it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from nvfair_tools.curate.session import Session
from nvfair_tools.pipeline.items import ItemResult, item_id, ok
from nvfair_tools.pipeline.stage import run_stage, single_items
from nvfair_tools.recipe.landmarker_spec import Tracker

VERSION = "1"


@dataclass(frozen=True)
class LandmarkTask:
    """video, rows: the reenactment and where its frames' rows go. path: the latter, relative to the data set.
    driver: the driving clip's track, whose times and length the reenactment has. mesh: whether to keep all points."""

    video: Path
    rows: Path
    path: str
    driver: Path
    mesh: bool


def rows_ids(session: Session, videos: Mapping[str, object]) -> dict[str, str]:
    """{video id: id of its frames' rows}."""
    landmarker = Tracker.of(session.recipe).id()
    return {video: item_id("landmarks", video=video, landmarker=landmarker, version=VERSION) for video in videos}


def landmarks(session: Session, videos: Mapping[str, tuple[str, str]]) -> dict[str, ItemResult]:
    """{video id: result}. videos: id -> (path relative to the data set, track id of the driving clip).

    facts: valid_share, flags, detector, version, path, bytes. A reenactment without a face in any
    frame is ok here: that a method cannot acquire it is a finding, which the rows' `valid` tells.
    """
    workspace = session.workspace
    ids = rows_ids(session, videos)
    tasks = {
        ids[video]: LandmarkTask(
            session.dataset / path,
            workspace.track(ids[video]),
            workspace.track(ids[video]).relative_to(session.dataset).as_posix(),
            workspace.track(driver),
            session.recipe.features.mesh,
        )
        for video, (path, driver) in videos.items()
    }
    factory = partial(LandmarkWorker, Tracker.of(session.recipe))
    results = run_stage(
        session.runner, "landmarks", factory, single_items(tasks), outputs={id: task.path for id, task in tasks.items()}
    )
    return {video: results[id] for video, id in ids.items()}


class LandmarkWorker:
    """Tracks reenactments."""

    def __init__(self, tracker: Tracker) -> None:
        self._landmarker = tracker.make()

    def prepare(self, shared: None) -> None:
        """Nothing is shared."""

    def run(self, prepared: None, task: LandmarkTask) -> ItemResult:
        """Writes the rows; see `landmarks` for the facts."""
        from nvfair_tools.curate.frame_store import rows_of_track, save_rows
        from nvfair_tools.landmarks.track import load_track
        from nvfair_tools.landmarks.tracking import track_video

        track = track_video(task.video, self._landmarker)
        driver = load_track(task.driver)
        if len(track) != len(driver):
            raise ValueError(f"the reenactment has {len(track)} frames, but its driving clip {len(driver)}")
        # The file's constant rate is the mean of the clip's: a variable one lives on in the times alone.
        track = replace(track, time=driver.time)
        save_rows(task.rows, rows_of_track(track, mesh=task.mesh))
        return ok(
            valid_share=float(track.valid.mean()),
            flags=list(track.flags),
            detector=track.detector,
            version=track.version,
            path=task.path,
            bytes=task.rows.stat().st_size,
        )
