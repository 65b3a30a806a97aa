"""Small data sets of seeded landmarks for the tests of parts, reader and writer."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.dataset.labels import VideoLabels, labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.schema import LANDMARK_COUNT
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import finish_dataset

LENGTHS = {"v3": 7, "v1": 1, "v2": 12, "v0": 5, "v4": 3}


def rows_of(video: str, lengths: dict[str, int] = LENGTHS, *, mesh: bool = False) -> FrameRows:
    """Frames of a video, a function of its name; every fourth frame has no face."""
    rng = np.random.default_rng([*video.encode()])
    frames = lengths[video]
    landmarks = rng.uniform(-50, 2000, (frames, LANDMARK_COUNT, 2)).astype(np.float32)
    valid = np.arange(frames) % 4 != 3
    return FrameRows(
        landmarks=landmarks,
        valid=valid,
        time=np.arange(frames) / 25,
        mesh=rng.uniform(0, 500, (frames, 478, 3)).astype(np.float32) if mesh else None,
    )


def labels_of(videos: Iterable[str]) -> dict[str, VideoLabels]:
    """The labels of videos: all of them show one person, moved by the same person with one generator."""
    return dict.fromkeys(videos, VideoLabels("toy:a", "toy:a", "warp", "train"))


def videos_table(lengths: dict[str, int] = LENGTHS) -> pd.DataFrame:
    """One row a video, as `finish_dataset` expects it, without part and first_row."""
    return pd.DataFrame(
        {
            "video": list(lengths),
            "kind": "self",
            "source": "toy",
            "split": ["train" if name < "v3" else "test" for name in lengths],
            "target": "toy:a",
            "driver": "toy:a",
            "clip": "c",
            "clip_name": "c",
            "generator": "warp",
            "frames": list(lengths.values()),
            "state": "ok",
            "reason": "",
            "detail": "",
            "licence": "any",
            "consent": "given",
            "permitted_use": "any",
        }
    )


IDENTITIES = pd.DataFrame(
    [
        {
            "identity": "toy:a",
            "source": "toy",
            "split": "train",
            "licence": "any",
            "consent": "given",
            "permitted_use": "any",
        }
    ]
)


def write_dataset(
    folder: Path,
    videos: pd.DataFrame | None = None,
    *,
    distances: bool = False,
    mesh: bool = False,
    rows_per_part: int = 10,
) -> Path:
    """A finished data set, in parts of at most `rows_per_part` rows."""
    videos = videos_table() if videos is None else videos
    planned = plan_parts(videos, rows_per_part)
    videos = videos.assign(part=planned["part"], first_row=planned["first_row"])
    for part, group in videos.groupby("part"):
        ordered = labels_by_video(group.sort_values("first_row"))
        write_part(
            folder / str(part), ordered, lambda v: rows_of(v, mesh=mesh), with_distances=distances, with_mesh=mesh
        )
    stored = {"distances": "float16" if distances else "none", "mesh": mesh}
    finish_dataset(folder, IDENTITIES, videos, {"name": "toy", "features": stored})
    return folder
