"""Exports a data set: who may be passed on is decided first, then every file is planned, then written."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from nvfair_tools.dataset.exports.folder import ExportFolder
from nvfair_tools.dataset.exports.permitted import USE, PermittedVideos, check_permitted, permitted_videos
from nvfair_tools.dataset.exports.plan import ExportPlan
from nvfair_tools.dataset.exports.targets import target_named
from nvfair_tools.dataset.reader import Dataset
from nvfair_tools.errors import NvfairError
from nvfair_tools.files import sha256_of

_REMEDY = (
    "`--only-permitted` (only_permitted=True) leaves these out and exports the others; a consent table can say "
    "yes; `nvfair dataset rights` counts again"
)


@dataclass(frozen=True)
class ExportReport:
    """What an export has written. files, videos: how many there are; written: how many files this run wrote.

    left_out: numbers of videos that are not in it, by the reason in words. remarks: what its reader should know.
    """

    folder: Path
    files: int
    written: int
    videos: int
    left_out: Mapping[str, int]
    remarks: tuple[str, ...]


def export_dataset(
    data: Dataset | str | Path,
    out: str | Path,
    target: str,
    *,
    options: Mapping[str, Any] | None = None,
    only_permitted: bool = False,
    day: date | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> ExportReport:
    """Copies the usable videos of a data set to the folder `out` in the layout `target`, one of `TARGETS`.

    Nothing of a video that may not be passed on (use "redistribution", on `day`; default: today) reaches `out`. Where
    there is one, the export is refused; `only_permitted` exports the others. options: of the target. An interrupted
    export goes on where it stopped; one that is finished does nothing. progress: receives written and all files.
    Raises NvfairError where videos are refused, where `out` holds something else, where the disk has too little
    room, and where files of the data set are missing or damaged.
    """
    planned = plan_export(data, out, target, options=options, only_permitted=only_permitted, day=day)
    written = _write(planned, progress)
    return replace(planned.report, written=written)


@dataclass(frozen=True)
class PlannedExport:
    """An export before it is written. report: of the whole export, with nothing written. facts: for its manifest."""

    report: ExportReport
    folder: ExportFolder
    plan: ExportPlan
    facts: Mapping[str, Any]

    @property
    def waiting_bytes(self) -> int:
        """Bytes of the files that are not there yet. Raises NvfairError where the disk has no room for them."""
        return 0 if self.folder.is_finished else sum(file.size for file in self.folder.waiting(self.plan.files))


def plan_export(
    data: Dataset | str | Path,
    out: str | Path,
    target: str,
    *,
    options: Mapping[str, Any] | None = None,
    only_permitted: bool = False,
    day: date | None = None,
) -> PlannedExport:
    """Does what `export_dataset` does before it writes: takes what it takes, and raises what it raises."""
    dataset, out = data if isinstance(data, Dataset) else Dataset.open(data), Path(out)
    layout = target_named(target)
    chosen = layout.check_options(dict(options or {}))
    _check_apart(dataset.folder, out)
    judged = permitted_videos(dataset, day)
    if not only_permitted:
        check_permitted(dataset, judged, _REMEDY)
    plan = layout.plan(dataset, judged, **chosen)
    left_out = {**{f"may not be passed on: {reason}": n for reason, n in judged.refused.items()}, **plan.left_out}
    if not any(file.videos for file in plan.files):
        reasons = "; ".join(f"{count:,} {reason}" for reason, count in left_out.items())
        raise NvfairError(
            f"none of its videos can be exported{f': {reasons}' if reasons else ''}", where=dataset.folder
        )
    what = _what(dataset, judged, layout.name, layout.version, chosen)
    folder = ExportFolder(out, what)
    videos = sum(file.videos for file in plan.files)
    report = ExportReport(out, len(plan.files), 0, videos, left_out, plan.remarks)
    return PlannedExport(report, folder, plan, {**what, "left_out": left_out})


def _write(planned: PlannedExport, progress: Callable[[int, int], None]) -> int:
    folder, plan = planned.folder, planned.plan
    if folder.is_finished:
        return 0
    folder.begin()
    waiting = folder.waiting(plan.files)
    present = len(plan.files) - len(waiting)
    with folder.open_record() as record:
        for number, file in enumerate(waiting):
            progress(present + number, len(plan.files))
            folder.write(file, record)
    progress(len(plan.files), len(plan.files))
    folder.finish(plan.files, planned.facts)
    return len(waiting)


def _what(
    dataset: Dataset, judged: PermittedVideos, target: str, version: int, options: Mapping[str, Any]
) -> dict[str, Any]:
    """What is exported, as the manifest says it; the day is left out, so that an export may go on after midnight."""
    ids = "\n".join(judged.videos["video"])
    return {
        "dataset": {
            "name": dataset.name,
            "dataset_json_sha256": sha256_of(dataset.folder / "dataset.json"),
            "simulated": dataset.meta.get("simulated") is True,
        },
        "layout": {"target": target, "version": version, **options},
        "passed_on": {
            "use": USE,
            "purpose": judged.purpose,
            "videos": len(judged.videos),
            "videos_sha256": hashlib.sha256(ids.encode()).hexdigest(),
        },
    }


def _check_apart(folder: Path, out: Path) -> None:
    """Raises NvfairError where one of the folders is the other, or lies in it."""
    inner, outer = out.resolve(), folder.resolve()
    if inner == outer or inner in outer.parents or outer in inner.parents:
        raise NvfairError(
            f"the export would be in {folder}, or around it", where=out, remedy="name a folder beside the data set"
        )
