"""The state of a build, read from its folder while it runs or after it ended."""

from __future__ import annotations

import html
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from nvfair_tools.errors import NvfairError
from nvfair_tools.pipeline.journal import Journal
from nvfair_tools.pipeline.workspace import Workspace
from nvfair_tools.recipe.recipe import Recipe, load_recipe

# The stages of the journal in the order in which a build runs them.
_ORDER = (
    "read",
    "cuts",
    "shot",
    "segment",
    "track",
    "person",
    "clip checks",
    "portrait",
    "original",
    "render",
    "landmarks",
    "quality",
    "shard",
)


@dataclass(frozen=True)
class BuildStatus:
    """The state of a build that may still be unfinished.

    counts: all recorded items, earlier recipes' included; columns stage, state, reason, items. progress: how far the
    present or last run is; columns stage, part (a generator), planned, done (failed ones not included), failed, rate
    (items a second of this run, NaN before the first) and left (seconds, NaN where unknown or done). running: whether a
    build is at work, None where it may be on another machine.
    """

    folder: Path
    counts: pd.DataFrame
    progress: pd.DataFrame
    finished: bool
    running: bool | None

    def _repr_html_(self) -> str:
        title = f"Build of {self.folder}: {'finished' if self.finished else 'not finished'}"
        tables = (self.progress, self.counts)
        return f"<p>{html.escape(title)}</p>" + "".join(table.to_html(index=False) for table in tables)


def build_status(place: str | Path | Recipe) -> BuildStatus:
    """Reads the state of a build without running any of it or disturbing it.

    place: a recipe, the path of its YAML file, or the folder of the data set. Raises NvfairError where no build has
    begun.
    """
    is_folder = not isinstance(place, Recipe) and Path(place).is_dir()
    if is_folder:
        workspace = Workspace(Path(str(place)))
    else:
        workspace = Workspace((place if isinstance(place, Recipe) else load_recipe(place)).output_folder)
    if not workspace.journal_path.exists():
        remedy = f"nvfair build {'RECIPE' if is_folder or isinstance(place, Recipe) else place}"
        raise NvfairError("no build has begun here", where=workspace.dataset, remedy=remedy)
    with Journal(workspace.journal_path, read_only=True) as journal:
        counts, progress = journal.counts(), journal.progress()
    running = workspace.is_running()
    return BuildStatus(
        workspace.dataset,
        _in_order(counts),
        _figures(_in_order(progress)),
        (workspace.dataset / "dataset.json").exists(),
        running,
    )


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows in the order of the pipeline; stages that it does not have come last."""
    place = rows["stage"].map({stage: number for number, stage in enumerate(_ORDER)}).fillna(len(_ORDER))
    return rows.loc[place.sort_values(kind="stable").index].reset_index(drop=True)


def _figures(progress: pd.DataFrame) -> pd.DataFrame:
    taken = (progress["latest"] - progress["begun"]).astype(float)
    rate = (progress["done"] / taken.where(taken > 0)).astype(float)
    remaining = progress["planned"] - progress["finished"] - progress["done"]
    return pd.DataFrame(
        {
            "stage": progress["stage"],
            "part": progress["part"],
            "planned": progress["planned"],
            "done": progress["finished"] + progress["done"] - progress["failed"],
            "failed": progress["failed"],
            "rate": rate,
            "left": (remaining / rate).where(remaining > 0),
        }
    )
