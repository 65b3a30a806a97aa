"""Shards: the Parquet parts that hold a data set's frames, planned from ids and lengths alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.curate.session import Session
from nvfair_tools.dataset.labels import VideoLabels, has_labels, labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.errors import Problems
from nvfair_tools.features import Scale
from nvfair_tools.pipeline.id_template import IdTemplate, id_text
from nvfair_tools.pipeline.items import ItemResult, item_id, ok

VERSION = "1"
# In the ids of parts since the first format. What a later one added, `_remove_other_labels` sees in the parts.
_FORMAT_IN_IDS = 1


@dataclass(frozen=True)
class StoredFrames:
    """A file with a video's frames, before they are in a part.

    id: hash of what determines the frames. is_track: whether the file is a whole track or only its rows (see
    `frame_store`).
    """

    id: str
    file: Path
    is_track: bool


@dataclass(frozen=True)
class StoredFrameFiles:
    """The files with the frames of a build's videos by video id, each made when it is asked for.

    clips: those of real videos. rows: the template of the ids of reenactments' rows. track_path: from an id to a file.
    """

    clips: Mapping[str, StoredFrames]
    rows: IdTemplate
    track_path: Callable[[str], Path]

    def __getitem__(self, video: str) -> StoredFrames:
        if video in self.clips:
            return self.clips[video]
        id = id_text(self.rows.ids([self.rows.arguments(video)]))[0]
        return StoredFrames(id, self.track_path(id), False)


@dataclass(frozen=True)
class ShardTask:
    """The files and settings of one part to write. output, path: its file, absolute and relative to the data set.
    videos: (video id, its frames) in order. labels: of each video, in the same order."""

    output: Path
    path: str
    videos: tuple[tuple[str, StoredFrames], ...]
    labels: tuple[VideoLabels, ...]
    distances: bool
    mesh: bool
    scale: Scale


def write_shards(
    session: Session, videos: pd.DataFrame, frames: Mapping[str, StoredFrames] | StoredFrameFiles
) -> pd.DataFrame:
    """Writes the parts with the frames of those `videos` that are ok; parts of an earlier recipe are removed.

    videos: with the columns video, state, driver, target, generator, split, frames. frames: by video id. Returns the
    whole table with its columns part and first_row filled. Raises Problems where a part could not be written.
    """
    rule = session.recipe.features
    usable = videos[videos["state"] == "ok"]
    plan = plan_parts(usable, rule.rows_per_part)
    usable = usable.assign(part=plan["part"], first_row=plan["first_row"])
    tasks = _ShardTasks.planned(session, usable, frames)
    _remove_other_labels(session.dataset, tasks)
    results = session.runner.run_items("shard", ShardWorker, tasks, outputs=tasks.paths)
    problems = [
        f"{tasks.paths[id]}: {result.reason}: {result.detail}" for id, result in results.items() if result.state != "ok"
    ]
    if problems:
        raise Problems(session.dataset, problems, remedy="run the same command again; finished parts are kept")
    _remove_other_parts(session.dataset, set(tasks.paths.values()))
    videos = videos.assign(
        part=usable["part"].reindex(videos.index), first_row=usable["first_row"].reindex(videos.index)
    )
    videos["first_row"] = videos["first_row"].astype("Int64")
    return videos


@dataclass(frozen=True, eq=False)
class _ShardTasks(Mapping[str, ShardTask]):
    """The parts to write, by item id; each task, with its thousands of videos, is made when it is asked for.

    videos: the rows of all videos that parts hold. paths: relative to the data set, by item id. rows: the places of
    each part's videos in `videos`, in order.
    """

    session: Session
    videos: pd.DataFrame
    frames: Mapping[str, StoredFrames] | StoredFrameFiles
    paths: Mapping[str, str]
    rows: Mapping[str, np.ndarray]

    @classmethod
    def planned(
        cls, session: Session, usable: pd.DataFrame, frames: Mapping[str, StoredFrames] | StoredFrameFiles
    ) -> _ShardTasks:
        """The tasks of all parts. usable: the videos that parts hold, with their part and first_row."""
        rule = session.recipe.features
        videos, first_row = usable["video"].to_numpy(), usable["first_row"].to_numpy()
        paths: dict[str, str] = {}
        rows: dict[str, np.ndarray] = {}
        for path, members in sorted(usable.groupby("part", sort=True).indices.items()):
            places = np.asarray(members)
            places = places[np.argsort(first_row[places], kind="stable")]
            id = item_id(
                "shard",
                path=str(path),
                videos=[[video, frames[video].id] for video in videos[places].tolist()],
                distances=rule.distances,
                mesh=rule.mesh,
                scale=rule.scale,
                format=_FORMAT_IN_IDS,
                version=VERSION,
            )
            paths[id], rows[id] = str(path), places
        return cls(session, usable, frames, paths, rows)

    def labels(self, id: str) -> dict[str, VideoLabels]:
        """The labels of a part's videos by video id, in order."""
        return labels_by_video(self.videos.iloc[self.rows[id]])

    def __getitem__(self, id: str) -> ShardTask:
        rule, path = self.session.recipe.features, self.paths[id]
        labels = self.labels(id)
        return ShardTask(
            self.session.dataset / path,
            path,
            tuple((video, self.frames[video]) for video in labels),
            tuple(labels.values()),
            rule.distances != "none",
            rule.mesh,
            rule.scale,
        )

    def __iter__(self) -> Iterator[str]:
        return iter(self.paths)

    def __len__(self) -> int:
        return len(self.paths)


def _remove_other_labels(dataset: Path, tasks: _ShardTasks) -> None:
    """Removes parts whose rows have other labels than their videos, or none, as those of the first format: ids of parts
    follow from the videos' content, which stays where a list now names another person."""
    others = [
        dataset / path
        for id, path in tasks.paths.items()
        if (dataset / path).exists() and not has_labels(dataset / path, tasks.labels(id))
    ]
    if others:
        (dataset / "dataset.json").unlink(missing_ok=True)  # the data set is unfinished until it is written again
    for path in others:
        path.unlink()


def _remove_other_parts(dataset: Path, planned: set[str]) -> None:
    """Removes parts that no plan names, which would be read as part of the data set; then empty folders."""
    for path in sorted((dataset / "frames").rglob("*.parquet")):
        if path.relative_to(dataset).as_posix() not in planned:
            path.unlink()
    for folder in sorted((dataset / "frames").rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


class ShardWorker:
    """Writes parts from the files with videos' frames."""

    def run(self, task: ShardTask) -> ItemResult:
        """Writes one part. facts: path, bytes, rows."""
        from nvfair_tools.curate.frame_store import load_frame_rows

        stored = dict(task.videos)
        rows = write_part(
            task.output,
            dict(zip(stored, task.labels, strict=True)),
            lambda video: load_frame_rows(stored[video].file, is_track=stored[video].is_track, mesh=task.mesh),
            with_distances=task.distances,
            with_mesh=task.mesh,
            scale=task.scale,
        )
        return ok(path=task.path, bytes=task.output.stat().st_size, rows=rows)
