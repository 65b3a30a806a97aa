"""Videos whose embedding is an angle that a test chooses, so that every score and rate follows by hand.

A video shows a still square of landmarks, moved to the right by its angle in degrees (as pixels). The method gives the
point of the unit circle at that angle: two videos that differ by d degrees score -2 sin(d / 2).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import pi, sin
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmark.methods.declaration import Declaration
from benchmark.methods.method import Needs
from benchmark.protocols.schema import Protocol, Scoring, Time, Uncertainty
from benchmark.windows.window_batch import WindowBatch
from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import finish_dataset

FRAMES = 12
PROTOCOL = Protocol(
    name="angles",
    time=Time(fps="25/1", window=10, stride=10),
    uncertainty=Uncertainty(resamples=20, permutations=20),
    scoring=Scoring(fmr_targets=(0.25,)),
)


class Angle:
    """The angle of each window as a point of the unit circle."""

    name = "angle"
    digest = "angle-1"
    declaration = Declaration.untrained()
    needs: Needs = "landmarks"
    time: Time | None = None

    def embed(self, batch: WindowBatch) -> np.ndarray:
        angle = np.radians(batch.landmarks[:, :, 0, 0].mean(axis=1))
        return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def score(degrees: float) -> float:
    """The score of two videos that differ by so many degrees."""
    return -2 * sin(abs(degrees) * pi / 360)


def write_angles(
    folder: Path,
    angles: Mapping[tuple[str, str], Sequence[float]],
    people: Mapping[str, Mapping[str, Any]] | None = None,
    content: Mapping[str, str] | None = None,
) -> Dataset:
    """Writes the data set. angles: (driver, target) -> the angle of the driver's clips 0, 1, ... on that face.

    people: person -> further columns of the identities. content: clip -> what is spoken.
    """
    names = sorted({name for pair in angles for name in pair})
    rows, angle_of = [], {}
    for (driver, target), values in angles.items():
        for number, angle in enumerate(values):
            clip = f"{driver}-{number}"
            video = f"{target}-{clip}"
            angle_of[video] = angle
            rows.append(
                {
                    "video": video,
                    "kind": "self" if driver == target else "cross",
                    "source": "toy",
                    "split": "test",
                    "target": target,
                    "driver": driver,
                    "clip": clip,
                    "clip_name": clip,
                    "generator": "alpha",
                    "generator_family": "toy",
                    "content": (content or {}).get(clip),
                    "fps_num": 25,
                    "fps_den": 1,
                    "frames": FRAMES,
                    "state": "ok",
                    "reason": "",
                    "detail": "",
                    "licence": "test",
                    "consent": "test",
                    "permitted_use": "test",
                }
            )
    videos = pd.DataFrame(rows).sort_values("video", ignore_index=True)
    videos = videos.join(plan_parts(videos))
    square = np.stack([np.zeros(126), 100 + np.arange(126)], axis=1)

    def frames(video: str) -> FrameRows:
        points = np.tile(square + [angle_of[video], 0], (FRAMES, 1, 1)).astype(np.float32)
        return FrameRows(points, np.ones(FRAMES, dtype=bool), np.arange(FRAMES) / 25)

    for part, group in videos.groupby("part"):
        labels = labels_by_video(group.sort_values("first_row"))
        write_part(folder / str(part), labels, frames, with_distances=False)
    rights = {"source": "toy", "split": "test", "licence": "test", "consent": "test", "permitted_use": "test"}
    identities = pd.DataFrame([{"identity": name, **rights, **(people or {}).get(name, {})} for name in names])
    finish_dataset(folder, identities, videos, {"name": "angles", "features": {"stored": "landmarks"}})
    return Dataset.open(folder)
