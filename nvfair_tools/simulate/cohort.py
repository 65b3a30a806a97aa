"""Writing a simulated cohort as a data set folder, and simulating one in memory.

A part is the unit of work: it is made in any process, in any order, always with the same bytes; a part that is already
there is kept, so an interrupted run goes on where it stopped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools import __version__
from nvfair_tools.dataset.parts import round_landmarks, write_part
from nvfair_tools.dataset.tracks import TrackTable
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.simulate.claim import claim, release
from nvfair_tools.simulate.jobs import run_jobs
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.simulate.world import World

Progress = Callable[[int, int], None]  # videos done, videos in all


def default_mesh_points() -> tuple[int, ...]:
    """Mesh indices of the 126-point scheme."""
    from nvfair_tools.landmarks.scheme import SCHEME_126

    return tuple(int(index) for index in SCHEME_126.indices)


def simulate_tracks(
    settings: CohortSettings, points: Sequence[int] | None = None, videos: Iterable[str] | None = None
) -> tuple[pd.DataFrame, TrackTable]:
    """The videos' table and their tracks, in memory: the values that `write_cohort` stores.

    points: mesh indices of the landmarks (None: the 126-point scheme). videos: ids to simulate (None: all).
    """
    world = World(settings, default_mesh_points() if points is None else points)
    table = world.videos()
    if videos is not None:
        table = table[table["video"].isin(set(videos))].reset_index(drop=True)
    tracks = [
        round_landmarks(world.landmarks(video, clip, _generator(generator), target))
        for video, clip, generator, target in _rows(table)
    ]
    lengths = np.array([len(track) for track in tracks], dtype=np.int64)
    total = int(lengths.sum())
    return table, TrackTable(
        videos=table["video"].to_numpy(dtype=object),
        offsets=np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        landmarks=np.concatenate(tracks) if tracks else np.empty((0, len(world.points), 2), np.float32),
        valid=np.ones(total, dtype=bool),
        time=np.concatenate([np.arange(n) / 25.0 for n in lengths]) if total else np.empty(0),
    )


def write_cohort(
    folder: Path,
    settings: CohortSettings,
    *,
    mesh: bool = False,
    workers: int | None = None,
    progress: Progress | None = None,
) -> None:
    """Writes the cohort to `folder` as a finished data set, without distances (readers compute them).

    mesh: whether the whole mesh is kept beside the landmarks, which are the same with and without. Goes on with an
    unfinished folder of the same world. Raises NvfairError where the folder holds another world or another data set.
    """
    folder = Path(folder)
    claim(folder, settings.world_hash() + (" with its mesh" if mesh else ""))
    points = default_mesh_points()
    world = World(settings, points)
    videos = world.videos()
    parts = videos.sort_values("first_row").groupby("part", sort=True)
    jobs = [(folder / str(part), _rows(group)) for part, group in parts]
    todo = [(path, rows) for path, rows in jobs if not path.exists()]
    done = len(videos) - sum(len(rows) for _, rows in todo)
    if progress:
        progress(done, len(videos))
    for count in run_jobs(_write, [(settings, points, path, rows, mesh) for path, rows in todo], workers):
        done += count
        if progress:
            progress(done, len(videos))
    finish_dataset(folder, world.identities(), videos, _meta(settings, mesh))
    release(folder)


def _write(settings: CohortSettings, points: tuple[int, ...], path: Path, rows: list[tuple], mesh: bool) -> int:
    world = _world(settings, points)
    about = {video: (clip, _generator(generator), target) for video, clip, generator, target in rows}
    write_part(
        path,
        about,
        lambda video: world.frame_rows(video, *about[video], mesh=mesh),
        with_distances=False,
        with_mesh=mesh,
    )
    return len(rows)


@cache
def _world(settings: CohortSettings, points: tuple[int, ...]) -> World:
    """One world a process, with its caches."""
    return World(settings, points)


def _rows(table: pd.DataFrame) -> list[tuple]:
    """(video, clip, generator, target) of each row."""
    return list(table[["video", "clip", "generator", "target"]].itertuples(index=False, name=None))


def _generator(name: object) -> str | None:
    return name if isinstance(name, str) else None


def _meta(settings: CohortSettings, mesh: bool) -> dict:
    from nvfair_tools.landmarks.scheme import SCHEME_126

    return {
        "name": settings.name,
        "simulated": True,
        "landmark_scheme": {"name": SCHEME_126.name, "version": SCHEME_126.version},
        "features": {"stored": "landmarks"} | ({"mesh": True} if mesh else {}),
        "generators": [
            {"name": g.name, "family": "simulated", "fingerprint": g.fingerprint()}
            for g in settings.simulated_generators()
        ],
        "world": {"hash": settings.world_hash(), "settings": settings.model_dump(mode="json")},
        "tools": {"nvfair-tools": __version__},
    }
