"""Impostors who imitate: clips of a simulated world again, with the driver's signature moved towards the target's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.stress.tracks import Track, TrackChange
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.parts import round_landmarks
from nvfair_tools.errors import NvfairError


def missing_mimicry_reason(dataset: Dataset) -> str:
    """Why imitation cannot be simulated on this data set; "" where it can."""
    world = dataset.meta.get("world")
    if not isinstance(world, dict) or "settings" not in world:
        return "not a simulated cohort, whose people can be made to imitate"
    try:
        settings = _settings(world)
    except (NvfairError, ValueError) as error:
        return f"its world cannot be made again: {error}"
    if settings.world_hash() != world.get("hash"):
        return "its world was made by another version of the simulation"
    return ""


def mimicry(dataset: Dataset, videos: pd.DataFrame, share: float) -> TrackChange:
    """The change that makes the driver of every cross-reenactment among `videos` imitate the target by `share`.

    The landmarks are those of the same clip, camera, generator and tracking noise, with the signature moved by that
    share of the way to the target's.
    """
    from nvfair_tools.simulate.cohort import default_mesh_points
    from nvfair_tools.simulate.statistics import FPS
    from nvfair_tools.simulate.world import World

    world = World(_settings(dataset.meta["world"]), default_mesh_points())
    cross = videos[videos["driver"] != videos["target"]]
    rendering_of_video = dict(
        zip(cross["video"], zip(cross["clip"], cross["generator"], cross["target"], strict=True), strict=True)
    )

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        if video not in rendering_of_video:
            return points, valid, time
        points = round_landmarks(world.landmarks(video, *rendering_of_video[video], mimicry=share))
        return points, np.ones(len(points), dtype=bool), np.arange(len(points)) / FPS

    return change


def _settings(world: dict[str, Any]) -> Any:
    from nvfair_tools.simulate.settings import CohortSettings

    return CohortSettings(**world["settings"])
