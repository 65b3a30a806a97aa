"""Impostors who imitate: clips of a simulated world performed again, with the signature moved towards the target's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from benchmark.stress.tracks import Change, Track
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.parts import round_landmarks
from nvfair_tools.errors import NvfairError


def no_mimics(dataset: Dataset) -> str:
    """Why nobody can imitate here; "" where the world can be simulated again."""
    about = dataset.meta.get("world")
    if not isinstance(about, dict) or "settings" not in about:
        return "not a simulated cohort: real people cannot be made to imitate"
    try:
        settings = _settings(about)
    except (NvfairError, ValueError) as error:
        return f"its world cannot be made again: {error}"
    if settings.world_hash() != about.get("hash"):
        return "its world was made by another version of the simulation"
    return ""


def mimics(dataset: Dataset, videos: pd.DataFrame, share: float) -> Change:
    """Gives every cross-reenactment among `videos` the landmarks that it has when its driver imitates its target by
    `share`: the same clip, camera, generator and tracking noise."""
    from nvfair_tools.simulate.cohort import default_mesh_points
    from nvfair_tools.simulate.statistics import FPS
    from nvfair_tools.simulate.world import World

    world = World(_settings(dataset.meta["world"]), default_mesh_points())
    cross = videos[videos["driver"] != videos["target"]]
    about = dict(zip(cross["video"], zip(cross["clip"], cross["generator"], cross["target"], strict=True), strict=True))

    def change(video: str, points: np.ndarray, valid: np.ndarray, time: np.ndarray) -> Track:
        if video not in about:
            return points, valid, time
        points = round_landmarks(world.landmarks(video, *about[video], mimicry=share))
        return points, np.ones(len(points), dtype=bool), np.arange(len(points)) / FPS

    return change


def _settings(about: dict[str, Any]) -> Any:
    from nvfair_tools.simulate.settings import CohortSettings

    return CohortSettings(**about["settings"])
