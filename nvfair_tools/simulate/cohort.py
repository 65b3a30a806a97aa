"""Writes a simulated cohort as a data set.

A part is the unit of work: any process makes it, in any order, always with the same bytes. An existing part is kept, so
an interrupted run continues where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq

from nvfair_tools import __version__
from nvfair_tools.dataset.labels import VideoLabels, has_labels, labels_by_video
from nvfair_tools.dataset.parts import write_part
from nvfair_tools.dataset.writer import content_digest, finish_dataset, write_tables
from nvfair_tools.features import DEFAULT_SCALE
from nvfair_tools.simulate.claim import claim_folder, release_folder
from nvfair_tools.simulate.jobs import run_jobs
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.simulate.world import LICENCE, World

Progress = Callable[[int, int], None]  # videos done, videos in all
# Writes the card of a data set: its folder, the content of dataset.json, people, videos, digest of the rows; returns
# the files. Cards are made in a room beside this one.
CardWriter = Callable[[Path, Mapping[str, Any], pd.DataFrame, pd.DataFrame, str], Iterable[Path]]


def default_mesh_points() -> tuple[int, ...]:
    """The mesh indices of the 126-point scheme."""
    from nvfair_tools.landmarks.scheme import SCHEME_126

    return tuple(int(index) for index in SCHEME_126.indices)


def write_cohort(
    folder: Path,
    settings: CohortSettings,
    *,
    mesh: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
    card: CardWriter | None = None,
) -> None:
    """Writes the cohort to `folder` as a finished data set, without distances (readers compute them).

    mesh: also stores the whole mesh; the landmarks are the same with and without it. card: writes the card (None: the
    cohort has none). An unfinished folder of the same world is continued, a finished one stays as it is. Raises
    NvfairError where the folder holds another world or another data set.
    """
    folder = Path(folder)
    if _holds_finished(folder, _meta(settings, mesh)):
        return
    claim_folder(folder, settings.world_hash() + (" with its mesh" if mesh else ""))
    points = default_mesh_points()
    world = World(settings, points)
    videos = world.videos()
    parts = videos.sort_values("first_row").groupby("part", sort=True)
    planned = [(folder / str(part), _video_rows(group), labels_by_video(group)) for part, group in parts]
    # A part of an earlier format has no labels.
    missing = [part for part in planned if not has_labels(part[0], part[2])]
    written = len(videos) - sum(len(rows) for _, rows, _ in missing)

    def report(new_videos: int) -> None:
        nonlocal written
        written += new_videos
        if progress:
            progress(written, len(videos))

    report(0)
    run_jobs(_write_part, [(settings, points, *part, mesh) for part in missing], workers, report=report)
    people, meta = world.identities(), _meta(settings, mesh)
    files = write_tables(folder, people, videos)
    extra_files: Iterable[Path] = ()
    if card is not None:
        tables = [pq.read_table(folder / f"{name}.parquet").to_pandas() for name in ("identities", "videos")]
        extra_files = card(folder, meta, tables[0], tables[1], content_digest(files))
    finish_dataset(folder, people, videos, meta, extra_files=extra_files, files=files)
    release_folder(folder)


def _holds_finished(folder: Path, meta: dict) -> bool:
    """Whether the folder holds the finished data set of this very world."""
    from nvfair_tools.dataset import Dataset

    if not (folder / "dataset.json").exists():
        return False
    stored = Dataset.open(folder).meta
    has_mesh = bool(stored.get("features", {}).get("mesh"))
    return stored.get("world") == meta["world"] and has_mesh == meta["features"]["mesh"]


def _write_part(
    settings: CohortSettings,
    points: tuple[int, ...],
    path: Path,
    rows: list[tuple],
    labels: dict[str, VideoLabels],
    mesh: bool,
) -> int:
    """Writes the part with the videos `rows`, whose labels are in the same order; returns their number."""
    world = _cached_world(settings, points)
    motions = {video: (clip, generator, target) for video, clip, generator, target in rows}
    write_part(
        path,
        labels,
        lambda video: world.frame_rows(video, *motions[video], mesh=mesh),
        with_distances=False,
        with_mesh=mesh,
    )
    return len(rows)


@cache
def _cached_world(settings: CohortSettings, points: tuple[int, ...]) -> World:
    """The world, made once in a process because of its caches."""
    return World(settings, points)


def _video_rows(table: pd.DataFrame) -> list[tuple[str, str, str | None, str]]:
    """(video, clip, generator, target) of each video; the generator of a real video is None."""
    return [
        (video, clip, generator if isinstance(generator, str) else None, target)
        for video, clip, generator, target in table[["video", "clip", "generator", "target"]].itertuples(
            index=False, name=None
        )
    ]


def _meta(settings: CohortSettings, mesh: bool) -> dict:
    from nvfair_tools.landmarks.scheme import SCHEME_126

    return {
        "name": settings.name,
        "synthetic": True,
        "simulated": True,
        "landmarks": {"scheme": SCHEME_126.name, "scheme_version": SCHEME_126.version, "points": len(SCHEME_126)},
        "features": {"distances": "none", "scale": DEFAULT_SCALE, "mesh": mesh},
        "generators": [
            {
                "label": generator.name,
                "family": "simulated",
                "version": "1",
                "licence": LICENCE,
                "motion_mode": "simulated",
                "fingerprint": generator.fingerprint(),
            }
            for generator in settings.simulated_generators()
        ],
        "world": {"hash": settings.world_hash(), "settings": settings.stored()},
        "tools": {"nvfair-tools": __version__},
    }
