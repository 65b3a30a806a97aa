"""The landmark stage: the face is tracked anew in every reenactment, as by a stranger who has only the video."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import numpy as np

from nvfair_tools.curate.plans.renderings import RenderPlan
from nvfair_tools.curate.session import Session
from nvfair_tools.pipeline.id_template import IdTemplate, id_text, pack_ids, slot
from nvfair_tools.pipeline.items import ItemResult, ok
from nvfair_tools.pipeline.result_table import ResultTable, read_results
from nvfair_tools.recipe.landmarker_spec import LandmarkerSpec

VERSION = "1"


@dataclass(frozen=True)
class LandmarkTask:
    """The files of one reenactment to track.

    video: its file. rows: the file to write, with the rows of its frames. path: the same, relative to the data set.
    id: of the video. driver_track: the driving clip's track, whose times and length the reenactment has. mesh: whether
    to keep all 478 points.
    """

    id: str
    video: Path
    rows: Path
    path: str
    driver_track: Path
    mesh: bool


def frame_rows_ids(session: Session, videos: Sequence[str]) -> dict[str, str]:
    """Returns {video id: id of the rows of its frames}."""
    return dict(zip(videos, id_text(packed_rows_ids(session, pack_ids(videos))), strict=True))


def packed_rows_ids(session: Session, videos: np.ndarray) -> np.ndarray:
    """The packed ids (N,) of the rows of videos' frames. videos: packed ids (N,)."""
    return rows_template(session).ids((video.encode(),) for video in id_text(videos))


def rows_template(session: Session) -> IdTemplate:
    """The template of the ids of videos' rows; its slot 0 is the video's id."""
    landmarker = LandmarkerSpec.from_recipe(session.recipe).fingerprint()
    return IdTemplate("landmarks", video=slot(0), landmarker=landmarker, version=VERSION)


def track_reenactments(plan: RenderPlan, renderings: ResultTable) -> ResultTable:
    """Tracks the face in the videos that were rendered; returns the results of all planned videos, in the plan's order.

    facts: video (its id), valid_share, flags, detector, version, path, bytes. A reenactment without a face in any frame
    is ok here: that a method cannot acquire it is a result of the benchmark, which the column `valid` shows.
    """
    session, runner = plan.session, plan.session.runner
    rendered = np.flatnonzero(renderings.is_ok)
    ids = packed_rows_ids(session, plan.ids[rendered])
    results, done = runner.planned_results("landmarks", ids)
    runner.run_planned_items(
        "landmarks",
        partial(LandmarkWorker, LandmarkerSpec.from_recipe(session.recipe)),
        _tasks(plan, rendered[~done], ids[~done]),
        total=len(ids),
        finished=int(done.sum()),
    )
    if not done.all():
        results = read_results(runner.journal, "landmarks", ids)
    items = np.full(len(plan), -1, np.int32)
    items[rendered] = np.arange(len(rendered))
    return results.of(items)


def _tasks(plan: RenderPlan, videos: np.ndarray, ids: np.ndarray) -> Iterator[tuple[str, LandmarkTask]]:
    """(item id, task) of some videos. videos: their places in the plan. ids: packed, of their rows."""
    session = plan.session
    for number, place in enumerate(videos.tolist()):
        id = id_text(ids[number : number + 1])[0]
        rows = session.workspace.track_path(id)
        clip = plan.clips[plan.pair_of(place).clip_id]
        task = LandmarkTask(
            plan.id_of(place),
            session.dataset / plan.path_of(place),
            rows,
            rows.relative_to(session.dataset).as_posix(),
            session.workspace.track_path(clip.track_id),
            session.recipe.features.mesh,
        )
        yield id, task


class LandmarkWorker:
    """Tracks the face in reenactments."""

    def __init__(self, spec: LandmarkerSpec) -> None:
        self._landmarker = spec.create()

    def close(self) -> None:
        """Frees the models of its landmarker."""
        self._landmarker.close()

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
            video=task.id,
            valid_share=float(track.valid.mean()),
            flags=list(track.flags),
            detector=track.detector,
            version=track.version,
            path=task.path,
            bytes=task.rows.stat().st_size,
        )
