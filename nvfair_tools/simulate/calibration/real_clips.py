"""Real clips for comparison with simulated ones: published statistics, and clips of a folder that are tracked here."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from nvfair_tools.errors import NvfairError, Problems
from nvfair_tools.quantities import count_text
from nvfair_tools.simulate.calibration.comparison import FEATURES, FEWEST_PEOPLE, pooled_aucs
from nvfair_tools.simulate.statistics import STATISTICS, resample_values

CLIP_LIST = "clips.csv"
_COLUMNS = ("path", "person", "collection")
_FEWEST_FRAMES = 45


@dataclass(frozen=True)
class RealTrack:
    """The mesh (T, 478, 3) of a real clip at 25 frames a second, with its person and collection."""

    person: str
    collection: str
    mesh: np.ndarray


def read_statistics(path: Path) -> dict[str, Any]:
    """Reads published statistics: JSON with `percentiles` and `share_of_variance_between_people` of every statistic.

    Raises NvfairError, with every missing statistic, where the file is not of that kind.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NvfairError(
            f"cannot be read as JSON: {error}",
            where=path,
            expected="a file as in docs/experiments/worlds.md",
        ) from error
    problems = []
    for key, size in (("percentiles", 5), ("share_of_variance_between_people", 1)):
        values = content.get(key) if isinstance(content, dict) else None
        if not isinstance(values, dict):
            problems.append(f"{key}: missing; expected a mapping from names of statistics")
            continue
        shape = (size,) if size > 1 else ()
        wrong = [name for name in STATISTICS if name not in values or np.asarray(values[name]).shape != shape]
        problems += [
            f"{key}: {name} is {values.get(name, 'missing')!r}; expected {count_text(size, 'number')}" for name in wrong
        ]
    if problems:
        raise Problems(path, problems)
    return content


def track_real_clips(folder: Path, progress: Callable[[int, int], None] | None = None) -> list[RealTrack]:
    """Tracks the clips that `clips.csv` in `folder` lists with a person; others are left out, as are short ones.

    The columns are path, person and collection. Raises NvfairError for a list without them, or without such clips.
    """
    rows = [row for row in _clip_rows(folder / CLIP_LIST) if row["person"]]
    from nvfair_tools.landmarks.landmarker import create_landmarker
    from nvfair_tools.media.decoding import decode

    landmarker = create_landmarker()
    tracks = []
    try:
        for n, row in enumerate(rows):
            landmarker.start()
            tracked = [(frame.time, landmarker.find(frame.image)) for frame in decode(folder / row["path"])]
            meshes = np.array([faces[0] for _, faces in tracked if faces])
            times = np.array([float(time) for time, faces in tracked if faces])
            if len(meshes) >= _FEWEST_FRAMES:
                tracks.append(RealTrack(row["person"], row["collection"], resample_values(meshes, times)))
            if progress:
                progress(n + 1, len(rows))
    finally:
        landmarker.close()
    if not FEWEST_PEOPLE <= len({track.person for track in tracks}) < len(tracks):
        raise NvfairError(
            f"{len(tracks)} of {count_text(len(rows), 'clip')} with a face in {_FEWEST_FRAMES} frames and more",
            where=folder / CLIP_LIST,
            expected=f"clips of at least {FEWEST_PEOPLE} people, several of one",
        )
    return tracks


def real_clip_lines(tracks: list[RealTrack]) -> list[str]:
    """One line of text for all clips, and one for each collection in which a person has several clips."""
    groups = {"all pairs": tracks}
    for collection in sorted({track.collection for track in tracks}):
        members = [track for track in tracks if track.collection == collection]
        if FEWEST_PEOPLE <= len({track.person for track in members}) < len(members):
            groups[f"pairs within {collection}"] = members
    lines = []
    for name, members in groups.items():
        people = [track.person for track in members]
        aucs = pooled_aucs([track.mesh for track in members], people)
        figures = ", ".join(f"{feature} {aucs[feature][0]:.3f} ± {1.96 * aucs[feature][1]:.3f}" for feature in FEATURES)
        lines.append(
            f"real clips, {name} ({count_text(len(members), 'clip')} of {count_text(len(set(people)), 'person')}): "
            f"{figures}"
        )
    return lines


def _clip_rows(path: Path) -> list[dict[str, str]]:
    try:
        with open(path, encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            missing = [name for name in _COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise NvfairError(f"has no column {', '.join(missing)}", where=path, expected=", ".join(_COLUMNS))
            return list(reader)
    except OSError as error:
        raise NvfairError(f"cannot be read: {error.strerror}", where=path) from error
