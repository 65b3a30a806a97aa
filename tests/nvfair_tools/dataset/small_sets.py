"""Small finished data sets with videos, portraits and a card, whose people and videos a test chooses."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from nvfair_tools.curate.card import write_description
from nvfair_tools.dataset.labels import labels_by_video
from nvfair_tools.dataset.parts import plan_parts, write_part
from nvfair_tools.dataset.schema import IDENTITIES_SCHEMA, VIDEOS_SCHEMA
from nvfair_tools.dataset.writer import content_digest, finish_dataset, write_tables
from nvfair_tools.media import encode
from tests.nvfair_tools.dataset.landmark_videos import rows_of

FRAMES = 80  # more than a window of the protocols
RIGHTS = {"licence": "CC BY 4.0", "consent": "given", "permitted_use": "research"}
GENERATOR = {
    "label": "warp",
    "family": "warp",
    "version": "1",
    "motion_mode": "relative",
    "licence": "any",
    "fingerprint": "f" * 20,
}
META: dict[str, Any] = {
    "name": "toy",
    "synthetic": True,
    "simulated": False,
    "landmarks": {"scheme": "126", "scheme_version": 1, "points": 126, "landmarkers": ["facemesh 0.10.21"]},
    "features": {"distances": "none", "mesh": False, "scale": "overall"},
    "generators": [GENERATOR],
    "recipe": "0" * 64,
    "tools": {"nvfair_tools": "0.1.0"},
}


def write_set(
    folder: Path,
    people: Mapping[str, str],
    videos: Sequence[str],
    *,
    facts: Mapping[str, Any] | None = None,
    rows: Mapping[str, Mapping[str, Any]] | None = None,
    rows_per_part: int = 200,
    name: str = "toy",
    pixels: bool = True,
    card: bool = True,
    **meta: Any,
) -> Path:
    """A finished data set in `folder`.

    people: {name: split}. videos: "a-1" is clip 1 of a, "ab-1" the face of b driven by it; equal names are equal
    content in every set. facts: of all people. rows: changes of single videos' rows. pixels: whether there are files.
    card: whether there is one, which takes a second.
    """
    made = [_row(folder, video, people, pixels) | dict((rows or {}).get(video, {})) for video in videos]
    table = pd.DataFrame(made, columns=VIDEOS_SCHEMA.names)
    lengths = dict.fromkeys(videos, FRAMES)
    usable = table[table["state"] == "ok"]
    planned = plan_parts(usable, rows_per_part)
    table["part"], table["first_row"] = planned["part"], planned["first_row"].astype("Int64")
    for part, group in usable.assign(**planned).groupby("part"):
        names = labels_by_video(group.sort_values("first_row"))
        write_part(folder / str(part), names, lambda video: rows_of(video, lengths), with_distances=False)
    persons = [_person(folder, person, split) | dict(facts or {}) for person, split in people.items()]
    identities = pd.DataFrame(persons, columns=IDENTITIES_SCHEMA.names)
    files = write_tables(folder, identities, table)
    content = META | {"name": name} | meta
    extra = write_description(folder, content, identities, table, (), content_digest(files)) if card else []
    extra += [folder / path for path in identities["portrait"]]
    finish_dataset(folder, identities, table, content, extra_files=extra, files=files)
    return folder


def _row(folder: Path, video: str, people: Mapping[str, str], pixels: bool) -> dict[str, Any]:
    roles = video.split("-")[0]
    driver, target = roles[0], roles[-1]
    kind = "real" if len(roles) == 1 else "self" if driver == target else "cross"
    row: dict[str, Any] = {"video": video, "kind": kind, "source": "toy", "split": people[target]}
    row |= {"target": f"toy:{target}", "driver": f"toy:{driver}", "clip": f"{driver}-{video.split('-')[1]}"}
    row |= {"clip_name": video, "generator": None if kind == "real" else "warp", "fps_num": 25, "fps_den": 1}
    row |= {"frames": FRAMES, "state": "ok", "reason": "", "detail": "", "lineage": [], "flags": []} | RIGHTS
    if pixels:
        path = f"videos/toy/{'originals' if kind == 'real' else 'warp-generated'}/toy_{target}/{video}.mp4"
        rng = np.random.default_rng([*video.encode()])
        images = np.repeat(rng.integers(0, 255, (1, 32, 48, 3), dtype=np.uint8), FRAMES, axis=0)
        info = encode(folder / path, list(images), Fraction(25))
        row |= {"width": 48, "height": 32, "path": path, "sha256": info.sha256}
    return row


def _person(folder: Path, name: str, split: str) -> dict[str, Any]:
    portrait = f"portraits/toy_{name}.png"
    (folder / "portraits").mkdir(parents=True, exist_ok=True)
    (folder / portrait).write_bytes(np.random.default_rng([*name.encode()]).bytes(200))
    person = {"identity": f"toy:{name}", "source": "toy", "split": split, "portrait": portrait, "clips": 1}
    return person | {"portrait_clip": f"{name}-portrait", "aliases": [], "flags": [], "gender": "female"} | RIGHTS
