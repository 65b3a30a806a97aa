"""A tiny data set on disk from seeded landmark motion: people differ in face shape and in how they move.

Written without the simulator, so that the benchmark's tests stand on the data-set format alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import finish_dataset


@dataclass(frozen=True)
class World:
    """How large, and how different people are."""

    people: tuple[int, int, int] = (4, 2, 3)  # train, validation, test
    clips: int = 3
    frames: int = 110
    generators: tuple[str, ...] = ("alpha", "beta")
    fps: tuple[int, int] = (30, 1)
    signature: float = 1.0  # how much people differ in motion
    mesh: bool = False  # whether the mesh is kept: another face, moved by the same motion
    seed: int = 0
    namespace: str = "toy"
    licence: str = "test"
    permitted_use: str = "test"


# A world whose people may be shown and passed on, as simulated ones may.
OPEN = World(licence="CC-BY-4.0", permitted_use="any")


def make(folder: Path, world: World = World(), breaks: dict[str, str] | None = None) -> Dataset:
    """Writes the data set.

    breaks: video id -> "gap" (20 frames lost), "short" (30 frames only), "failed" (no frames), "times" (starting anew).
    """
    breaks = breaks or {}
    rng = np.random.default_rng(world.seed)
    splits = np.repeat(["train", "validation", "test"], world.people)
    people = [f"{world.namespace}:{n:02d}" for n in range(len(splits))]
    split_of = dict(zip(people, splits, strict=True))
    shape = {p: _face(rng) for p in people}
    modes = rng.normal(0, 1, (3, LANDMARK_COUNT, 2)) * 3
    style = {p: (rng.uniform(0.5, 3.5, 3), rng.uniform(0.3, 2.0, 3)) for p in people}
    mesh_rng = np.random.default_rng([world.seed, 478])
    mesh_shape = {p: mesh_rng.normal(0, 60, (478, 3)) for p in people}
    mesh_modes = mesh_rng.normal(0, 1, (3, 478, 3)) * 3
    rows, motion = [], {}
    for driver in people:
        for number in range(world.clips):
            clip = f"clip-{driver[-2:]}-{number}"
            motion[clip] = _motion(rng, *style[driver], world)
            for target in people:
                if split_of[target] != split_of[driver]:
                    continue
                for generator in world.generators:
                    video = f"{generator}-{target[-2:]}-{clip}"
                    state = "failed" if breaks.get(video) == "failed" else "ok"
                    rows.append(
                        {
                            "video": video,
                            "kind": "self" if target == driver else "cross",
                            "source": "toy",
                            "split": split_of[driver],
                            "target": target,
                            "driver": driver,
                            "clip": clip,
                            "clip_name": clip,
                            "generator": generator,
                            "generator_family": "toy",
                            "fps_num": world.fps[0],
                            "fps_den": world.fps[1],
                            "frames": 30 if breaks.get(video) == "short" else world.frames,
                            "state": state,
                            "reason": "render_failed" if state == "failed" else "",
                            "detail": "",
                            "licence": world.licence,
                            "consent": "test",
                            "permitted_use": world.permitted_use,
                        }
                        | ({"width": 480, "height": 360} if world.mesh else {})
                    )
    videos = pd.DataFrame(rows)
    ok = videos[videos["state"] == "ok"]
    plan = plan_parts(ok)
    videos["part"] = plan["part"].reindex(videos.index)
    videos["first_row"] = plan["first_row"].reindex(videos.index)
    table = videos.set_index("video")

    def rows_of(video: str) -> FrameRows:
        row = table.loc[video]
        frames = int(row["frames"])
        gain = 1.0 + 0.1 * world.generators.index(row["generator"])
        offset = np.tensordot(motion[row["clip"]][:frames], modes, axes=1) * gain
        points = 200 + 60 * shape[row["target"]] + offset
        valid = np.ones(frames, dtype=bool)
        if breaks.get(video) == "gap":
            valid[40:60] = False
        time = np.arange(frames) * world.fps[1] / world.fps[0]
        if breaks.get(video) == "times":
            time[60:] -= time[60]
        if not world.mesh:
            return FrameRows(points.astype(np.float32), valid, time)
        moved = np.tensordot(motion[row["clip"]][:frames], mesh_modes, axes=1) * gain
        mesh = 200 + mesh_shape[row["target"]] + moved
        return FrameRows(points.astype(np.float32), valid, time, mesh=mesh.astype(np.float32))

    for part, group in videos.dropna(subset="part").groupby("part"):
        ordered = labels_by_video(group.sort_values("first_row"))
        write_part(folder / str(part), ordered, rows_of, with_distances=False, with_mesh=world.mesh)
    identities = pd.DataFrame(
        {
            "identity": people,
            "source": "toy",
            "split": splits,
            "licence": world.licence,
            "consent": "test",
            "permitted_use": world.permitted_use,
        }
    )
    finish_dataset(folder, identities, videos, {"name": "toy"})
    return Dataset.open(folder)


def _face(rng: np.random.Generator) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, LANDMARK_COUNT, endpoint=False)
    ring = (
        np.stack([np.cos(angle), 1.3 * np.sin(angle)], axis=1)
        * (0.4 + 0.6 * (np.arange(LANDMARK_COUNT) % 5) / 4)[:, None]
    )
    return ring + rng.normal(0, 0.05, ring.shape)


def _motion(rng: np.random.Generator, speed: np.ndarray, size: np.ndarray, world: World) -> np.ndarray:
    """(T, 3): three waves whose speeds and sizes are the person's, phases the clip's."""
    time = np.arange(world.frames)[:, None] * world.fps[1] / world.fps[0]
    mean_speed, mean_size = 2.0, 1.0
    speed = mean_speed + world.signature * (speed - mean_speed)
    size = mean_size + world.signature * (size - mean_size)
    phase = rng.uniform(0, 2 * np.pi, 3)
    return size * np.sin(2 * np.pi * speed * time + phase) + 0.05 * rng.normal(0, 1, (world.frames, 3))
