"""The folder of tracks: its list `tracks.csv`, and the people and clips that take part by the plan."""

from __future__ import annotations

from pathlib import Path

import pandas as pd

from examples.studies.real_people.plan import Plan
from nvfair_tools.errors import NvfairError, Problems

COLUMNS = ("person", "clip", "session", "frames", "fps", "face_width_px", "valid_share")
TRACK_FOLDER = "tracks"


def list_clips(folder: Path, plan: Plan) -> pd.DataFrame:
    """The clips of everybody with enough of them, in the list's order: its columns, and `path` of each track.

    Raises NvfairError where the list cannot be read, Problems where columns or tracks are missing, and NvfairError
    where too few people are left.
    """
    path = folder / "tracks.csv"
    try:
        table = pd.read_csv(path, dtype={"person": str, "clip": str, "session": str})
    except (OSError, ValueError) as error:
        raise NvfairError(f"cannot be read: {error}", where=path, expected="a list of tracks (CSV)") from error
    problems = [f"column {column} is missing" for column in COLUMNS if column not in table]
    if not problems:
        table = table.assign(path=[str(folder / TRACK_FOLDER / f"{clip}.npz") for clip in table["clip"]])
        missing = sum(not Path(track).is_file() for track in table["path"])
        problems += [f"{missing} of {len(table)} listed tracks do not exist"] if missing else []
        problems += ["a clip is listed twice"] if table["clip"].duplicated().any() else []
    if problems:
        raise Problems(path, problems)
    table = table[table.groupby("person")["clip"].transform("size") >= plan.fewest_clips]
    check_people(table["person"].nunique(), plan)
    return table.reset_index(drop=True)


def check_people(people: int, plan: Plan) -> None:
    """Raises NvfairError where figures would rest on fewer people than the plan allows."""
    if people < plan.fewest_people:
        raise NvfairError(
            f"only {people} people are left",
            where=plan.title,
            expected=f"at least {plan.fewest_people}: figures over fewer people are not printed",
        )
