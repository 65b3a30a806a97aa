"""Small simulated data sets, as the product writes them, and copies of them with a leak in tables or landmarks."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import write_part
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.tracks import FrameRows
from nvfair_tools.dataset.writer import write_table
from nvfair_tools.landmarks.scheme import SCHEME_126
from nvfair_tools.simulate.cohort import write_cohort
from nvfair_tools.simulate.settings import CohortSettings, SourceSettings

COHORT = CohortSettings(
    sources=(SourceSettings(name="sim-a", train=0, validation=0, test=8, texts=2, emotions=("neutral", "happy")),),
    generators=("sim-keypoint",),
    clips=4,
    cross=3,
    frames=90,
    seed=7,
)


def write_clean(folder: Path) -> Path:
    """Eight people with four clips each, 32 recordings and 128 reenactments, without videos."""
    write_cohort(folder, COHORT, workers=1)
    return folder


def with_tables(
    clean: Path, folder: Path, edit: Callable[[pd.DataFrame, pd.DataFrame], tuple[pd.DataFrame, pd.DataFrame]]
) -> Path:
    """A copy of a data set with other tables: `edit` takes and returns identities and videos."""
    shutil.copytree(clean, folder)
    dataset = Dataset.open(folder)
    identities, videos = edit(dataset.identities.copy(), dataset.videos.copy())
    write_table(folder / "identities.parquet", identities, IDENTITIES_SCHEMA)
    write_table(folder / "videos.parquet", videos, VIDEOS_SCHEMA)
    return folder


def with_copy(clean: Path, folder: Path, driver: str | None = None) -> tuple[Path, str, str]:
    """A copy of a data set in which a recording is there twice: mirrored, smaller, noisier, and begun a second later.

    driver: of the copy; by default the person of the original. Returns the folder and the ids of original and copy.
    """
    dataset = Dataset.open(clean)
    real = dataset.videos[dataset.videos["kind"] == "real"]
    original = real[real["driver"] != driver].iloc[0].to_dict()
    rows = dataset.frames(original["video"], start=25)
    mirrored = rows.landmarks[:, SCHEME_126.mirror] * np.array([-1, 1]) + np.array([600, 0])
    noise = np.random.default_rng(0).normal(0, 0.2, mirrored.shape)
    landmarks = (0.5 * mirrored + noise).astype(np.float32)
    frames = FrameRows(landmarks, rows.valid, rows.time - rows.time[0])
    person = driver or original["driver"]
    copy = original | {"video": "c0b1e5", "clip": "c0b1e5", "clip_name": "copy", "driver": person, "target": person}
    copy |= {"part": "frames/test/copies/part-00000.parquet", "first_row": 0, "frames": len(landmarks)}

    def add(identities: pd.DataFrame, videos: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        return identities, pd.concat([videos, pd.DataFrame([copy])], ignore_index=True)

    with_tables(clean, folder, add)
    (folder / "frames/test/copies").mkdir()
    labels = labels_by_video(pd.DataFrame([copy]))
    write_part(folder / copy["part"], labels, lambda video: frames, with_distances=False, with_mesh=False)
    return folder, original["video"], "c0b1e5"
