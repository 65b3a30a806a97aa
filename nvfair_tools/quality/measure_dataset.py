"""Measures all rendered videos of a finished data set; what an earlier run has measured is not measured again."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.files import check_writable, make_folder, sha256_of, write_bytes
from nvfair_tools.pipeline.engines.engine import Batch
from nvfair_tools.pipeline.engines.local import LocalEngine
from nvfair_tools.pipeline.stage import SingleItemFactory, ended_items
from nvfair_tools.quality.measure import MeasureTask, MeasureWorker, VideoPlace
from nvfair_tools.quality.places import LandmarkPlace, PortraitPlace
from nvfair_tools.quality.table import TABLE_NAME, measured_by, quality_table, read_quality, write_quality

_SAVE_EACH = 60.0  # seconds: what an interruption costs at most, beside the videos at work
_TIME_LIMIT = 3600.0  # seconds for the videos of one clip
VIDEOS_AT_ONCE = 64  # of one clip in one task


def measures_folder(dataset: Dataset) -> Path:
    """The folder for the measures of a data set: `quality`; or, where the data set's build has measured, whose table
    dataset.json vouches for, `quality/again` with a copy of that table, so that what it has is not measured again."""
    folder, again = dataset.folder / "quality", planned_folder(dataset)
    if again == folder:
        return folder
    if not (again / TABLE_NAME).exists() and (folder / TABLE_NAME).is_file():
        write_bytes(again / TABLE_NAME, (folder / TABLE_NAME).read_bytes())
    return again


def planned_folder(dataset: Dataset) -> Path:
    """The folder that `measures_folder` gives, of which nothing is made."""
    folder = dataset.folder / "quality"
    return folder / "again" if f"quality/{TABLE_NAME}" in dataset.meta.get("files", {}) else folder


def count_unmeasured(dataset: Dataset, path: Path, *, recogniser: Path | None = None) -> tuple[int, int]:
    """(videos that `measure_dataset` would measure, all rendered ones). Raises what it raises before it writes."""
    check_writable(path.parent)
    usable = dataset.usable()
    rendered = usable[usable["kind"] != "real"]
    method = measured_by(None if recogniser is None else model_name(recogniser))
    return len(rendered) - len(_measured_before(path, rendered, method)), len(rendered)


def measure_dataset(
    dataset: Dataset,
    path: Path,
    *,
    recogniser: Path | None = None,
    workers: int = 1,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> pd.DataFrame:
    """Measures the usable rendered videos of a data set and writes their table to `path`; returns it.

    recogniser: an .onnx file or a pack's folder, for `identity_arcface`. workers: processes; 0 measures in this one.
    progress: called with (done, total). Landmarks are those of the data set. Raises NvfairError where the table cannot
    be written or read; a video that cannot be read is a row with its problem.
    """
    make_folder(path.parent)
    usable = dataset.usable()
    rendered = usable[usable["kind"] != "real"]
    method = measured_by(None if recogniser is None else model_name(recogniser))
    before = _measured_before(path, rendered, method)
    missing = rendered[~rendered["video"].isin(before["video"])]
    tables: list[pd.DataFrame] = [before]
    measures: dict[str, dict[str, Any]] = {
        video: {"problem": "its driving clip has no landmarks in this data set"}
        for video in missing["video"][~missing["clip"].isin(usable["video"])]
    }
    done = len(before) + len(measures)

    def save() -> pd.DataFrame:
        # Rows are columns from here on: a million dictionaries would take gigabytes.
        tables[:] = [pd.concat([*tables, quality_table(missing, measures, method)], ignore_index=True)]
        measures.clear()
        write_quality(path, tables[0])
        return tables[0]

    at_work: dict[str, list[str]] = {}

    def batches() -> Iterator[Batch]:
        for number, task in enumerate(_tasks(dataset, usable, missing)):
            at_work[str(number)] = [video.id for video in task.videos]
            yield Batch(((str(number), task),))

    progress(done, len(rendered))
    factory = SingleItemFactory(partial(MeasureWorker, recogniser))
    run = LocalEngine(workers).run(factory, batches(), time_limit=_TIME_LIMIT)
    saved = time.monotonic()
    try:
        with closing(ended_items(run)) as results:
            for number, result in results:
                videos = at_work.pop(number)
                failure = {"problem": f"{result.reason}: {result.detail}"}
                measures.update(result.facts["videos"] if result.state == "ok" else dict.fromkeys(videos, failure))
                done += len(videos)
                progress(done, len(rendered))
                if time.monotonic() - saved > _SAVE_EACH:
                    save()
                    saved = time.monotonic()
    finally:
        table = save()
    return table


def _measured_before(path: Path, rendered: pd.DataFrame, method: str) -> pd.DataFrame:
    """The rows of an earlier table that still hold: of the same file, measured in the same way, without a problem."""
    empty = quality_table(rendered.iloc[:0], {}, method)
    if not path.exists():
        return empty
    table = read_quality(path)
    hashes = rendered.set_index("video")["sha256"]
    same = table["sha256"].fillna("") == table["video"].map(hashes).fillna("")
    known = table["video"].isin(hashes.index) & (table["measured_by"] == method) & table["problem"].isna()
    return table[same & known].reset_index(drop=True)


def _tasks(dataset: Dataset, usable: pd.DataFrame, missing: pd.DataFrame) -> Iterator[MeasureTask]:
    """Yields the videos of each driving clip, in tasks of bounded length."""
    real = usable[usable["kind"] == "real"].set_index("video", drop=False)
    portraits = {
        identity: PortraitPlace(dataset.folder / portrait)
        for identity, portrait in dataset.identities[["identity", "portrait"]].itertuples(index=False)
        if isinstance(portrait, str)
    }
    for clip, group in missing[missing["clip"].isin(real.index)].groupby("clip", sort=True):
        driver = real.loc[clip]
        for start in range(0, len(group), VIDEOS_AT_ONCE):
            videos = []
            for row in group.iloc[start : start + VIDEOS_AT_ONCE].to_dict("records"):
                path = dataset.folder / row["path"] if isinstance(row["path"], str) else None
                target, is_self = portraits.get(row["target"]), row["kind"] == "self"
                videos.append(VideoPlace(row["video"], path, _place(dataset.folder, row), target, is_self))
            video_path = dataset.folder / driver["path"] if isinstance(driver["path"], str) else None
            yield MeasureTask(_place(dataset.folder, driver), video_path, tuple(videos))


def _place(folder: Path, row: Any) -> LandmarkPlace:
    return LandmarkPlace(folder / row["part"], int(row["first_row"]), int(row["frames"]))


def model_name(recogniser: Path) -> str:
    """A network's files by name and content, so that another one measures anew."""
    files = sorted(recogniser.glob("*.onnx")) if recogniser.is_dir() else [recogniser]
    return " ".join(f"{file.name} {sha256_of(file)[:12]}" for file in files)
