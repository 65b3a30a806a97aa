"""A small data set with real video files and every kind of video, for the tests of exports and of sending a set."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.dataset import Dataset
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.writer import finish_dataset
from nvfair_tools.files import sha256_of
from nvfair_tools.media import encode
from tests.nvfair_tools.dataset.landmark_videos import rows_of

# Two people of NVFAIR's test split, and one whose recording is landmarks alone.
PEOPLE = ("cremad:1001", "cremad:1003")
ONLY_TRACKED = "cremad:1010"
GENERATORS = {"face-vid2vid": "facevid2vid", "lia": "lia"}


def write_exportable(folder: Path, meta: Mapping[str, Any] | None = None, **rights: Mapping[str, str]) -> Dataset:
    """Writes the set: a clip a person, each on both faces by two generators, and one clip without a video file.

    rights: columns by identity, such as permitted_use={"cremad:1003": "research"}; a reenactment has the target's.
    Without them everything may be passed on.
    """
    rows = [_row(person, person, None, _clip_of(person)) for person in (*PEOPLE, ONLY_TRACKED)]
    rows += [
        _row(target, driver, generator, _clip_of(driver))
        for generator in GENERATORS
        for target in PEOPLE
        for driver in PEOPLE
    ]
    rng = np.random.default_rng(5)
    for number, row in enumerate(rows):
        row["frames"] = 3 + number % 4
        for column, values in rights.items():
            row[column] = values.get(row["target"], row[column])
        if row["target"] == ONLY_TRACKED:
            continue
        images = rng.integers(0, 255, (row["frames"], 32, 48, 3), dtype=np.uint8)
        row["path"] = _path(row)
        (folder / row["path"]).parent.mkdir(parents=True, exist_ok=True)
        info = encode(folder / row["path"], list(images), Fraction(25))
        row |= {"sha256": info.sha256, "width": 48, "height": 32}
        assert info.sha256 == sha256_of(folder / row["path"])
    videos = pd.DataFrame(rows)
    planned = plan_parts(videos)
    videos = videos.assign(part=planned["part"], first_row=planned["first_row"])
    lengths = dict(zip(videos["video"], videos["frames"], strict=True))
    for part, group in videos.groupby("part"):
        ordered = labels_by_video(group.sort_values("first_row"))
        write_part(folder / str(part), ordered, lambda video: rows_of(video, lengths), with_distances=False)
    identities = pd.DataFrame(
        {"identity": person, "source": "cremad", "split": "test", "licence": "CC0-1.0", "consent": "given"}
        | {"permitted_use": rights.get("permitted_use", {}).get(person, "any")}
        for person in (*PEOPLE, ONLY_TRACKED)
    )
    generators = [
        {"label": label, "family": label, "version": "1", "motion_mode": "relative", "licence": "CC0-1.0",
         "digital_source_type": "trainedAlgorithmicMedia"}
        for label in GENERATORS
    ]  # fmt: skip
    described = {
        "name": "exportable",
        "features": {"distances": "none", "mesh": False},
        "landmarks": {"scheme": "126", "points": 126},
        "generators": generators,
    }
    finish_dataset(folder, identities, videos, described | dict(meta or {}))
    return Dataset.open(folder)


def _clip_of(person: str) -> str:
    return f"{person[-4:]}_IEO_NEU_XX"


def _row(target: str, driver: str, generator: str | None, clip: str) -> dict[str, Any]:
    kind = "real" if generator is None else "self" if target == driver else "cross"
    return {
        "video": f"{generator or 'real'}-{target[-4:]}-{driver[-4:]}",
        "kind": kind,
        "source": "cremad",
        "split": "test",
        "target": target,
        "driver": driver,
        "clip": f"real-{driver[-4:]}-{driver[-4:]}",
        "clip_name": clip,
        "generator": generator,
        "generator_family": generator,
        "fps_num": 25,
        "fps_den": 1,
        "state": "ok",
        "reason": "",
        "detail": "",
        "flags": [],
        "licence": "CC0-1.0",
        "consent": "given",
        "permitted_use": "any",
        "path": None,
        "sha256": None,
    }


def _path(row: Mapping[str, Any]) -> str:
    target, driver = (str(row[name]).replace(":", "_") for name in ("target", "driver"))
    if row["kind"] == "real":
        return f"videos/cremad/originals/{target}/{row['clip_name']}.mp4"
    return f"videos/cremad/{row['generator']}-generated/{target}/{target}--{row['clip_name']}--{driver}.mp4"


def contents(folder: Path) -> dict[str, str]:
    """{path: SHA-256} of every file in a folder."""
    return {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
