"""Shards: the Parquet parts that hold a data set's frames, planned from ids and lengths alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nvfair_tools.curate.session import Session
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.schema import FORMAT_VERSION
from nvfair_tools.errors import Problems
from nvfair_tools.features import Scale
from nvfair_tools.pipeline.items import ItemResult, item_id, ok
from nvfair_tools.pipeline.stage import run_stage, single_items

VERSION = "1"


@dataclass(frozen=True)
class FramesAt:
    """Where a video's frames lie until they are in a part. id: of their content. track: whether it is a track file."""

    id: str
    file: Path
    track: bool


@dataclass(frozen=True)
class ShardTask:
    """A part to write: output and the same path relative to the data set; its videos in order with their frames."""

    output: Path
    path: str
    videos: tuple[tuple[str, FramesAt], ...]
    distances: bool
    mesh: bool
    scale: Scale


def shards(session: Session, videos: pd.DataFrame, frames: Mapping[str, FramesAt]) -> pd.DataFrame:
    """Writes the parts of `videos` (columns video, split, generator, frames) and returns them with the columns part
    and first_row. Parts of an earlier recipe are removed. Raises Problems where a part could not be written."""
    rule = session.recipe.features
    planned = plan_parts(videos, rule.rows_per_part)
    placed = videos.assign(part=planned["part"], first_row=planned["first_row"])
    tasks: dict[str, ShardTask] = {}
    for part, group in placed.groupby("part", sort=True):
        ordered = group.sort_values("first_row")["video"].tolist()
        held = tuple((video, frames[video]) for video in ordered)
        task = ShardTask(session.dataset / str(part), str(part), held, rule.distances != "none", rule.mesh, rule.scale)
        told = [[video, at.id] for video, at in held]
        id = item_id(
            "shard",
            path=task.path,
            videos=told,
            distances=rule.distances,
            mesh=rule.mesh,
            scale=rule.scale,
            format=FORMAT_VERSION,
            version=VERSION,
        )
        tasks[id] = task
    results = run_stage(
        session.runner, "shard", ShardWorker, single_items(tasks), outputs={id: task.path for id, task in tasks.items()}
    )
    if broken := [f"{tasks[id].path}: {r.reason}: {r.detail}" for id, r in results.items() if r.state != "ok"]:
        raise Problems(session.dataset, broken, remedy="run the same command again; finished parts are kept")
    _remove_others(session.dataset, {task.path for task in tasks.values()})
    return placed


def with_places(session: Session, videos: pd.DataFrame, frames: Mapping[str, FramesAt]) -> pd.DataFrame:
    """Writes the parts of those of `videos` that are ok; the whole table with its columns part and first_row filled."""
    placed = shards(session, videos[videos["state"] == "ok"], frames)
    videos = videos.assign(
        part=placed["part"].reindex(videos.index), first_row=placed["first_row"].reindex(videos.index)
    )
    videos["first_row"] = videos["first_row"].astype("Int64")
    return videos


def _remove_others(dataset: Path, wanted: set[str]) -> None:
    """Parts that belong to no plan would be read as part of the data set."""
    for path in sorted((dataset / "frames").rglob("*.parquet")):
        if path.relative_to(dataset).as_posix() not in wanted:
            path.unlink()
    for folder in sorted((dataset / "frames").rglob("*"), reverse=True):
        if folder.is_dir() and not any(folder.iterdir()):
            folder.rmdir()


class ShardWorker:
    """Writes parts."""

    def prepare(self, shared: None) -> None:
        """Nothing is shared."""

    def run(self, prepared: None, task: ShardTask) -> ItemResult:
        """facts: path, bytes, rows."""
        from nvfair_tools.curate.frame_store import load_rows

        places = dict(task.videos)
        rows = write_part(
            task.output,
            [video for video, _ in task.videos],
            lambda video: load_rows(places[video].file, track=places[video].track, mesh=task.mesh),
            with_distances=task.distances,
            with_mesh=task.mesh,
            scale=task.scale,
        )
        return ok(path=task.path, bytes=task.output.stat().st_size, rows=rows)
