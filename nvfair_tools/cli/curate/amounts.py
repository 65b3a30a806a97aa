"""How much a simulation writes, known before it begins: people, videos, frames and bytes."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from nvfair_tools.errors import NvfairError
from nvfair_tools.files import existing_parent
from nvfair_tools.quantities import count_text, size_text
from nvfair_tools.simulate.cohort import default_mesh_points
from nvfair_tools.simulate.settings import CohortSettings
from nvfair_tools.simulate.videos import PeopleSettings
from nvfair_tools.simulate.world import World

# Bytes of a frame, as measured on worlds of every size: its landmarks, its mesh, its picture of 256 x 256.
_LANDMARK_BYTES, _MESH_BYTES, _PICTURE_BYTES = 410, 2_400, 2_500


@dataclass(frozen=True)
class Amount:
    """What a simulation writes. bytes: an estimate; the other numbers are exact."""

    people: int
    videos: int
    frames: int
    bytes: int

    def __str__(self) -> str:
        return (
            f"{count_text(self.people, 'person')}, {count_text(self.videos, 'video')}, "
            f"{count_text(self.frames, 'frame')}, about {size_text(self.bytes)}"
        )


def cohort_amount(settings: CohortSettings, *, mesh: bool = False) -> Amount:
    """The amount of a landmark-only cohort. mesh: the whole mesh is stored too."""
    world = World(settings, default_mesh_points())
    frames = world.videos()["frames"]
    each = _LANDMARK_BYTES + (_MESH_BYTES if mesh else 0)
    return Amount(_people(world), len(frames), int(frames.sum()), int(frames.sum()) * each)


def people_amount(settings: PeopleSettings) -> Amount:
    """The amount of source videos of simulated people; what a frame takes grows more slowly than its area."""
    world = World(settings.cohort(), default_mesh_points())
    frames = sum(clip.frames for clip in world.clips.values())
    each = _PICTURE_BYTES * (settings.size / 256) ** 1.6
    return Amount(_people(world), len(world.clips), frames, round(frames * each))


def check_space(folder: Path, bytes: int) -> None:
    """Raises NvfairError where the disk of a folder, which need not exist yet, has less room than that."""
    free = shutil.disk_usage(existing_parent(folder)).free
    if free < bytes:
        raise NvfairError(
            f"it needs about {size_text(bytes)}; {size_text(free)} are free",
            where=folder,
            remedy="free some space, or name a folder on another disk",
        )


def _people(world: World) -> int:
    return len({clip.identity for clip in world.clips.values()})
